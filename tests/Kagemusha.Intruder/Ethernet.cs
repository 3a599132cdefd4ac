using System.Buffers.Binary;
using Kagemusha.Wire;
using static Kagemusha.Intruder.Packets;

namespace Kagemusha.Intruder;

/// <summary>Frames that are not IPv6 of the guest's own link-layer address, or no good frames at all.</summary>
internal static class Ethernet
{
    private const EtherType Vlan = (EtherType)0x8100;
    private const EtherType ServiceVlan = (EtherType)0x88a8;
    private const EtherType FlowControl = (EtherType)0x8808;
    private const EtherType LinkLayerDiscovery = (EtherType)0x88cc;
    private const EtherType Loopback = (EtherType)0x9000;
    private const EtherType Experimental = (EtherType)0x88b5;
    private const byte Udp = 17;

    // RFC 5737: addresses of the home link, if it had IPv4.
    private const uint Ipv4Self = 0xc000_020a;
    private const uint Ipv4Router = 0xc000_0201;
    private const uint Ipv4Everybody = 0xffff_ffff;

    // IEEE 802.1Q, table 8-1: the groups that bridges keep to themselves.
    private static readonly LinkLayerAddress Bridges = LinkLayerAddress.Parse("01:80:c2:00:00:00");
    private static readonly LinkLayerAddress Pause = LinkLayerAddress.Parse("01:80:c2:00:00:01");
    private static readonly LinkLayerAddress NearestBridge = LinkLayerAddress.Parse("01:80:c2:00:00:0e");
    private static readonly LinkLayerAddress Everybody = LinkLayerAddress.Parse("ff:ff:ff:ff:ff:ff");

    public static Attack[] All { get; } =
    [
        new("ARP requests and replies, in its own and in the router's name", (scene, mark) =>
            from address in (uint[])[Ipv4Self, Ipv4Router]
            from operation in (byte[])[1, 2]
            select scene.Frame(EtherType.Arp, Arp(scene, operation, address, mark), Everybody)),
        new("IPv4 to the router, to a correspondent and to everybody, and DHCP", (scene, mark) =>
        [
            .. from to in (uint[])[Ipv4Router, 0xc633_6402, Ipv4Everybody]
               select scene.Frame(EtherType.Ipv4, Ipv4(Ipv4Self, to, Udp, [0xc0, 0, 0, 9, 0, 14, 0, 0, .. mark.Next()]), to == Ipv4Everybody ? Everybody : scene.Router.Mac),
            scene.Frame(EtherType.Ipv4, Ipv4(0, Ipv4Everybody, Udp, [0, 68, 0, 67, 0, 14, 0, 0, .. mark.Next()]), Everybody),
        ]),
        new("VLAN tags around a packet of its own: a VLAN's, a priority's, two of them (QinQ)", (scene, mark) =>
        [
            scene.Frame(Vlan, Tagged(1, EtherType.Ipv6, Own(scene, mark)), scene.Router.Mac),
            scene.Frame(Vlan, Tagged(0, EtherType.Ipv6, Own(scene, mark)), scene.Router.Mac),
            scene.Frame(ServiceVlan, Tagged(1, Vlan, Tagged(1, EtherType.Ipv6, Own(scene, mark))), scene.Router.Mac),
            scene.Frame(ServiceVlan, Tagged(0, Vlan, Tagged(0, EtherType.Ipv6, Own(scene, mark))), scene.Router.Mac),
        ]),
        new("a spanning tree's root (802.3 and LLC) and IPv6 in SNAP", (scene, mark) =>
        [
            scene.Frame((EtherType)46, [0x42, 0x42, 0x03, .. new byte[35], .. mark.Next(), 0, 0], Bridges),
            scene.Frame((EtherType)62, [0xaa, 0xaa, 0x03, 0, 0, 0, 0x86, 0xdd, .. Own(scene, mark)], scene.Router.Mac),
        ]),
        new("LLDP, a pause of the link, the loopback protocol and an experimental one", (scene, mark) =>
        [
            scene.Frame(LinkLayerDiscovery, [2, 7, 4, .. mark.Next(), .. new byte[40]], NearestBridge),
            scene.Frame(FlowControl, [0, 1, 0xff, 0xff, .. mark.Next(), .. new byte[36]], Pause),
            scene.Frame(Loopback, [0, 0, 1, 0, .. mark.Next(), .. new byte[36]], scene.Router.Mac),
            scene.Frame(Experimental, [.. mark.Next(), .. new byte[40]], Everybody),
        ]),
        new("a frame of nothing but its header, and an IPv6 header that is cut short", (scene, mark) =>
        [
            scene.Frame(EtherType.Ipv6, [], scene.Router.Mac, LinkLayerAddress.Read(mark.Next())),
            scene.Frame(EtherType.Ipv6, Datagram(scene.Self.Address, scene.Correspondent, [])[..24], scene.Router.Mac, LinkLayerAddress.Read(mark.Next())),
        ]),
        new("IPv6 of a wrong version, longer than its frame, and of no length (a jumbogram's)", (scene, mark) =>
        [
            scene.Frame(Changed(Own(scene, mark), packet => packet[0] = 0x40)),
            scene.Frame(Changed(Own(scene, mark), packet => packet[4] = 0x40)),
            scene.Frame(Changed(BehindOptions(NextHeader.HopByHopOptions, Own(scene, mark)), packet => BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 0))),
        ]),
        new("a packet of its own of 4000 bytes in one frame", (scene, mark) =>
            [scene.Frame(Datagram(scene.Self.Address, scene.Correspondent, [.. mark.Next(), .. new byte[3946]]))]),
        new("a packet from the other guest's address and link-layer address", (scene, mark) =>
            [scene.Frame(Datagram(scene.Other.Address, scene.Correspondent, mark.Next()), sender: scene.Other.Mac)]),
        // The last one: a bridge that has heard it takes the guest for the router, and gives it nothing more for that.
        new("a packet of its own from another link-layer address: one that nobody has, the other guest's, the router's", (scene, mark) =>
            from mac in (LinkLayerAddress[])[LinkLayerAddress.Parse("02:00:00:00:66:06"), scene.Other.Mac, scene.Router.Mac]
            select scene.Frame(Own(scene, mark), sender: mac))
        { Ordinary = 3 },
    ];

    private static byte[] Own(Scene scene, Marker mark) => Datagram(scene.Self.Address, scene.Correspondent, mark.Next());

    private static byte[] Tagged(byte vlan, EtherType type, byte[] payload) => [0, vlan, (byte)((ushort)type >> 8), (byte)type, .. payload];

    // RFC 826.
    private static byte[] Arp(Scene scene, byte operation, uint address, Marker mark)
    {
        byte[] packet = [0, 1, 8, 0, 6, 4, 0, operation, .. scene.Self.Mac.ToArray(), .. new byte[4], .. scene.Router.Mac.ToArray(), .. new byte[4], .. mark.Next()];
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(14), address);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(24), Ipv4Router);
        return packet;
    }

    private static byte[] Changed(byte[] packet, Action<byte[]> change)
    {
        change(packet);
        return packet;
    }
}
