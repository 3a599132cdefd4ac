using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>Another host's agent on a connection.</summary>
/// <param name="Name">Its certificate's name.</param>
/// <param name="Thumbprint">Which certificate it is.</param>
/// <param name="Address">Where it calls from.</param>
internal sealed record PeerCaller(string Name, string Thumbprint, string Address)
{
    public override string ToString() => $"{Name} ({Address})";
}

/// <summary>What a caller is answered.</summary>
/// <param name="Reply">The answer.</param>
/// <param name="Refused">Why it is a refusal, for this host's log only: the caller is told less.</param>
internal sealed record PeerAnswer(PeerReply Reply, string? Refused = null);
