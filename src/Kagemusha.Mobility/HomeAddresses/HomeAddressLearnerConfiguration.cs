using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>Whose addresses are learnt, and where.</summary>
/// <param name="Guest">The guest's link-layer address.</param>
/// <param name="Router">The home router's link-local address.</param>
/// <param name="RouterLinkLayerAddress">The home router's link-layer address.</param>
/// <param name="Prefixes">The prefixes that are on the home link.</param>
/// <param name="Others">Addresses on the home link that no guest can have: the router's, the home agent's.</param>
/// <param name="Given">Addresses that the administrator has given: the guest's in any case.</param>
/// <param name="IsOnHomeLink">Whether the guest is on its home link, where somebody else may have the address.</param>
public sealed record HomeAddressLearnerConfiguration(
    LinkLayerAddress Guest,
    Ipv6Address Router,
    LinkLayerAddress RouterLinkLayerAddress,
    WireArray<Ipv6Prefix> Prefixes,
    WireArray<Ipv6Address> Others,
    WireArray<Ipv6Address> Given,
    bool IsOnHomeLink);
