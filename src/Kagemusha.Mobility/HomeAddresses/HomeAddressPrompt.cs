using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>Has a guest that may have nothing to say use its addresses, so that they can be learnt.</summary>
public static class HomeAddressPrompt
{
    private const int InterfaceIdentifierPrefix = 64;

    /// <summary>
    /// What to send into the guest's tap, in the home router's name: whether it has the address that it would make from its link-layer address,
    /// and an echo request from the routers' anycast address (RFC 4291, section 2.6.1), which has it solicit that neighbour from the address that it prefers.
    /// </summary>
    public static IEnumerable<EthernetFrame> Frames(HomeAddressLearnerConfiguration guest)
    {
        foreach (var prefix in guest.Prefixes)
        {
            if (prefix.Length == InterfaceIdentifierPrefix)
            {
                var address = prefix.AddressOf(guest.Guest);
                var solicitation = new NeighbourSolicitation(address, [new SourceLinkLayerAddress(guest.RouterLinkLayerAddress)]);
                yield return EthernetFrame.Around(new NeighbourDiscoveryPacket(guest.Router, address, solicitation), guest.RouterLinkLayerAddress, guest.Guest);
            }

            yield return EthernetFrame.Around(
                new EchoRequestPacket(prefix.Address, Ipv6Address.AllNodes), guest.RouterLinkLayerAddress, LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes));
        }
    }
}
