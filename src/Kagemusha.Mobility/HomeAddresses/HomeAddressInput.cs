using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What can happen to a <see cref="HomeAddressLearner"/>.</summary>
public abstract record HomeAddressInput
{
    private HomeAddressInput()
    {
    }

    /// <summary>A message has come in at the guest's tap.</summary>
    /// <param name="Packet">The message.</param>
    /// <param name="Source">The frame's source.</param>
    public sealed record FromGuest(NeighbourDiscoveryPacket Packet, LinkLayerAddress Source) : HomeAddressInput;

    /// <summary>A message has gone from the home link to the guest's tap.</summary>
    /// <param name="Packet">The message.</param>
    /// <param name="Source">The frame's source.</param>
    public sealed record FromHomeLink(NeighbourDiscoveryPacket Packet, LinkLayerAddress Source) : HomeAddressInput;

    /// <summary><see cref="HomeAddressLearner.NextWakeUp"/> has come. One that comes early or twice does no harm.</summary>
    public sealed record WakeUp : HomeAddressInput;
}

/// <summary>What a <see cref="HomeAddressLearner"/> has found out, or wants to be sent for that.</summary>
public abstract record HomeAddressEffect
{
    private HomeAddressEffect()
    {
    }

    /// <summary>The guest uses this address.</summary>
    public sealed record Learnt(Ipv6Address Address) : HomeAddressEffect;

    /// <summary>The guest does not use this address any more, which was learnt.</summary>
    public sealed record Gone(Ipv6Address Address) : HomeAddressEffect;

    /// <summary>The guest uses more addresses than are learnt. Said once, until one is gone.</summary>
    public sealed record LimitReached : HomeAddressEffect;

    /// <summary>To be sent into the guest's tap, and nowhere else.</summary>
    public sealed record SendToGuest(NeighbourDiscoveryFrame Frame) : HomeAddressEffect;

    /// <summary>To be sent on the home link, and not to the guest.</summary>
    public sealed record SendToHomeLink(NeighbourDiscoveryFrame Frame) : HomeAddressEffect;
}
