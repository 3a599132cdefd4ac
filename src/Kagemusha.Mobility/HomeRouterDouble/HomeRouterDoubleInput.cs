using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What can happen to a <see cref="HomeRouterDouble"/>.</summary>
public abstract record HomeRouterDoubleInput
{
    private HomeRouterDoubleInput()
    {
    }

    /// <summary>The guest runs from now on: it is told at once what its link is like.</summary>
    public sealed record Resumed : HomeRouterDoubleInput;

    /// <summary>A message came in at the tap, the double's own included.</summary>
    /// <param name="Packet">The message.</param>
    /// <param name="Source">The frame's source.</param>
    public sealed record Received(NeighbourDiscoveryPacket Packet, LinkLayerAddress Source) : HomeRouterDoubleInput;

    /// <summary>The home agent has said what the home router advertises now.</summary>
    /// <param name="Prefixes">The prefixes that have changed, with their remaining lifetimes.</param>
    /// <param name="Flags">How addresses and other things are found out.</param>
    public sealed record Advertised(WireArray<PrefixInformation> Prefixes, MobilePrefixFlags Flags) : HomeRouterDoubleInput;

    /// <summary><see cref="HomeRouterDouble.NextWakeUp"/> has come. One that comes early or twice does no harm.</summary>
    public sealed record WakeUp : HomeRouterDoubleInput;
}

/// <summary>A message for the guest's tap.</summary>
/// <param name="Destination">The frame's destination.</param>
/// <param name="Source">The frame's source.</param>
/// <param name="Packet">The message.</param>
public sealed record NeighbourDiscoveryFrame(LinkLayerAddress Destination, LinkLayerAddress Source, NeighbourDiscoveryPacket Packet);
