using System.Text.Json.Serialization;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>What an agent answers to another.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "reply")]
[JsonDerivedType(typeof(HandOver), "hand-over")]
[JsonDerivedType(typeof(HandedOver), "handed-over")]
[JsonDerivedType(typeof(DomainLeft), "domain-left")]
[JsonDerivedType(typeof(Understood), "understood")]
[JsonDerivedType(typeof(HomeAgentAnswer), "home-agent-answer")]
[JsonDerivedType(typeof(PeerRefused), "refused")]
public abstract record PeerReply;

/// <summary>What the next host has to know of a guest.</summary>
/// <param name="Interfaces">All of its enrolled interfaces.</param>
public sealed record HandOver(IReadOnlyList<HandedInterface> Interfaces) : PeerReply, IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Interfaces);
}

/// <summary>One enrolled interface and its home link, as the agent knows it now.</summary>
/// <param name="Mac">The guest's own link-layer address.</param>
/// <param name="Prefixes">The home prefixes.</param>
/// <param name="Router">The home router's link-local address.</param>
/// <param name="RouterLinkLayerAddress">The home router's link-layer address.</param>
/// <param name="Mtu">The home link's MTU.</param>
/// <param name="RouterAdvertisement">The home router's last advertisement, from its type on.</param>
/// <param name="CareOfAddress">The care-of address that the guest has there, acknowledged or not; null on its home link.</param>
/// <param name="Hold">For how many seconds the home agent may still drop what follows an update.</param>
/// <param name="HomeAgents">The home agents, the most preferred first.</param>
/// <param name="Addresses">The home addresses.</param>
public sealed record HandedInterface(
    LinkLayerAddress Mac,
    IReadOnlyList<Ipv6Prefix> Prefixes,
    Ipv6Address Router,
    LinkLayerAddress RouterLinkLayerAddress,
    int Mtu,
    byte[] RouterAdvertisement,
    Ipv6Address? CareOfAddress,
    double Hold,
    IReadOnlyList<Ipv6Address> HomeAgents,
    IReadOnlyList<HandedAddress> Addresses) : IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Addresses);
}

/// <summary>The registration of one home address: remaining lifetimes in seconds, never clock readings.</summary>
/// <param name="HomeAddress">The home address.</param>
/// <param name="ReservedThrough">The last sequence number that may have been used.</param>
/// <param name="CareOfAddress">The care-of address that the home agent has acknowledged.</param>
/// <param name="BindingRemaining">That binding's remaining lifetime.</param>
/// <param name="BindingMayRemain">For how long the home agent may still hold some binding.</param>
/// <param name="HomeAgent">The home agent that serves it, or is asked.</param>
/// <param name="HomeAddressRemaining">The home address' remaining valid lifetime; null where that is not known, or infinite.</param>
/// <param name="MayRemainElsewhere">What others may still hold.</param>
public sealed record HandedAddress(
    Ipv6Address HomeAddress,
    ushort ReservedThrough,
    Ipv6Address? CareOfAddress,
    double BindingRemaining,
    double BindingMayRemain,
    Ipv6Address HomeAgent,
    double? HomeAddressRemaining,
    IReadOnlyList<HandedBinding> MayRemainElsewhere) : IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(MayRemainElsewhere);
}

/// <summary>A binding that a home agent may still hold which does not serve any more.</summary>
/// <param name="HomeAgent">The home agent.</param>
/// <param name="Remaining">For how many seconds.</param>
public sealed record HandedBinding(Ipv6Address HomeAgent, double Remaining);

/// <summary>The guest is not on this host any more.</summary>
/// <param name="To">The agent to which it was handed over, or null if that is not known.</param>
public sealed record HandedOver(PeerEndpoint? To) : PeerReply;

/// <summary>How a domain that has arrived at the caller's left this host: times before this answer in seconds, never clock readings.</summary>
/// <param name="SuspendedAgo">When the domain was suspended.</param>
/// <param name="TurnedAgo">When its traffic was turned to the caller's host.</param>
/// <param name="Kind">What libvirt's events said it became; those of the destination may not say.</param>
public sealed record DomainLeft(double SuspendedAgo, double TurnedAgo, MoveKind Kind) : PeerReply;

/// <summary>The caller has been heard.</summary>
public sealed record Understood : PeerReply;

/// <summary>What the home agent has answered to a packet that was sent to it for the caller.</summary>
/// <param name="Packet">The IPv6 packet with its answer; null if none came in time.</param>
public sealed record HomeAgentAnswer(byte[]? Packet) : PeerReply;

/// <summary>The caller gets nothing, and is not told of what there is.</summary>
/// <param name="Reason">One sentence for the caller's administrator.</param>
public sealed record PeerRefused(string Reason) : PeerReply;
