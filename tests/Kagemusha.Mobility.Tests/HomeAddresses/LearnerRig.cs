using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>A guest, its link, and the messages that learners of its addresses are given.</summary>
internal static class LearnerRig
{
    public static readonly LinkLayerAddress Mac = LinkLayerAddress.Parse("52:54:00:00:00:10");
    public static readonly LinkLayerAddress NeighbourMac = LinkLayerAddress.Parse("52:54:00:00:00:99");
    public static readonly LinkLayerAddress RouterMac = LinkLayerAddress.Parse("02:00:00:00:00:01");
    public static readonly Ipv6Address Router = Ipv6Address.Parse("fe80::1");
    public static readonly Ipv6Address RouterGlobal = Ipv6Address.Parse("2001:db8:1::1");
    public static readonly Ipv6Address LinkLocal = Ipv6Address.Parse("fe80::5054:ff:fe00:10");
    public static readonly Ipv6Address Given = Ipv6Address.Parse("2001:db8:1::10");
    public static readonly Ipv6Address Used = Ipv6Address.Parse("2001:db8:1::11");
    public static readonly Ipv6Address Other = Ipv6Address.Parse("2001:db8:2::12");
    public static readonly Ipv6Prefix[] Prefixes = [Ipv6Prefix.Parse("2001:db8:1::/64"), Ipv6Prefix.Parse("2001:db8:2::/64")];

    public static readonly HomeAddressInput WakeUp = new HomeAddressInput.WakeUp();

    public static HomeAddressLearnerConfiguration Configuration(bool isOnHomeLink) =>
        new(Mac, Router, RouterMac, [.. Prefixes], [RouterGlobal], [Given], isOnHomeLink);

    public static NeighbourDiscoveryPacket SolicitationFrom(Ipv6Address source) =>
        new(source, Router.SolicitedNode, new NeighbourSolicitation(Router, [new SourceLinkLayerAddress(Mac)]));

    public static NeighbourDiscoveryPacket Detection(Ipv6Address target) =>
        new(Ipv6Address.Unspecified, target.SolicitedNode, new NeighbourSolicitation(target, []));

    public static NeighbourDiscoveryPacket Advertisement(Ipv6Address target, LinkLayerAddress? mac, Ipv6Address? source = null) => new(
        source ?? target,
        Router,
        new NeighbourAdvertisement(target, NeighbourAdvertisementFlags.Solicited, mac is { } address ? [new TargetLinkLayerAddress(address)] : []));

    public static HomeAddressInput FromGuest(NeighbourDiscoveryPacket packet) => new HomeAddressInput.FromGuest(packet, Mac);

    public static IEnumerable<Ipv6Address> Learnt(this IEnumerable<HomeAddressEffect> effects) =>
        effects.OfType<HomeAddressEffect.Learnt>().Select(effect => effect.Address);

    public static IEnumerable<Ipv6Address> Gone(this IEnumerable<HomeAddressEffect> effects) =>
        effects.OfType<HomeAddressEffect.Gone>().Select(effect => effect.Address);

    /// <summary>The addresses for which the guest is asked.</summary>
    public static IEnumerable<Ipv6Address> Asked(this IEnumerable<HomeAddressEffect> effects) =>
        effects.OfType<HomeAddressEffect.SendToGuest>().Select(effect => ((NeighbourSolicitation)effect.Frame.Packet.Message).Target);

    public static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
