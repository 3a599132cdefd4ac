using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>The home link as an away guest is to go on seeing it.</summary>
/// <param name="RouterAddress">The home router's link-local address.</param>
/// <param name="RouterLinkLayerAddress">The home router's link-layer address.</param>
/// <param name="Advertisement">The home router's own advertisement, as it was heard on the home link.</param>
/// <param name="HomeAddresses">The guest's own addresses.</param>
/// <param name="Mtu">What fits through the tunnel.</param>
public sealed record HomeRouterDoubleConfiguration(
    Ipv6Address RouterAddress,
    LinkLayerAddress RouterLinkLayerAddress,
    RouterAdvertisement Advertisement,
    WireArray<Ipv6Address> HomeAddresses,
    int Mtu);
