using System.Runtime.InteropServices;
using CsCheck;
using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>What is written can be read, and nothing that is read can do harm.</summary>
public sealed class NetlinkMessageTests
{
    [Fact]
    public void Attributes_that_are_written_are_read()
    {
        var writer = new NetlinkWriter();
        writer.Begin(1, 0);
        writer.Text(1, "odd");
        writer.Byte(2, 7);
        var nested = writer.BeginNested(3);
        writer.Number(4, 0xdeadbeef);
        writer.Address(5, Ipv6Address.Parse("2001:db8::1"));
        writer.EndNested(nested);
        writer.Bytes(6, LinkLayerAddress.Parse("52:54:00:00:00:10").ToArray());
        writer.End();

        var attributes = new NetlinkAttributes(writer.Written[NetlinkWriter.HeaderLength..]);
        Assert.Equal("odd", attributes.Text(1));
        Assert.Equal(7, attributes.Byte(2));
        Assert.Equal(0xdeadbeef, attributes.Nested(3).Number(4));
        Assert.Equal(Ipv6Address.Parse("2001:db8::1"), attributes.Nested(3).Address(5));
        Assert.Equal(LinkLayerAddress.Parse("52:54:00:00:00:10"), attributes.LinkLayer(6));
        Assert.False(attributes.Has(4));
        Assert.Null(attributes.Text(9));
        Assert.Equal(0u, attributes.Number(9));
    }

    [Fact]
    public void A_message_begins_with_its_length_and_type_and_ends_at_a_multiple_of_four()
    {
        var writer = new NetlinkWriter();
        for (var i = 0; i < 300; i++)
        {
            writer.Begin(Netlink.RTM_NEWLINK, Netlink.NLM_F_ACK);
            writer.Text(1, new('x', i));
            writer.End();
        }

        Assert.Equal(300, writer.Count);
        var seen = 0;
        NetlinkSocket.Parse(writer.Written, (in header, payload) =>
        {
            Assert.Equal((Netlink.RTM_NEWLINK, Netlink.NLM_F_REQUEST | Netlink.NLM_F_ACK), (header.Type, header.Flags));
            Assert.Equal(new string('x', seen++), new NetlinkAttributes(payload).Text(1));
        });
        Assert.Equal(300, seen);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Netlink.NLM_F_ACK)]
    public void Only_the_last_message_is_acknowledged_where_that_is_wanted(int flags)
    {
        var writer = new NetlinkWriter();
        for (var i = 0; i < 3; i++)
        {
            writer.Begin(Netlink.RTM_NEWLINK, flags | Netlink.NLM_F_CREATE);
            writer.Text(1, new('x', i));
            writer.End();
        }

        writer.AcknowledgeTheLastOnly();
        var seen = new List<int>();
        NetlinkSocket.Parse(writer.Written, (in header, _) => seen.Add(header.Flags));
        var rest = Netlink.NLM_F_REQUEST | Netlink.NLM_F_CREATE;
        Assert.Equal([rest, rest, rest | Netlink.NLM_F_ACK], seen);
    }

    [Fact]
    public void Any_bytes_can_be_read() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        var link = LinkMessages.Read(bytes);
        _ = RouteMessages.ReadAddress(bytes);
        _ = RouteMessages.ReadRoute(bytes);
        _ = RouteMessages.ReadRule(bytes, 75);
        _ = RouteMessages.ReadNeighbour(bytes);
        _ = LinkMessages.ReadStatistics(bytes);
        _ = BridgeMessages.ReadEntry(bytes);
        _ = FilterMessages.Read(bytes, "tap0", FilterHook.Ingress, 75, _ => "kgho");
        _ = FilterMessages.ReadClassifier(bytes);
        NetlinkSocket.Parse(bytes, (in header, payload) => Assert.True(header.Length <= bytes.Length));
        return bytes.Length < 16 == link is null;
    });

    [Fact]
    public void A_filter_that_is_written_is_read()
    {
        FilterMatch[] matches =
        [
            new AnyMatch(),
            new FlowerMatch(),
            new FlowerMatch { Source = Ipv6Prefix.Parse("2001:db8::/64"), Destination = Ipv6Prefix.Parse("fe80::/10"), IpProtocol = 58 },
            new FlowerMatch { Source = Ipv6Prefix.Parse("::1/128") },
            new FlowerMatch { DestinationLinkLayer = LinkLayerAddress.Parse("52:54:00:00:00:10") },
            U32Match.NextHeader(0),
            U32Match.FragmentNextHeader(135),
            new U32Match(new(8, 0x20010db8, 0xffffffff)),
        ];
        foreach (var match in matches)
        {
            foreach (var action in Enum.GetValues<FilterAction>().Where(action => action != FilterAction.Herald || match is FlowerMatch { DestinationLinkLayer: not null }))
            {
                var filter = new Filter("tap0", FilterHook.Egress, 7, match, action)
                {
                    Target = action == FilterAction.Redirect ? "kgho" : null,
                    Handle = match is FlowerMatch { Source: not null } ? 0x800001 : Filter.FirstHandle,
                };
                var writer = new NetlinkWriter();
                FilterMessages.Write(writer, filter, ChangeKind.Add, name => name == "tap0" ? 2 : 3, 75);
                var payload = writer.Written[NetlinkWriter.HeaderLength..].ToArray();

                // The handle of a u32 filter is the kernel's to choose.
                if (match is U32Match)
                {
                    MemoryMarshal.Write(payload.AsSpan(8), 0x80000800);
                }

                Assert.Equal(new(filter, IsMarked: true), FilterMessages.Read(payload, "tap0", FilterHook.Egress, 75, index => index == 3 ? "kgho" : null));
                Assert.Equal(new(filter, IsMarked: false), FilterMessages.Read(payload, "tap0", FilterHook.Egress, 76, index => index == 3 ? "kgho" : null));
            }
        }
    }

    [Fact]
    public void A_pair_is_made_with_both_its_names_in_our_group()
    {
        var writer = new NetlinkWriter();
        LinkMessages.WriteAdd(writer, new Veth("kgs1", "kgb1"), 75, _ => 0);
        var attributes = new NetlinkAttributes(writer.Written[(NetlinkWriter.HeaderLength + LinkInfo)..]);
        Assert.Equal(("kgs1", 75u), (attributes.Text(Netlink.IFLA_IFNAME), attributes.Number(Netlink.IFLA_GROUP)));
        var info = attributes.Nested(Netlink.IFLA_LINKINFO);
        Assert.Equal("veth", info.Text(Netlink.IFLA_INFO_KIND));

        // The peer's attributes come behind a struct ifinfomsg of its own.
        var peer = new NetlinkAttributes(info.Nested(Netlink.IFLA_INFO_DATA)[Netlink.VETH_INFO_PEER][LinkInfo..]);
        Assert.Equal(("kgb1", 75u), (peer.Text(Netlink.IFLA_IFNAME), peer.Number(Netlink.IFLA_GROUP)));
    }

    [Fact]
    public void Settings_of_a_port_that_are_written_are_read()
    {
        for (var bits = 0; bits < 16; bits++)
        {
            var settings = new BridgePortSettings((bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0);
            var attributes = Written(new("vnet0")
            {
                Learning = settings.Learning,
                UnicastFlood = settings.UnicastFlood,
                MulticastFlood = settings.MulticastFlood,
                BroadcastFlood = settings.BroadcastFlood,
                TransmitQueueLength = 10_000,
            });
            Assert.Equal(settings, BridgeMessages.ReadPort(attributes.Nested(Netlink.IFLA_LINKINFO)));
            Assert.Equal(("vnet0", 10_000u), (attributes.Text(Netlink.IFLA_IFNAME), attributes.Number(Netlink.IFLA_TXQLEN)));
        }
    }

    [Fact]
    public void What_is_null_of_a_port_is_not_in_the_message()
    {
        var attributes = Written(new("vnet0") { MulticastFlood = false });
        var data = attributes.Nested(Netlink.IFLA_LINKINFO).Nested(Netlink.IFLA_INFO_SLAVE_DATA);
        Assert.True(data.Has(Netlink.IFLA_BRPORT_MCAST_FLOOD));
        Assert.False(data.Has(Netlink.IFLA_BRPORT_LEARNING) || data.Has(Netlink.IFLA_BRPORT_UNICAST_FLOOD) || data.Has(Netlink.IFLA_BRPORT_BCAST_FLOOD));
        Assert.False(attributes.Has(Netlink.IFLA_TXQLEN));
        Assert.Null(BridgeMessages.ReadPort(default));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_forwarding_entries_of_a_bridge_the_sticky_and_the_learnt_ones_are_read(bool isSticky)
    {
        var entry = new BridgeForwardingEntry("vnet0", LinkLayerAddress.Parse("52:54:00:00:00:10")) { IsSticky = isSticky };
        var told = new ForwardingMessage(7, entry.Address, isSticky);
        Assert.Equal(told, BridgeMessages.ReadEntry(Told(entry, Netlink.NDA_MASTER)));
        for (var length = 0; length < Told(entry, Netlink.NDA_MASTER).Length; length++)
        {
            Assert.Null(BridgeMessages.ReadEntry(Told(entry, Netlink.NDA_MASTER).AsSpan(0, length)));
        }

        // One of a VLAN, one of the link's own list, and a merely static or permanent one.
        Assert.Null(BridgeMessages.ReadEntry(Told(entry, Netlink.NDA_MASTER, Netlink.NDA_VLAN)));
        Assert.Null(BridgeMessages.ReadEntry(Told(entry)));
        foreach (var state in new[] { isSticky ? Netlink.NUD_REACHABLE : Netlink.NUD_NOARP, Netlink.NUD_PERMANENT })
        {
            var payload = Told(entry, Netlink.NDA_MASTER);
            MemoryMarshal.Write(payload.AsSpan(8), state);
            Assert.Null(BridgeMessages.ReadEntry(payload));
        }

        // To the bridge, not to the port's own list.
        Assert.NotEqual(0, Told(entry)[10] & Netlink.NTF_MASTER);
    }

    /// <summary>An entry as it is written, with more attributes.</summary>
    private static byte[] Told(BridgeForwardingEntry entry, params ushort[] numbers)
    {
        var (writer, more) = (new NetlinkWriter(), new NetlinkWriter());
        BridgeMessages.WriteEntry(writer, entry, delete: false, 7);
        more.Begin(0, 0);
        foreach (var number in numbers)
        {
            more.Number(number, 2);
        }

        more.End();
        return [.. writer.Written[NetlinkWriter.HeaderLength..], .. more.Written[NetlinkWriter.HeaderLength..]];
    }

    private const int LinkInfo = 16;

    private static NetlinkAttributes Written(BridgePort port)
    {
        var writer = new NetlinkWriter();
        BridgeMessages.WritePort(writer, port);
        return new(writer.Written[(NetlinkWriter.HeaderLength + LinkInfo)..]);
    }
}
