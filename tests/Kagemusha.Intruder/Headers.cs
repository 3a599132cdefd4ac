using Kagemusha.Wire;
using static Kagemusha.Intruder.Packets;

namespace Kagemusha.Intruder;

/// <summary>Mobility signalling, the headers that carry a home address, tunnels; and what may hide them.</summary>
internal static class Headers
{
    private const byte Esp = 50;
    private const byte Ipv4InIpv6 = 4;
    private const byte Gre = 47;
    private const byte HomeAgentAddressDiscovery = 144;

    // Nobody's: to be skipped.
    private const byte OptionType = 250;
    private const int FirstFragment = 24;

    public static Attack[] All { get; } =
    [
        new("a Binding Update for its own address, by Home Address option or not", (scene, mark) =>
        [
            scene.Frame(Update(scene, mark, scene.Self.Address, home: null)),
            scene.Frame(Update(scene, mark, scene.Self.Address, scene.Self.Address)),
        ]),
        new("a Binding Update for the other guest's address, and from it", (scene, mark) =>
        [
            scene.Frame(Update(scene, mark, scene.Self.Address, scene.Other.Address)),
            scene.Frame(Update(scene, mark, scene.Other.Address, home: null)),
        ]),
        new("a Binding Update from the care-of address, for both", (scene, mark) =>
        [
            scene.Frame(Update(scene, mark, scene.CareOf, scene.Self.Address)),
            scene.Frame(Update(scene, mark, scene.CareOf, scene.Other.Address)),
        ]),
        new("Binding Acknowledgement, Error, Refresh Request and an unknown message to the home agent, the host and a correspondent", (scene, mark) =>
            from to in (Ipv6Address[])[scene.HomeAgent, scene.CareOf, scene.Correspondent]
            from message in (MobilityMessage[])
            [
                new BindingAcknowledgement(BindingStatus.Accepted, default, 1, 0, Options(mark)),
                new BindingError(BindingErrorStatus.UnknownBinding, scene.Other.Address, Options(mark)),
                new BindingRefreshRequest(Options(mark)),
                new UnknownMobilityMessage(99, WireArray.Create<byte>(mark.Next())),
            ]
            select scene.Frame(new MobilityPacket(scene.Self.Address, to, null, null, message).ToArray())),
        new("a Binding Acknowledgement in the home agent's name to the host, for both guests", (scene, mark) =>
            from home in (Ipv6Address[])[scene.Self.Address, scene.Other.Address]
            select scene.Frame(new MobilityPacket(
                scene.HomeAgent,
                scene.CareOf,
                null,
                home,
                new BindingAcknowledgement(BindingStatus.AdministrativelyProhibited, default, 1, 0, Options(mark))).ToArray())),
        new("a Home Address option, in its own and in the other guest's name", (scene, mark) =>
            from home in (Ipv6Address[])[scene.Self.Address, scene.Other.Address]
            select scene.Frame(BehindHomeAddress(home, Own(scene, mark)))),
        new("routing headers of type 2 and 0, to the other guest by way of a correspondent and of the host", (scene, mark) =>
            from type in (byte[])[2, 0]
            from to in (Ipv6Address[])[scene.Correspondent, scene.CareOf]
            select scene.Frame(BehindRouting(type, scene.Other.Address, Datagram(scene.Self.Address, to, mark.Next())))),
        new("hop-by-hop options, alone and before a Binding Update", (scene, mark) =>
        [
            scene.Frame(BehindOptions(NextHeader.HopByHopOptions, Own(scene, mark))),
            scene.Frame(BehindOptions(NextHeader.HopByHopOptions, Update(scene, mark, scene.Self.Address, scene.Self.Address))),
        ]),
        new("destination options, alone and before a Binding Update", (scene, mark) =>
        [
            scene.Frame(BehindOptions(NextHeader.DestinationOptions, Own(scene, mark))),
            scene.Frame(BehindOptions(NextHeader.DestinationOptions, Update(scene, mark, scene.Self.Address, home: null))),
        ]),
        new("a Binding Update behind nine headers", (scene, mark) =>
        [
            scene.Frame(Enumerable.Range(0, 8).Aggregate(
                Update(scene, mark, scene.Self.Address, scene.Self.Address), (packet, _) => BehindOptions(NextHeader.DestinationOptions, packet))),
        ]),
        new("a Binding Update, a Home Address option and both routing headers in an atomic fragment", (scene, mark) =>
        [
            scene.Frame(Atomic(Update(scene, mark, scene.Self.Address, home: null))),
            scene.Frame(Atomic(Update(scene, mark, scene.Self.Address, scene.Other.Address))),
            scene.Frame(Atomic(BehindRouting(2, scene.Other.Address, Own(scene, mark)))),
            scene.Frame(Atomic(BehindRouting(0, scene.Other.Address, Own(scene, mark)))),
        ]),
        new("a Binding Update in an atomic fragment in an atomic fragment, and behind options in one", (scene, mark) =>
        [
            scene.Frame(Atomic(Atomic(Update(scene, mark, scene.Self.Address, home: null)))),
            scene.Frame(Atomic(BehindOptions(NextHeader.HopByHopOptions, Update(scene, mark, scene.Self.Address, home: null)))),
            scene.Frame(BehindOptions(NextHeader.HopByHopOptions, Atomic(Update(scene, mark, scene.Self.Address, home: null)))),
        ]),
        new("a Binding Update in two fragments", (scene, mark) => Fragments(scene, mark)),
        new("a fragment of a datagram, and over it a Binding Update in two", (scene, mark) =>
        [
            scene.Frame(Fragment(Datagram(scene.Self.Address, scene.HomeAgent, [.. mark.Next(), .. new byte[32]]), 0, FirstFragment)),
            .. Fragments(scene, mark),
        ])
        { Ordinary = 1 },
        new("IPv6 in IPv6, from the other guest inside, to the home agent, the host and a correspondent", (scene, mark) =>
            from to in (Ipv6Address[])[scene.HomeAgent, scene.CareOf, scene.Correspondent]
            select scene.Frame(InIpv6(scene.Self.Address, to, Datagram(scene.Other.Address, scene.Correspondent, mark.Next())))),
        new("IPv6 in IPv6 as the home agent would send it to the host, for the other guest", (scene, mark) =>
            [scene.Frame(InIpv6(scene.HomeAgent, scene.CareOf, Datagram(scene.Correspondent, scene.Other.Address, mark.Next())))]),
        new("IPv6 in IPv6 as the host would send it to the home agent, from the other guest", (scene, mark) =>
            [scene.Frame(InIpv6(scene.CareOf, scene.HomeAgent, Datagram(scene.Other.Address, scene.Correspondent, mark.Next())))]),
        new("IPv6 in IPv6 in an atomic fragment", (scene, mark) =>
            [scene.Frame(Atomic(InIpv6(scene.Self.Address, scene.HomeAgent, Datagram(scene.Other.Address, scene.Correspondent, mark.Next()))))]),
        new("ESP, IPv4 in IPv6 and GRE to the host", (scene, mark) =>
            from protocol in (byte[])[Esp, Ipv4InIpv6, Gre]
            select scene.Frame(Ipv6(scene.Self.Address, scene.CareOf, protocol, [.. new byte[24], .. mark.Next()]))),
        new("ESP to a correspondent, as IPsec of its own", (scene, mark) =>
            [scene.Frame(Ipv6(scene.Self.Address, scene.Correspondent, Esp, [.. new byte[24], .. mark.Next()]))])
        { Ordinary = 1 },
        new("a Home Agent Address Discovery Request (ICMPv6, no mobility header) to the home agent", (scene, mark) =>
            [scene.Frame(Icmpv6(scene.Self.Address, scene.HomeAgent, HomeAgentAddressDiscovery, [0, 1, 0, 0, .. mark.Next()]))])
        { Ordinary = 1 },
    ];

    private static byte[] Own(Scene scene, Marker mark) => Datagram(scene.Self.Address, scene.Correspondent, mark.Next());

    private static byte[] InIpv6(Ipv6Address source, Ipv6Address destination, byte[] packet) => Ipv6(source, destination, (byte)NextHeader.Ipv6, packet);

    /// <summary>Ends the binding of a home address, or binds it to the correspondent's address.</summary>
    private static byte[] Update(Scene scene, Marker mark, Ipv6Address source, Ipv6Address? home)
    {
        WireArray<MobilityOption> options = [.. Options(mark), new AlternateCareOfAddress(scene.Correspondent)];
        return new MobilityPacket(
            source,
            scene.HomeAgent,
            home,
            null,
            new BindingUpdate(0x8000, BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration, (ushort)(home is null ? 0 : 15), options)).ToArray();
    }

    private static WireArray<MobilityOption> Options(Marker mark) => [new UnknownMobilityOption(OptionType, WireArray.Create<byte>(mark.Next()))];

    /// <summary>A Binding Update in two fragments, a mark in each.</summary>
    private static IEnumerable<byte[]> Fragments(Scene scene, Marker mark)
    {
        // Behind the fixed part and the option's own two bytes, and at the second fragment's beginning.
        var data = new byte[FirstFragment];
        mark.Next().CopyTo(data, 0);
        mark.Next().CopyTo(data, FirstFragment - 14);
        var update = new BindingUpdate(0x8000, BindingUpdateFlags.HomeRegistration, 0, [new UnknownMobilityOption(OptionType, WireArray.Create<byte>(data))]);
        var packet = new MobilityPacket(scene.Self.Address, scene.HomeAgent, null, null, update).ToArray();
        yield return scene.Frame(Fragment(packet, 0, FirstFragment));
        yield return scene.Frame(Fragment(packet, FirstFragment, packet.Length - 40));
    }
}
