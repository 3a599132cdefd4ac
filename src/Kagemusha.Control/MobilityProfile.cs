using System.Text.Json.Serialization;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>
/// What a domain's metadata says of its mobility: all that another host needs to take the guest over without asking the last one.
/// It travels with every migration; it can't be written while one runs.
/// </summary>
/// <param name="Interfaces">The enrolled interfaces, at least one.</param>
public sealed partial record MobilityProfile(WireArray<EnrolledInterface> Interfaces)
{
    /// <summary>The metadata's XML namespace, libvirt's <c>uri</c>.</summary>
    public const string Namespace = "urn:kagemusha:mobility:1";

    /// <summary>The metadata's namespace prefix, libvirt's <c>key</c>.</summary>
    public const string Key = "kagemusha";

    /// <summary>The metadata's element.</summary>
    public const string Element = "mobility";

    /// <summary>The version that this program writes, and the only one that it reads.</summary>
    private const int Version = 1;

    /// <summary>The agent of the host that the guest is on, or null if other agents can't reach it.</summary>
    public PeerTicket? Agent { get; init; }
}

/// <summary>One interface of the guest and its home.</summary>
/// <param name="Mac">The guest's own link-layer address, by which the interface is known on every host.</param>
/// <param name="Source">What the interface is attached to at home; the way back restores it.</param>
/// <param name="Link">The home link, as its router advertises it.</param>
/// <param name="HomeAgent">The home agent's address; of several the most preferred one's.</param>
/// <param name="Addresses">The home addresses, each in one of the home prefixes; none as long as none is known.</param>
public sealed record EnrolledInterface(
    LinkLayerAddress Mac, HomeSource Source, HomeLink Link, Ipv6Address HomeAgent, WireArray<EnrolledAddress> Addresses)
{
    /// <summary>How the home agents became known.</summary>
    public HomeAgentOrigin HomeAgentOrigin { get; init; }

    /// <summary>The home agents that are asked, in this order, when <see cref="HomeAgent"/> does not serve.</summary>
    public WireArray<Ipv6Address> OtherHomeAgents { get; init; } = [];

    /// <summary>All home agents, the most preferred first.</summary>
    public WireArray<Ipv6Address> HomeAgents => [HomeAgent, .. OtherHomeAgents];

    /// <summary>The same with other home agents.</summary>
    /// <param name="homeAgents">At least one, the most preferred first.</param>
    public EnrolledInterface WithHomeAgents(WireArray<Ipv6Address> homeAgents) => this with
    {
        HomeAgent = homeAgents[0],
        OtherHomeAgents = [.. homeAgents.Span[1..]],
    };
}

/// <summary>How home agents became known.</summary>
public enum HomeAgentOrigin
{
    /// <summary>The administrator has given the one that there is.</summary>
    Given,

    /// <summary>They were found on the home link; when none of them serves, others are looked for.</summary>
    Found,
}

/// <summary>The interface's type and source at home.</summary>
/// <param name="Type">Bridge or network; nothing else can be enrolled.</param>
/// <param name="Name">The bridge's or the network's name.</param>
/// <param name="PortGroup">The network's port group, if the interface names one.</param>
/// <param name="IsIsolated">Whether the bridge keeps it from its other isolated ports.</param>
public sealed record HomeSource(HomeSourceType Type, string Name, string? PortGroup = null, bool IsIsolated = false);

/// <summary>libvirt's interface types that end at a Linux bridge.</summary>
public enum HomeSourceType
{
    /// <summary><c>&lt;interface type='bridge'&gt;</c></summary>
    Bridge,

    /// <summary><c>&lt;interface type='network'&gt;</c></summary>
    Network,
}

/// <summary>The home link, which the host impersonates towards the guest while it is away.</summary>
/// <param name="Prefixes">The home prefixes.</param>
/// <param name="Router">The home router's link-local address.</param>
/// <param name="RouterLinkLayerAddress">The home router's link-layer address.</param>
/// <param name="Mtu">The home link's MTU.</param>
/// <param name="RouterAdvertisement">The router's last advertisement: the ICMPv6 message from its type on.</param>
public sealed record HomeLink(
    WireArray<Ipv6Prefix> Prefixes,
    Ipv6Address Router,
    LinkLayerAddress RouterLinkLayerAddress,
    int Mtu,
    WireArray<byte> RouterAdvertisement);

/// <summary>A home address and what a next host must know of its registrations.</summary>
/// <param name="Address">The home address.</param>
/// <param name="ReservedThrough">No Binding Update with a greater sequence number has been sent: the next host starts behind it.</param>
/// <param name="BindingPossible">A home agent may hold a binding: at home, it has to be de-registered.</param>
/// <param name="Origin">How it became known.</param>
public sealed record EnrolledAddress(
    Ipv6Address Address, ushort ReservedThrough, bool BindingPossible, HomeAddressOrigin Origin = HomeAddressOrigin.Given)
{
    /// <summary>The home agent that serves it, where that is not the most preferred one: it is asked first.</summary>
    public Ipv6Address? HomeAgent { get; init; }
}

/// <summary>How a home address became known.</summary>
public enum HomeAddressOrigin
{
    /// <summary>The administrator has given it: it stays.</summary>
    [JsonStringEnumMemberName("given")]
    Given,

    /// <summary>The guest was seen to use it: it goes when the guest does not any more.</summary>
    [JsonStringEnumMemberName("learnt")]
    Learnt,
}
