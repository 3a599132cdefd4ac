using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>The tunnel between two hosts of which one hands guests over to the other; shared by all of them, in both directions.</summary>
/// <param name="Local">This host's address, the one that the other's agent knows.</param>
/// <param name="Remote">The other host's.</param>
/// <param name="Underlay">The interface by which this host reaches the other.</param>
internal sealed record HandOverTunnel(Ipv6Address Local, Ipv6Address Remote, string Underlay)
{
    public string Name => TunnelName.Of("kgho", Local, Remote);
}
