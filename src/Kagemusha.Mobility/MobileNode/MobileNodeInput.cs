using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What can happen to a <see cref="MobileNode"/>.</summary>
public abstract record MobileNodeInput
{
    private MobileNodeInput()
    {
    }

    /// <summary>The guest is about to run on this host: the number of its first update is reserved while nothing waits for it.</summary>
    public sealed record Expected : MobileNodeInput;

    /// <summary>The guest runs on this host, on a foreign link; also: the care-of address has changed.</summary>
    /// <param name="CareOfAddress">The host's address that the home agent is to tunnel to.</param>
    /// <param name="ValidFor">Its remaining valid lifetime; null for an infinite one.</param>
    public sealed record Away(Ipv6Address CareOfAddress, TimeSpan? ValidFor = null) : MobileNodeInput;

    /// <summary>The guest runs on this host, on its home link.</summary>
    /// <param name="PreviousCareOfAddress">
    /// The care-of address that it comes from, where that host can still send for it; null to de-register it from home.
    /// </param>
    public sealed record Home(Ipv6Address? PreviousCareOfAddress = null) : MobileNodeInput;

    /// <summary>The host that the guest came home from does not send for it any more: the home agent is told from home.</summary>
    public sealed record PreviousCareOfAddressLost : MobileNodeInput;

    /// <summary>The guest does not run on this host: it is paused, or gone. Nothing is sent for it.</summary>
    public sealed record Passive : MobileNodeInput;

    /// <summary>A mobility message came in; whether it is for this node is the node's to decide.</summary>
    /// <param name="Packet">The message with the addresses that it came with.</param>
    public sealed record Received(MobilityPacket Packet) : MobileNodeInput;

    /// <summary>A mobility message came in that cannot be read; whether its sender is told is the node's to decide.</summary>
    /// <param name="Source">The packet's source.</param>
    /// <param name="Destination">The packet's destination.</param>
    /// <param name="Packet">The packet.</param>
    /// <param name="Error">What is wrong with it.</param>
    public sealed record Unreadable(Ipv6Address Source, Ipv6Address Destination, WireArray<byte> Packet, WireError Error) : MobileNodeInput;

    /// <summary>A node on the way has said that a mobility message could not be delivered; whether it is this node's is the node's to decide.</summary>
    /// <param name="Error">What it has said, and of which packet.</param>
    public sealed record Undelivered(MobilityErrorPacket Error) : MobileNodeInput;

    /// <summary>An ICMPv6 message of mobility came in; whether it is for this node is the node's to decide.</summary>
    /// <param name="Packet">The message with the addresses that it came with.</param>
    public sealed record PrefixesReceived(MobilityIcmpPacket Packet) : MobileNodeInput;

    /// <summary><see cref="MobileNode.NextWakeUp"/> has come. One that comes early or twice does no harm.</summary>
    public sealed record WakeUp : MobileNodeInput;

    /// <summary>The home agents of the home link have been found out; one that holds a binding goes on serving.</summary>
    /// <param name="HomeAgents">The most preferred first; nothing changes if there is none.</param>
    public sealed record HomeAgentsFound(WireArray<Ipv6Address> HomeAgents) : MobileNodeInput;

    /// <summary>Update the home agent at once, whatever it is believed to know.</summary>
    public sealed record Refresh : MobileNodeInput;
}
