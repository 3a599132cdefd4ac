namespace Kagemusha.Mobility;

/// <summary>How an away guest's own packets leave the host that it has come to.</summary>
public enum OutboundPath
{
    /// <summary>Through the hand-over tunnel, and from the source as if the guest were still there.</summary>
    ThroughSource,

    /// <summary>Not yet: they wait in order until the home agent has probably processed the update that they follow.</summary>
    Held,

    /// <summary>Through the home agent's tunnel.</summary>
    HomeAgentTunnel,
}
