using Kagemusha.Wire;
using static Kagemusha.Intruder.Packets;

namespace Kagemusha.Intruder;

/// <summary>What a packet is for: the host that the guest is on, and what its programs listen to.</summary>
internal static class Hosts
{
    // The agents' channel, libvirt, SSH.
    private static readonly ushort[] Listeners = [6275, 16509, 22];

    public static Attack[] All { get; } =
    [
        new("echo request, datagrams and connections to the agents', libvirt's and the SSH port of the host's care-of address", (scene, mark) =>
            Everything(scene, mark, scene.Self.Address, scene.CareOf)),
        new("the same to the link-local address of the router's double", (scene, mark) =>
            Everything(scene, mark, scene.Self.Address, scene.Router.Address)),
        new("the same from its link-local address", (scene, mark) =>
        [
            .. Everything(scene, mark, scene.Self.LinkLocal, scene.CareOf),
            .. Everything(scene, mark, scene.Self.LinkLocal, scene.Router.Address),
        ]),
        new("the same in the other guest's and in the home agent's name", (scene, mark) =>
        [
            .. Everything(scene, mark, scene.Other.Address, scene.CareOf),
            .. Everything(scene, mark, scene.HomeAgent, scene.CareOf),
        ]),
        new("the same to the routers' anycast address of the host's own link", (scene, mark) =>
            Everything(scene, mark, scene.Self.Address, new(scene.CareOf.Bits >> 64 << 64))),
        new("the same to the loopback address", (scene, mark) =>
            Everything(scene, mark, scene.Self.Address, new(1))),
        new("a packet whose hop limit ends at the host", (scene, mark) =>
            [scene.Frame(Datagram(scene.Self.Address, scene.Correspondent, mark.Next(), hopLimit: 1))]),
    ];

    private static IEnumerable<byte[]> Everything(Scene scene, Marker mark, Ipv6Address source, Ipv6Address host) =>
    [
        scene.Frame(Echo(source, host, mark.Next())),
        .. Listeners.Select(port => scene.Frame(Datagram(source, host, mark.Next(), port))),
        .. Listeners.Select(port => scene.Frame(Connect(source, host, port, mark.Next()))),
    ];
}
