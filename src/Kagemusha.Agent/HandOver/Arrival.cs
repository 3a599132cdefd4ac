using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>A guest's way from the host that it comes from, from the hand-over until nothing comes through it any more.</summary>
/// <param name="from">The other host's agent, with the token that was shown to it.</param>
/// <param name="tunnel">The way to it.</param>
internal sealed class Arrival(PeerTicket from, HandOverTunnel tunnel)
{
    public PeerTicket From { get; } = from;

    public HandOverTunnel Tunnel { get; } = tunnel;

    /// <summary>
    /// Whether the guest has come back before its home agent acknowledged the other host, which then leads its packets to here: they are not to be sent
    /// there, but as before it left.
    /// </summary>
    public bool IsReturn { get; set; }

    /// <summary>The way from the host before, where a return finds it still in use.</summary>
    public Arrival? Earlier { get; init; }

    /// <summary>By which its own packets leave where its home agent does not know this host yet; null for the home agent's tunnel.</summary>
    public HandOverTunnel? Through => IsReturn ? Earlier?.Tunnel : Tunnel;

    /// <summary>What lets a guest that has come home have what the bridge has for it, ready for its resume; null before its taps are there.</summary>
    public Linux.PreparedChanges? Opening { get; set; }

    /// <summary>Whether the other host's agent knows that the home agent has turned.</summary>
    public bool IsReported { get; set; }

    /// <summary>When it is to be looked at whether anything still comes; monotonic.</summary>
    public TimeSpan? LookAt { get; set; }

    /// <summary>What is counted of the guest's packets, once its taps are there.</summary>
    public ArrivalTraffic? Traffic { get; set; }

    /// <summary>What had come through the tunnel when it was looked at last.</summary>
    public long Received { get; set; }
}
