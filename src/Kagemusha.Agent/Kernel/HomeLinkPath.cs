using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>A guest's interface on its home link, as the kernel is to serve it.</summary>
/// <param name="Mac">The guest's own link-layer address.</param>
/// <param name="Router">The home router's link-local address.</param>
/// <param name="RouterMac">The home router's link-layer address.</param>
/// <param name="Mtu">The home link's MTU: a smaller one would become the bridge's.</param>
/// <param name="HomeAddresses">The guest's home addresses.</param>
/// <param name="Bridge">The home link's bridge.</param>
/// <param name="Tap">The guest's tap, a port of it; null when it has gone, or has not come.</param>
internal sealed record HomeLinkPath(
    LinkLayerAddress Mac,
    Ipv6Address Router,
    LinkLayerAddress RouterMac,
    int Mtu,
    IReadOnlyList<Ipv6Address> HomeAddresses,
    string Bridge,
    string? Tap)
{
    /// <summary>Whether it comes or goes.</summary>
    public bool IsMoving => Departure is not null || Arrival is not null;

    /// <summary>Where it is going to, if it is: a stand-in takes its place.</summary>
    public HandOverTunnel? Departure { get; init; }

    /// <summary>Whether the stand-in has taken its place.</summary>
    public bool IsTurned { get; init; }

    /// <summary>Whether copies for nobody go before what its tap takes.</summary>
    public bool IsHeralded { get; init; }

    /// <summary>Whether it is coming back from there: what the stand-in gets goes there still, and what comes from there is for its tap.</summary>
    public bool IsReturning { get; init; }

    /// <summary>Where it comes from, if it does: what comes from there is for its tap.</summary>
    public HandOverTunnel? Arrival { get; init; }

    /// <summary>Whether its guest does not run yet: broadcasts would fill its queue.</summary>
    public bool IsQuiet { get; init; }

    /// <summary>What the tap's port floods when its guest runs.</summary>
    public Linux.BridgePortSettings? Settings { get; init; }

    /// <summary>The stand-in's end in the VRF, which has the guest's link-layer address.</summary>
    public string StandIn => "kgs" + Hex;

    /// <summary>The stand-in's end in the bridge.</summary>
    public string StandInPort => StandInPortPrefix + Hex;

    /// <summary>How the name of each stand-in's end in a bridge begins.</summary>
    public const string StandInPortPrefix = "kgb";

    private string Hex => Mac.ToString().Replace(":", "", StringComparison.Ordinal);
}
