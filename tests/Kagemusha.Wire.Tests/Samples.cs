namespace Kagemusha.Wire.Tests;

/// <summary>A packet as a value and as bytes; what both ways, the prefixes and the other programs are tested with.</summary>
internal sealed record Sample(string Name, Ipv6Packet Packet, byte[] Bytes)
{
    public static Ipv6Packet? Parse(Type kind, ReadOnlySpan<byte> bytes, out WireError error)
    {
        if (kind == typeof(MobilityPacket))
        {
            return MobilityPacket.TryParse(bytes, out var mobility, out error) ? mobility : null;
        }

        if (kind == typeof(MobilityIcmpPacket))
        {
            return MobilityIcmpPacket.TryParse(bytes, out var icmp, out error) ? icmp : null;
        }

        return NeighbourDiscoveryPacket.TryParse(bytes, out var discovery, out error) ? discovery : null;
    }

    public Ipv6Packet? Parse(ReadOnlySpan<byte> bytes, out WireError error) => Parse(Packet.GetType(), bytes, out error);

    /// <summary>Where the mobility header or ICMPv6 message begins.</summary>
    public int MessageOffset => 40 + (HomeAddresses.Option is null ? 0 : 24) + (HomeAddresses.Routing is null ? 0 : 24);

    /// <summary>The home addresses that the packet's headers carry.</summary>
    public (Ipv6Address? Option, Ipv6Address? Routing) HomeAddresses => Packet switch
    {
        MobilityPacket packet => (packet.HomeAddressOption, packet.Type2RoutingHeader),
        MobilityIcmpPacket packet => (packet.HomeAddressOption, packet.Type2RoutingHeader),
        _ => default,
    };
}

internal static class Samples
{
    public static readonly Ipv6Address Home = Ipv6Address.Parse("2001:db8:1::75");
    public static readonly Ipv6Address CareOf = Ipv6Address.Parse("2001:db8:2::b");
    public static readonly Ipv6Address HomeAgent = Ipv6Address.Parse("2001:db8:1::1");
    public static readonly Ipv6Address HomeAgentsAnycast = Ipv6Address.Parse("2001:db8:1:0:fdff:ffff:ffff:fffe");
    public static readonly Ipv6Address Peer = Ipv6Address.Parse("2001:db8:3::7");
    public static readonly Ipv6Address PeerHome = Ipv6Address.Parse("2001:db8:4::9");
    public static readonly Ipv6Address Router = Ipv6Address.Parse("fe80::1");
    public static readonly Ipv6Address Guest = Ipv6Address.Parse("fe80::2");
    public static readonly LinkLayerAddress RouterMac = LinkLayerAddress.Parse("02:00:00:00:00:01");
    public static readonly LinkLayerAddress GuestMac = LinkLayerAddress.Parse("52:54:00:12:34:56");

    private const string HomeHex = "20010db8000100000000000000000075";
    private const string CareOfHex = "20010db800020000000000000000000b";
    private const string HomeAgentHex = "20010db8000100000000000000000001";
    private const string PeerHex = "20010db8000300000000000000000007";
    private const string PeerHomeHex = "20010db8000400000000000000000009";
    private const string UnspecifiedHex = "00000000000000000000000000000000";
    private const string RouterHex = "fe800000000000000000000000000001";
    private const string GuestHex = "fe800000000000000000000000000002";
    private const string AllNodesHex = "ff020000000000000000000000000001";
    private const string AllRoutersHex = "ff020000000000000000000000000002";

    private const BindingUpdateFlags HomeRegistration = BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration;

    public static readonly IReadOnlyList<Sample> All =
    [
        Mobility(
            "binding-update",
            new(CareOf, HomeAgent, Home, null, new BindingUpdate(0x1234, HomeRegistration, 150, [new AlternateCareOfAddress(CareOf)])),
            "60000000 0038 3c 40", CareOfHex, HomeAgentHex,
            "87 02 01020000 c910", HomeHex,
            "3b 03 05 00 5eca 1234 c000 0096", "0100 0310", CareOfHex),
        Mobility(
            "binding-update-all-flags",
            new(CareOf, HomeAgent, Home, null, new BindingUpdate(
                0xffff, (BindingUpdateFlags)0xf000, 0xffff, [new BindingRefreshAdvice(50), new AlternateCareOfAddress(CareOf)])),
            "60000000 0040 3c 40", CareOfHex, HomeAgentHex,
            "87 02 01020000 c910", HomeHex,
            "3b 04 05 00 3f53 ffff f000 ffff", "0202 0032 010400000000 0310", CareOfHex),
        Mobility(
            "de-registration",
            new(Home, HomeAgent, null, null, new BindingUpdate(0x1235, HomeRegistration, 0, [])),
            "60000000 0010 87 40", HomeHex, HomeAgentHex,
            "3b 01 05 00 9045 1235 c000 0000", "01020000"),
        Mobility(
            "binding-update-with-identifier",
            new(CareOf, HomeAgent, Home, null, new BindingUpdate(
                1, HomeRegistration, 15, [new UnknownMobilityOption(8, [1, .. "a@b.c"u8]), new AlternateCareOfAddress(CareOf)])),
            "60000000 0040 3c 40", CareOfHex, HomeAgentHex,
            "87 02 01020000 c910", HomeHex,
            "3b 04 05 00 f94e 0001 c000 000f", "0806 01 6140622e63 0100 0310", CareOfHex),
        Mobility(
            "binding-acknowledgement",
            new(HomeAgent, CareOf, null, Home, new BindingAcknowledgement(
                BindingStatus.Accepted,
                BindingAcknowledgementFlags.KeyManagementMobilityCapability,
                0x1234,
                100,
                [new BindingRefreshAdvice(50)])),
            "60000000 0028 2b 40", HomeAgentHex, CareOfHex,
            "87 02 02 01 00000000", HomeHex,
            "3b 01 06 00 4d31 00 80 1234 0064", "0202 0032"),
        Mobility(
            "refusal",
            new(HomeAgent, CareOf, null, Home, new BindingAcknowledgement(
                BindingStatus.SequenceNumberOutOfWindow, BindingAcknowledgementFlags.None, 0x1200, 0, [])),
            "60000000 0028 2b 40", HomeAgentHex, CareOfHex,
            "87 02 02 01 00000000", HomeHex,
            "3b 01 06 00 c87a 87 00 1200 0000", "01020000"),
        Mobility(
            "binding-error",
            new(HomeAgent, CareOf, null, null, new BindingError(BindingErrorStatus.UnrecognizedMobilityHeaderType, Home, [])),
            "60000000 0018 87 40", HomeAgentHex, CareOfHex,
            "3b 02 07 00 31ae 02 00", HomeHex),
        Mobility(
            "binding-refresh-request",
            new(HomeAgent, CareOf, null, Home, new BindingRefreshRequest([])),
            "60000000 0020 2b 40", HomeAgentHex, CareOfHex,
            "87 02 02 01 00000000", HomeHex,
            "3b 00 00 00 6886 0000"),
        Mobility(
            "between-mobile-nodes",
            new(CareOf, Peer, Home, PeerHome, new BindingUpdate(7, BindingUpdateFlags.Acknowledge, 3, [])),
            "60000000 0040 2b 40", CareOfHex, PeerHex,
            "3c 02 02 01 00000000", PeerHomeHex,
            "87 02 01020000 c910", HomeHex,
            "3b 01 05 00 e265 0007 8000 0003", "01020000"),
        Mobility(
            "home-test-init",
            new(Home, Peer, null, null, new UnknownMobilityMessage(1, [0, 0, 1, 2, 3, 4, 5, 6, 7, 8])),
            "60000000 0010 87 40", HomeHex, PeerHex,
            "3b 01 01 00 5761 0000 0102030405060708"),
        Mobility(
            "binding-revocation-indication",
            new(HomeAgent, CareOf, null, Home, new BindingRevocationIndication(
                RevocationTrigger.Administrative, 0x1234, RevocationFlags.None, [])),
            "60000000 0028 2b 40", HomeAgentHex, CareOfHex,
            "87 02 02 01 00000000", HomeHex,
            "3b 01 10 00 4446 01 01 1234 0000", "01020000"),
        Mobility(
            "binding-revocation-acknowledgement",
            new(CareOf, HomeAgent, Home, null, new BindingRevocationAcknowledgement(
                RevocationStatus.BindingDoesNotExist, 0x1234, RevocationFlags.Global, [])),
            "60000000 0028 3c 40", CareOfHex, HomeAgentHex,
            "87 02 01020000 c910", HomeHex,
            "3b 01 10 00 22c7 02 80 1234 2000", "01020000"),
        Icmp(
            "home-agent-address-discovery-request",
            new(CareOf, HomeAgentsAnycast, null, null, new HomeAgentAddressDiscoveryRequest(0x1234)),
            "60000000 0008 3a 40", CareOfHex, "20010db800010000fdfffffffffffffe",
            "90 00 040a 1234 0000"),
        Icmp(
            "home-agent-address-discovery-reply",
            new(HomeAgent, CareOf, null, null, new HomeAgentAddressDiscoveryReply(0x1234, [HomeAgent, PeerHome])),
            "60000000 0028 3a 40", HomeAgentHex, CareOfHex,
            "91 00 a566 1234 0000", HomeAgentHex, PeerHomeHex),
        Icmp(
            "mobile-prefix-solicitation",
            new(CareOf, HomeAgent, Home, null, new MobilePrefixSolicitation(0x1235)),
            "60000000 0020 3c 40", CareOfHex, HomeAgentHex,
            "3a 02 01020000 c910", HomeHex,
            "92 00 ff9d 1235 0000"),
        Icmp(
            "mobile-prefix-advertisement",
            new(HomeAgent, CareOf, null, Home, new MobilePrefixAdvertisement(
                0x1235,
                MobilePrefixFlags.Other,
                [new PrefixInformation(64, PrefixFlags.OnLink | PrefixFlags.Autonomous | PrefixFlags.RouterAddress, 86_400, 14_400, HomeAgent)])),
            "60000000 0040 2b 40", HomeAgentHex, CareOfHex,
            "3a 02 02 01 00000000", HomeHex,
            "93 00 c31c 1235 4000",
            "0304 40 e0 00015180 00003840 00000000", HomeAgentHex),
        Discovery(
            "router-solicitation",
            new(Guest, Ipv6Address.AllRouters, new RouterSolicitation([new SourceLinkLayerAddress(GuestMac)])),
            "60000000 0010 3a ff", GuestHex, AllRoutersHex,
            "85 00 f56f 00000000", "0101 525400123456"),
        Discovery(
            "router-solicitation-unspecified",
            new(Ipv6Address.Unspecified, Ipv6Address.AllRouters, new RouterSolicitation([])),
            "60000000 0008 3a ff", UnspecifiedHex, AllRoutersHex,
            "85 00 7bb8 00000000"),
        Discovery(
            "router-advertisement",
            new(Router, Ipv6Address.AllNodes, new RouterAdvertisement(
                64,
                RouterAdvertisementFlags.Other | RouterAdvertisementFlags.HomeAgent | RouterAdvertisementFlags.LowPreference,
                1800,
                30_000,
                1000,
                [
                    new SourceLinkLayerAddress(RouterMac),
                    new Mtu(1500),
                    new PrefixInformation(
                        64, PrefixFlags.OnLink | PrefixFlags.Autonomous | PrefixFlags.RouterAddress, 86_400, 14_400, HomeAgent),
                    new HomeAgentInformation(10, 1800),
                    new UnknownNeighbourDiscoveryOption(25, [0, 0, 0, 0, 2, 0x58, .. HomeAgent.ToArray()]),
                ])),
            "60000000 0060 3a ff", RouterHex, AllNodesHex,
            "86 00 59dd 40 78 0708 00007530 000003e8",
            "0101 020000000001",
            "0501 0000 000005dc",
            "0304 40 e0 00015180 00003840 00000000", HomeAgentHex,
            "0801 0000 000a 0708",
            "1903 0000 00000258", HomeAgentHex),
        Discovery(
            "neighbour-solicitation",
            new(Guest, HomeAgent, new NeighbourSolicitation(HomeAgent, [new SourceLinkLayerAddress(GuestMac)])),
            "60000000 0020 3a ff", GuestHex, HomeAgentHex,
            "87 00 96ee 00000000", HomeAgentHex, "0101 525400123456"),
        Discovery(
            "duplicate-address-detection",
            new(Ipv6Address.Unspecified, Home.SolicitedNode, new NeighbourSolicitation(Home, [])),
            "60000000 0018 3a ff", UnspecifiedHex, "ff0200000000000000000001ff000075",
            "87 00 4c04 00000000", HomeHex),
        Discovery(
            "neighbour-advertisement",
            new(HomeAgent, Home, new NeighbourAdvertisement(
                HomeAgent,
                NeighbourAdvertisementFlags.Router | NeighbourAdvertisementFlags.Solicited,
                [new TargetLinkLayerAddress(RouterMac)])),
            "60000000 0020 3a ff", HomeAgentHex, HomeHex,
            "88 00 29fd c0000000", HomeAgentHex, "0201 020000000001"),
        Discovery(
            "overriding-advertisement",
            new(HomeAgent, Ipv6Address.AllNodes, new NeighbourAdvertisement(
                Home, NeighbourAdvertisementFlags.Override, [new TargetLinkLayerAddress(RouterMac)])),
            "60000000 0020 3a ff", HomeAgentHex, AllNodesHex,
            "88 00 f8b4 20000000", HomeHex, "0201 020000000001"),
    ];

    public static TheoryData<string> Names => [.. All.Select(sample => sample.Name)];

    public static Sample Named(string name) => All.Single(sample => sample.Name == name);

    private static Sample Mobility(string name, MobilityPacket packet, params string[] hex) => new(name, packet, Raw.Bytes(hex));

    private static Sample Icmp(string name, MobilityIcmpPacket packet, params string[] hex) => new(name, packet, Raw.Bytes(hex));

    private static Sample Discovery(string name, NeighbourDiscoveryPacket packet, params string[] hex) => new(name, packet, Raw.Bytes(hex));
}
