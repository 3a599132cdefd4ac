using Kagemusha.Wire;
using static Kagemusha.Intruder.Packets;

namespace Kagemusha.Intruder;

/// <summary>What a link's neighbours say to each other, and to groups.</summary>
internal static class Links
{
    private const byte MulticastListenerQuery = 130;
    private const byte Redirect = 137;
    private const byte MulticastListenerReport = 143;
    private const ushort MulticastDns = 5353;
    private const ushort DhcpServer = 547;
    private const ushort DhcpClient = 546;

    // Nobody's (RFC 4727, section 5): to be skipped.
    private const byte OptionType = 253;

    private static readonly Ipv6Address ListenerReports = Ipv6Address.Parse("ff02::16");
    private static readonly Ipv6Address MulticastDnsGroup = Ipv6Address.Parse("ff02::fb");
    private static readonly Ipv6Address DhcpServers = Ipv6Address.Parse("ff02::1:2");

    public static Attack[] All { get; } =
    [
        new("an echo request and a connection to the other guest's link-local address, to its link-layer address and by the router", (scene, mark) =>
            from to in (LinkLayerAddress[])[scene.Other.Mac, scene.Router.Mac]
            from source in (Ipv6Address[])[scene.Self.LinkLocal, scene.Self.Address]
            from packet in (byte[][])[Echo(source, scene.Other.LinkLocal, mark.Next()), Connect(source, scene.Other.LinkLocal, 23, mark.Next())]
            select scene.Frame(packet, to)),
        new("echo requests to all nodes, all routers, groups of the link, the site and the world", (scene, mark) =>
            from source in (Ipv6Address[])[scene.Self.LinkLocal, scene.Self.Address]
            from name in (string[])["ff02::1", "ff02::2", "ff02::fb", "ff05::1:3", "ff0e::114", "ff01::1"]
            select scene.Frame(Echo(source, Ipv6Address.Parse(name), mark.Next()))),
        new("Multicast DNS", (scene, mark) =>
            [scene.Frame(Datagram(scene.Self.LinkLocal, MulticastDnsGroup, mark.Next(), MulticastDns, hopLimit: 255))]),
        new("Multicast Listener Queries and Reports, behind a Router Alert and not", (scene, mark) =>
        [
            scene.Frame(Alert(Query(scene, mark))),
            scene.Frame(Query(scene, mark)),
            scene.Frame(Alert(Report(scene, mark))),
            scene.Frame(Report(scene, mark)),
        ]),
        new("Router Advertisements in the router's name, to all, to the other guest and to its router", (scene, mark) =>
            from to in (Station[])[new(default, Ipv6Address.AllNodes), scene.Other with { Address = scene.Other.LinkLocal }, scene.Router]
            select Discovery(scene, scene.Router.Address, to, new RouterAdvertisement(64, default, 0, 0, 0, Options(mark)))),
        new("Router Advertisements in its own name", (scene, mark) =>
        [
            Discovery(
                scene,
                scene.Self.LinkLocal,
                new(default, Ipv6Address.AllNodes),
                new RouterAdvertisement(64, RouterAdvertisementFlags.HighPreference, 1800, 0, 0, Options(mark))),
        ]),
        new("Redirects in the router's name, to the other guest", (scene, mark) =>
            from mac in (LinkLayerAddress[])[scene.Other.Mac, scene.Router.Mac]
            select scene.Frame(Icmpv6(scene.Router.Address, scene.Other.Address, Redirect, RedirectBody(scene, mark)), mac)),
        new("Neighbour Advertisements that override, in the router's, the other guest's, the home agent's and the care-of address's name", (scene, mark) =>
            from target in (Ipv6Address[])[scene.Router.Address, scene.Other.Address, scene.Other.LinkLocal, scene.HomeAgent, scene.CareOf]
            from to in (Station[])[new(default, Ipv6Address.AllNodes), scene.Other with { Address = scene.Other.LinkLocal }]
            select Discovery(
                scene,
                target,
                to,
                new NeighbourAdvertisement(
                    target,
                    NeighbourAdvertisementFlags.Override | NeighbourAdvertisementFlags.Router,
                    [new TargetLinkLayerAddress(scene.Self.Mac), .. Options(mark)]))),
        new("Neighbour Solicitations in the other guest's name, and its duplicate address detection", (scene, mark) =>
            from source in (Ipv6Address[])[scene.Other.Address, scene.Other.LinkLocal, default]
            select Discovery(
                scene,
                source,
                new(default, scene.Other.Address.SolicitedNode),
                new NeighbourSolicitation(scene.Other.Address, Options(mark)))),
        new("Neighbour Solicitations for the care-of address and the host's router, and a Router Solicitation", (scene, mark) =>
        [
            .. from target in (Ipv6Address[])[scene.CareOf, new(scene.CareOf.Bits >> 64 << 64 | 1)]
               select Discovery(scene, scene.Self.Address, new(default, target.SolicitedNode), new NeighbourSolicitation(target, Options(mark))),
            Discovery(scene, scene.Self.LinkLocal, new(default, Ipv6Address.AllRouters), new RouterSolicitation(Options(mark))),
        ]),
        new("DHCPv6, as a client and as a server to the other guest", (scene, mark) =>
        [
            scene.Frame(Datagram(scene.Self.LinkLocal, DhcpServers, [1, .. mark.Next()], DhcpServer)),
            scene.Frame(Datagram(scene.Router.Address, scene.Other.LinkLocal, [7, .. mark.Next()], DhcpClient), scene.Other.Mac),
        ]),
    ];

    private static byte[] Discovery(Scene scene, Ipv6Address source, Station to, NeighbourDiscoveryMessage message) => scene.Frame(
        new NeighbourDiscoveryPacket(source, to.Address, message).ToArray(), to.Address.IsMulticast ? null : to.Mac);

    private static WireArray<NeighbourDiscoveryOption> Options(Marker mark) => [new UnknownNeighbourDiscoveryOption(OptionType, WireArray.Create<byte>(mark.Next()))];

    // RFC 4861, section 4.5: for the correspondent, the guest itself is the better first hop.
    private static byte[] RedirectBody(Scene scene, Marker mark) =>
        [0, 0, 0, 0, .. scene.Self.LinkLocal.ToArray(), .. scene.Correspondent.ToArray(), OptionType, 1, .. mark.Next()];

    // RFC 3810, sections 5.1 and 5.2; what follows what is known is ignored.
    private static byte[] Query(Scene scene, Marker mark) =>
        Icmpv6(scene.Self.LinkLocal, Ipv6Address.AllNodes, MulticastListenerQuery, [0, 1, 0, 0, .. new byte[16], 2, 125, 0, 0, .. mark.Next()], 1);

    private static byte[] Report(Scene scene, Marker mark) =>
        Icmpv6(scene.Self.LinkLocal, ListenerReports, MulticastListenerReport, [0, 0, 0, 1, 4, 0, 0, 0, .. MulticastDnsGroup.ToArray(), .. mark.Next()], 1);

    // RFC 2711.
    private static byte[] Alert(byte[] packet) => Behind(NextHeader.HopByHopOptions, [0, 5, 2, 0, 0, 1, 0], packet);
}
