using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>A <see cref="MobileNode"/> as <c>status</c> shows it.</summary>
/// <param name="Phase">What the node is doing.</param>
/// <param name="CareOfAddress">The care-of address that the home agent tunnels to, as far as is known.</param>
/// <param name="Remaining">The binding's remaining lifetime; zero without a binding.</param>
/// <param name="Unanswered">Updates sent since the home agent's last answer.</param>
/// <param name="Problem">Why the home agent's last answer, or its silence, is not what is wanted; null when all is well.</param>
/// <param name="Refusal">The status with which the home agent has refused; null when it has accepted since, or has not refused.</param>
public sealed record MobileNodeState(
    MobileNodePhase Phase, Ipv6Address? CareOfAddress, TimeSpan Remaining, int Unanswered, string? Problem, BindingStatus? Refusal = null);

/// <summary>What a <see cref="MobileNode"/> is doing.</summary>
public enum MobileNodePhase
{
    /// <summary>The guest does not run here; nothing is sent.</summary>
    Passive,

    /// <summary>The guest runs on its home link and no binding is known.</summary>
    AtHome,

    /// <summary>The guest runs on its home link; the home agent is being told.</summary>
    Deregistering,

    /// <summary>The guest runs here, away; the home agent does not yet tunnel to this host.</summary>
    Registering,

    /// <summary>The guest runs here, away, and the home agent tunnels to this host.</summary>
    Registered,
}

/// <summary>
/// What the next host's node, or this one's after a restart, must know. Remaining lifetimes, never clock readings; time that
/// passes outside a node makes them too long, which costs at most one needless update.
/// </summary>
/// <param name="ReservedThrough">The last sequence number that may have been used.</param>
/// <param name="CareOfAddress">The care-of address that the home agent has acknowledged; null while it may have taken another one since.</param>
/// <param name="BindingRemaining">That binding's remaining lifetime.</param>
/// <param name="BindingMayRemain">For how long the home agent may still hold some binding, acknowledged or not.</param>
public sealed record MobileNodeSnapshot(
    ushort ReservedThrough, Ipv6Address? CareOfAddress, TimeSpan BindingRemaining, TimeSpan BindingMayRemain)
{
    /// <summary>The home agent that it is about, which is asked first; null for the most preferred one.</summary>
    public Ipv6Address? HomeAgent { get; init; }

    /// <summary>The home address' remaining valid lifetime; null while it is not known, or infinite.</summary>
    public TimeSpan? HomeAddressRemaining { get; init; }

    /// <summary>What others may still hold.</summary>
    public WireArray<HeldBinding> MayRemainElsewhere { get; init; } = [];

    /// <summary>Whether any home agent may hold something.</summary>
    public bool MayRemain => BindingMayRemain > TimeSpan.Zero || MayRemainElsewhere.Count > 0;
}

/// <summary>A binding, acknowledged or not, that a home agent may hold which does not serve any more.</summary>
/// <param name="HomeAgent">The home agent's address.</param>
/// <param name="Remaining">For how long.</param>
public readonly record struct HeldBinding(Ipv6Address HomeAgent, TimeSpan Remaining);
