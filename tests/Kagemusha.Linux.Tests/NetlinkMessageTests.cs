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

    [Fact]
    public void Any_bytes_can_be_read() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        var link = LinkMessages.Read(bytes);
        _ = RouteMessages.ReadAddress(bytes);
        _ = RouteMessages.ReadRoute(bytes);
        _ = RouteMessages.ReadRule(bytes, 75);
        _ = RouteMessages.ReadNeighbour(bytes);
        _ = FilterMessages.Read(bytes, "tap0", FilterHook.Ingress);
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
            U32Match.NextHeader(0),
            U32Match.FragmentNextHeader(135),
            new U32Match(new(8, 0x20010db8, 0xffffffff)),
        ];
        foreach (var match in matches)
        {
            foreach (var action in Enum.GetValues<FilterAction>())
            {
                var filter = new Filter("tap0", FilterHook.Egress, 7, match, action);
                var writer = new NetlinkWriter();
                FilterMessages.Write(writer, filter, ChangeKind.Add, 2);
                var payload = writer.Written[NetlinkWriter.HeaderLength..].ToArray();

                // The handle of a u32 filter is the kernel's to choose.
                MemoryMarshal.Write(payload.AsSpan(8), 0x80000800);
                Assert.Equal(filter, FilterMessages.Read(payload, "tap0", FilterHook.Egress));
            }
        }
    }
}
