using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What can happen to a <see cref="HomeAgentDiscovery"/>.</summary>
public abstract record HomeAgentDiscoveryInput
{
    private HomeAgentDiscoveryInput()
    {
    }

    /// <summary>The home agents are to be found out, if that is not being done.</summary>
    /// <param name="Source">This host's address, to which they answer.</param>
    public sealed record Wanted(Ipv6Address Source) : HomeAgentDiscoveryInput;

    /// <summary>An ICMPv6 message of mobility came in; whether it is an answer is for the discovery to decide.</summary>
    /// <param name="Packet">The message with the addresses that it came with.</param>
    public sealed record Received(MobilityIcmpPacket Packet) : HomeAgentDiscoveryInput;

    /// <summary><see cref="HomeAgentDiscovery.NextWakeUp"/> has come. One that comes early or twice does no harm.</summary>
    public sealed record WakeUp : HomeAgentDiscoveryInput;
}

/// <summary>What a <see cref="HomeAgentDiscovery"/> wants done.</summary>
public abstract record HomeAgentDiscoveryEffect
{
    private HomeAgentDiscoveryEffect()
    {
    }

    /// <summary>Send a request.</summary>
    /// <param name="Packet">The packet.</param>
    public sealed record Send(MobilityIcmpPacket Packet) : HomeAgentDiscoveryEffect;

    /// <summary>These are the home agents on the home link.</summary>
    /// <param name="HomeAgents">At least one, the most preferred first.</param>
    public sealed record Found(WireArray<Ipv6Address> HomeAgents) : HomeAgentDiscoveryEffect;

    /// <summary>No home agent has answered.</summary>
    public sealed record Failed : HomeAgentDiscoveryEffect;
}
