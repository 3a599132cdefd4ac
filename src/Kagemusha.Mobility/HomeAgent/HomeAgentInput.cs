using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What a <see cref="HomeAgent"/> is told.</summary>
public abstract record HomeAgentInput
{
    private HomeAgentInput()
    {
    }

    /// <summary>All that the home agent needs is there: it asks the home link's routers what they know.</summary>
    public sealed record Started : HomeAgentInput;

    /// <summary>A router's advertisement on the home link, this node's own too.</summary>
    /// <param name="Source">The router's link-local address.</param>
    /// <param name="Advertisement">What it says.</param>
    public sealed record Advertised(Ipv6Address Source, RouterAdvertisement Advertisement) : HomeAgentInput;

    /// <summary>A mobility message to the home agent's address.</summary>
    /// <param name="Packet">The packet.</param>
    /// <param name="HomeLinkSender">Who sent its frame, when it came by the home link; null when by any other.</param>
    public sealed record Received(MobilityPacket Packet, LinkLayerAddress? HomeLinkSender) : HomeAgentInput;

    /// <summary>A mobility message to an address of this node that cannot be read.</summary>
    /// <param name="Source">The packet's source.</param>
    /// <param name="Destination">The packet's destination.</param>
    /// <param name="Packet">The packet.</param>
    /// <param name="Error">What is wrong with it.</param>
    public sealed record Unreadable(Ipv6Address Source, Ipv6Address Destination, WireArray<byte> Packet, WireError Error) : HomeAgentInput;

    /// <summary>A packet with a home address option, but no mobility message, to an address of this node.</summary>
    /// <param name="Packet">What is known of it.</param>
    public sealed record HomeAddressUsed(HomeAddressPacket Packet) : HomeAgentInput;

    /// <summary>A mobile node asks for home agents or prefixes.</summary>
    /// <param name="Packet">The packet.</param>
    public sealed record Asked(MobilityIcmpPacket Packet) : HomeAgentInput;

    /// <summary>A neighbour solicitation or advertisement that somebody else sent on the home link.</summary>
    /// <param name="Packet">The packet.</param>
    /// <param name="Sender">Who sent its frame.</param>
    public sealed record SeenOnHomeLink(NeighbourDiscoveryPacket Packet, LinkLayerAddress Sender) : HomeAgentInput;

    /// <summary>The kernel would not have the data path of the binding that this acknowledgement, not sent yet, accepts.</summary>
    /// <param name="HomeAddress">The home address.</param>
    /// <param name="Acknowledgement">The acknowledgement that was to be sent.</param>
    public sealed record DataPathFailed(Ipv6Address HomeAddress, MobilityPacket Acknowledgement) : HomeAgentInput;

    /// <summary>The time of <see cref="HomeAgent.NextWakeUp"/> has come.</summary>
    public sealed record WakeUp : HomeAgentInput;
}
