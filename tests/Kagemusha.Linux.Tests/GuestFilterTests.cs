using System.Net;
using System.Net.Sockets;
using Kagemusha.Wire;
using static Kagemusha.Linux.Tests.GuestSite;
using static Kagemusha.Linux.Tests.Packets;

namespace Kagemusha.Linux.Tests;

/// <summary>A guest's frames on a real tap: what must not get on does not, what must does, and without the filter it would.</summary>
[Trait("Needs", "kernel")]
public sealed class GuestFilterTests
{
    private const ushort Port = 4500;
    private static readonly LinkLayerAddress Neighbour = LinkLayerAddress.Parse("02:00:00:00:00:99");
    private static readonly Ipv6Address Stranger = Ipv6Address.Parse("2001:db8:66::6");

    private static readonly byte[] End = Udp(Home, Correspondent, 9, "end"u8.ToArray());

    /// <summary>Packets that a host without the filter would forward.</summary>
    private static readonly (string What, byte[] Packet)[] Forwarded =
    [
        ("a spoofed source", Plain(Stranger, Correspondent)),
        ("another guest's source", Plain(OtherHome, Correspondent)),
        ("a spoofed source to another guest", Plain(Stranger, OtherHome)),
        ("hop-by-hop options", Ipv6(Home, Correspondent, 0, Extension(17, End))),
        ("destination options", Ipv6(Home, Correspondent, 60, Extension(17, End))),
        ("a home address option", Ipv6(Home, Correspondent, 60, HomeAddressOption(OtherHome, 17, End))),
        ("a binding update of the guest's own", Ipv6(Home, Correspondent, 60, HomeAddressOption(Home, 135, MobilityHeader))),
        ("a mobility header", Ipv6(Home, Correspondent, 135, MobilityHeader)),
        ("a type 2 routing header", Ipv6(Home, Correspondent, 43, Type2Routing(OtherHome, 17, End))),
        ("a routing header of another type", Ipv6(Home, Correspondent, 43, Extension(17, End))),
        ("a packet in a packet", Ipv6(Home, Correspondent, 41, Plain(OtherHome, Correspondent))),
        ("a mobility header in a first fragment", Ipv6(Home, Correspondent, 44, Fragment(135, 0, MobilityHeader))),
        ("a mobility header in a later fragment", Ipv6(Home, Correspondent, 44, Fragment(135, 2, MobilityHeader))),
        ("a home address option in a fragment", Ipv6(Home, Correspondent, 44, Fragment(60, 0, HomeAddressOption(OtherHome, 17, End)))),
        ("a routing header in a fragment", Ipv6(Home, Correspondent, 44, Fragment(43, 0, Type2Routing(OtherHome, 17, End)))),
        ("hop-by-hop options in a fragment", Ipv6(Home, Correspondent, 44, Fragment(0, 0, Extension(17, End)))),
        ("a packet in a packet in a fragment", Ipv6(Home, Correspondent, 44, Fragment(41, 0, Plain(OtherHome, Correspondent)))),
        ("a fragment in a fragment", Ipv6(Home, Correspondent, 44, Fragment(44, 0, Fragment(60, 0, HomeAddressOption(OtherHome, 17, End))))),
    ];

    /// <summary>Packets that a host without the filter would take for itself.</summary>
    private static readonly (string What, byte[] Packet)[] ForTheHost =
    [
        ("to the care-of address", ToHost(CareOf)),
        ("to the routers' anycast address of the care-of address's subnet", ToHost(SubnetRouters)),
        ("to the router's link-local address", ToHost(Router)),
        ("to all nodes", ToHost(Ipv6Address.AllNodes)),
        ("from a link-local address", Ipv6(Ipv6Address.Parse("fe80::10"), Router, 17, Udp(Ipv6Address.Parse("fe80::10"), Router, Port, "host"u8.ToArray()))),
    ];

    private static readonly (string What, byte[] Packet)[] Good =
    [
        ("UDP", Plain(Home, Correspondent)),
        ("TCP", Ipv6(Home, Correspondent, 6, new byte[20])),
        ("an echo request", Ipv6(Home, Correspondent, 58, [128, 0, 0, 0, 0, 0, 0, 0])),
        ("ESP", Ipv6(Home, Correspondent, 50, new byte[32])),
        ("no next header", Ipv6(Home, Correspondent, 59, [])),
        ("a first fragment", Ipv6(Home, Correspondent, 44, Fragment(17, 0, End))),
        ("a later fragment that looks like a mobility header", Ipv6(Home, Correspondent, 44, Fragment(17, 2, MobilityHeader))),
    ];

    private static CancellationToken Deadline => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    [Fact]
    public async Task What_a_guest_must_not_send_does_not_pass()
    {
        using var site = new GuestSite(filtered: true);
        using var host = Listen(site);
        using var towardsGuest = site.Host.Run(() => new PacketSocket(site.Index["tap0"], AnswersToTheGuest()));
        var foreign = new[] { EtherType.Arp, EtherType.Ipv4, (EtherType)0x8100 }
            .Select(etherType => Frame(RouterLink, GuestLink, etherType, Plain(Home, Correspondent)));
        var solicitations = new[] { Router, CareOf, Home }.Select(target => Solicitation(Home, target, GuestLink));
        foreach (var frame in foreign)
        {
            site.Guest.Send(frame);
        }

        Assert.Empty(await Seen(site, [.. Forwarded, .. ForTheHost, .. solicitations.Select(packet => ("a solicitation", packet))]));
        Assert.Equal(0, host.Available);
        Assert.False(towardsGuest.TryReceive(new byte[2048], out _), "the host's kernel answered");
        var known = site.Host.Json("-6 neigh show dev tap0 nud all").Select(neighbour => neighbour.GetProperty("dst").GetString()!);
        Assert.Equal([Home.ToString()], known.Where(address => !Ipv6Address.Parse(address).IsMulticast));
    }

    [Fact]
    public async Task Without_the_filter_it_would()
    {
        using var site = new GuestSite(filtered: false);
        using var host = Listen(site);
        Assert.Equal(Forwarded.Select(one => one.What), (await Seen(site, Forwarded)).Order(Comparer<string>.Create(Position)));
        foreach (var (what, packet) in ForTheHost)
        {
            site.Guest.Send(Frame(Destination(packet), GuestLink, EtherType.Ipv6, packet));
            var buffer = new byte[16];
            var length = await host.ReceiveAsync(buffer, SocketFlags.None, Deadline);
            Assert.True(buffer.AsSpan(0, length).SequenceEqual("host"u8), what);
        }

        static int Position(string? one, string? other) =>
            Array.FindIndex(Forwarded, known => known.What == one).CompareTo(Array.FindIndex(Forwarded, known => known.What == other));
    }

    [Fact]
    public async Task What_a_guest_may_send_passes()
    {
        using var site = new GuestSite(filtered: true);
        Assert.Equal(Good.Select(one => one.What), await Seen(site, Good));
    }

    [Fact]
    public async Task What_a_guest_sends_to_a_neighbour_on_its_own_link_goes_the_same_way()
    {
        using (var plain = new GuestSite(filtered: false))
        {
            Assert.Empty(await Seen(plain, Good, Neighbour));
        }

        using var site = new GuestSite(filtered: true);
        Assert.Equal(Good.Select(one => one.What), await Seen(site, Good, Neighbour));
        Assert.Empty(await Seen(site, Forwarded, Neighbour));
    }

    [Fact]
    public async Task A_packet_socket_sees_what_the_filter_drops()
    {
        using var site = new GuestSite(filtered: true);
        using var discovery = site.Host.Run(() => new PacketSocket(site.Index["tap0"], PacketFilter.NeighbourDiscovery));
        var solicitation = Solicitation(Home, Router, GuestLink);
        site.Guest.Send(Frame(LinkLayerAddress.ForMulticast(Router.SolicitedNode), GuestLink, EtherType.Ipv6, solicitation));
        var buffer = new byte[2048];
        var frame = await discovery.ReceiveAsync(buffer, Deadline);
        Assert.Equal((PacketType.Multicast, GuestLink, site.Index["tap0"]), (frame.Type, frame.Source, frame.InterfaceIndex));
        Assert.Equal(solicitation, buffer[EthernetFrame.HeaderLength..frame.Length]);
    }

    /// <summary>Sends packets and one that passes behind them; says which came out before that. They are told apart by their flow labels.</summary>
    private static async Task<List<string>> Seen(GuestSite site, (string What, byte[] Packet)[] packets, LinkLayerAddress? to = null)
    {
        using var exit = site.Host.Run(() => new PacketSocket(site.Index["out"], AllOf(EtherType.Ipv6)));
        var all = packets.Append(("end", Ipv6(Home, Correspondent, 17, End))).ToArray();
        for (var i = 0; i < all.Length; i++)
        {
            var packet = all[i].Item2.ToArray();
            packet[3] = (byte)(i + 1);
            site.Guest.Send(Frame(to is not null && i < packets.Length ? to.Value : Destination(packet), GuestLink, EtherType.Ipv6, packet));
        }

        var seen = new List<string>();
        var buffer = new byte[2048];
        while (seen is not [.., "end"])
        {
            await exit.ReceiveAsync(buffer, Deadline);

            // The host's own multicast listener reports have no flow label.
            if (buffer[EthernetFrame.HeaderLength + 3] is > 0 and var label)
            {
                seen.Add(all[label - 1].Item1);
            }
        }

        seen.RemoveAt(seen.Count - 1);
        return seen;
    }

    private static byte[] Plain(Ipv6Address source, Ipv6Address destination) => Ipv6(source, destination, 17, Udp(source, destination, 9, "plain"u8.ToArray()));

    private static byte[] ToHost(Ipv6Address destination) => Ipv6(Home, destination, 17, Udp(Home, destination, Port, "host"u8.ToArray()));

    private static LinkLayerAddress Destination(byte[] packet) =>
        Ipv6Address.Read(packet.AsSpan(24)) is { IsMulticast: true } group ? LinkLayerAddress.ForMulticast(group) : RouterLink;

    private static Socket Listen(GuestSite site) => site.Host.Run(() =>
    {
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, Port));
        return socket;
    });

    /// <summary>ICMPv6 that the host sends: errors and advertisements. Its multicast listener reports have a hop-by-hop header.</summary>
    private static PacketFilter AnswersToTheGuest()
    {
        var builder = new PacketFilterBuilder();
        var drop = builder.NewLabel();
        return builder.LoadPacketType().JumpUnlessEqual((uint)PacketType.Outgoing, drop).LoadByte(EthernetFrame.HeaderLength + 6).JumpUnlessEqual(58, drop)
            .Accept().Mark(drop).Drop().Build();
    }
}
