using Kagemusha.Wire;
using static Kagemusha.Intruder.Packets;

namespace Kagemusha.Intruder;

/// <summary>From whom a packet says that it comes.</summary>
internal static class Sources
{
    private static readonly Ipv6Address Foreign = Ipv6Address.Parse("2001:db8:66::6");

    public static Attack[] All { get; } =
    [
        new("datagrams from its own address, to a correspondent and to the other guest", (scene, mark) =>
        [
            From(scene, mark, scene.Self.Address),
            scene.Frame(Datagram(scene.Self.Address, scene.Other.Address, mark.Next())),
        ])
        { Ordinary = 2 },
        new("a datagram from an address of some other network", (scene, mark) => [From(scene, mark, Foreign)]),
        new("a datagram from an address of the home link that nobody has", (scene, mark) => [From(scene, mark, Neighbour(scene))]),
        new("a datagram from the other guest's home address", (scene, mark) => [From(scene, mark, scene.Other.Address)]),
        new("a datagram from the care-of address", (scene, mark) => [From(scene, mark, scene.CareOf)]),
        new("a datagram from the home agent's address", (scene, mark) => [From(scene, mark, scene.HomeAgent)]),
        new("a datagram from the router's link-local address", (scene, mark) => [From(scene, mark, scene.Router.Address)]),
        new("a datagram from its own link-local address", (scene, mark) => [From(scene, mark, scene.Self.LinkLocal)]),
        new("datagrams from the unspecified, the loopback, an IPv4-mapped and a multicast address", (scene, mark) =>
            from address in (string[])["::", "::1", "::ffff:192.0.2.10", "ff02::1"]
            select From(scene, mark, Ipv6Address.Parse(address))),
        new("datagrams from strangers, the home agent, the correspondent and the other guest itself, to the other guest", (scene, mark) =>
            from address in (Ipv6Address[])[Foreign, Neighbour(scene), scene.HomeAgent, scene.Correspondent, scene.Other.Address]
            select scene.Frame(Datagram(address, scene.Other.Address, mark.Next()))),
    ];

    private static byte[] From(Scene scene, Marker mark, Ipv6Address source) => scene.Frame(Datagram(source, scene.Correspondent, mark.Next()));

    private static Ipv6Address Neighbour(Scene scene) => new(scene.Self.Address.Bits >> 64 << 64 | 0xbad);
}
