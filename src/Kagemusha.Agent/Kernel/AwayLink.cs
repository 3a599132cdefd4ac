using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>This host's end of a tunnel: the care-of address and the interface that it is on.</summary>
/// <param name="Address">The care-of address.</param>
/// <param name="Interface">The interface's name.</param>
/// <param name="InterfaceIndex">The interface's index.</param>
/// <param name="Mtu">The path's MTU as far as this host knows it.</param>
internal sealed record CareOf(Ipv6Address Address, string Interface, int InterfaceIndex, int Mtu)
{
    /// <summary>When the address becomes invalid, by <see cref="Clock"/>; null for never.</summary>
    public TimeSpan? ValidUntil { get; init; }

    /// <summary>What an outer header takes (RFC 2473, section 7); never below IPv6's least (RFC 8200, section 5).</summary>
    public int TunnelMtu => Math.Max(Mtu - 40, 1280);
}

/// <summary>A guest's interface away from home, as the kernel is to serve it.</summary>
/// <param name="Tap">The tap's name; what needs it is left out while libvirt has not made it.</param>
/// <param name="Mac">The guest's own link-layer address.</param>
/// <param name="Router">The home router's link-local address.</param>
/// <param name="RouterMac">The home router's link-layer address.</param>
/// <param name="HomeAddresses">The guest's home addresses.</param>
/// <param name="HomeAgent">The home agent that serves its home addresses, but for those that have another.</param>
/// <param name="CareOf">Our end of the tunnel.</param>
internal sealed record AwayLink(
    string Tap,
    LinkLayerAddress Mac,
    Ipv6Address Router,
    LinkLayerAddress RouterMac,
    IReadOnlyList<Ipv6Address> HomeAddresses,
    Ipv6Address HomeAgent,
    CareOf CareOf)
{
    /// <summary>The home agents of home addresses that have another.</summary>
    public IReadOnlyDictionary<Ipv6Address, Ipv6Address> OwnHomeAgents { get; init; } = new Dictionary<Ipv6Address, Ipv6Address>();

    /// <summary>Other home agents from which packets may come.</summary>
    public IReadOnlyList<Ipv6Address> OtherTunnelEnds { get; init; } = [];

    /// <summary>The far ends of all its tunnels to home agents.</summary>
    public IEnumerable<Ipv6Address> TunnelEnds => OtherTunnelEnds.Prepend(HomeAgent);

    /// <summary>What the guest may send from here: it may answer for one of its interfaces by another, as its own routes say.</summary>
    public IReadOnlyList<Ipv6Address> Sources { get => field ?? HomeAddresses; init; }

    /// <summary>Where it is going to, if it is.</summary>
    public HandOverTunnel? Departure { get; init; }

    /// <summary>Whether what is for the guest goes there already.</summary>
    public bool IsTurned { get; init; }

    /// <summary>Whether copies for nobody go before what its tap takes.</summary>
    public bool IsHeralded { get; init; }

    /// <summary>Whether it is coming back from there: what is for it goes there still, and what comes from there is for its tap.</summary>
    public bool IsReturning { get; init; }

    /// <summary>Where it comes from, if it does.</summary>
    public HandOverTunnel? Arrival { get; init; }

    /// <summary>By which packets leave that go through another host; null for the home agent's tunnel.</summary>
    public HandOverTunnel? Through { get; init; }

    /// <summary>How the packets of home addresses leave that do not leave by the home agent's tunnel.</summary>
    public IReadOnlyDictionary<Ipv6Address, OutboundPath> Outbound { get; init; } = new Dictionary<Ipv6Address, OutboundPath>();
}
