using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kagemusha.Control;

/// <summary>
/// One move of a VM, as the host it left or the host it came to saw it. Only the destination also knows, from the source's agent, when the VM was
/// suspended.
/// </summary>
/// <param name="Name">The domain's name.</param>
/// <param name="Uuid">The domain's UUID.</param>
/// <param name="Role">Which end of the move this host was.</param>
/// <param name="From">The host that the VM left, or null where that is not known.</param>
/// <param name="To">The host that it went to, or null where that is not known.</param>
/// <param name="Kind">What libvirt's events said it became, or null before they did.</param>
/// <param name="Began">When this host first heard of it.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Events">What happened, by its time.</param>
/// <param name="Counters">The guest's packets that needed help.</param>
public sealed record Move(
    string Name,
    Guid Uuid,
    MoveRole Role,
    string? From,
    string? To,
    MoveKind? Kind,
    DateTimeOffset Began,
    MoveOutcome Outcome,
    IReadOnlyList<MoveEvent> Events,
    MoveCounters Counters) : IJsonOnDeserialized
{
    /// <summary>Milliseconds from the suspension to the resume, where this host knows of both.</summary>
    public double? PauseMs => Between(MoveStep.Suspended, MoveStep.Resumed);

    /// <summary>Milliseconds from the suspension until the guest's traffic was turned to the next host.</summary>
    public double? TurnedAfterMs => Between(MoveStep.Suspended, MoveStep.TrafficTurned);

    /// <summary>Milliseconds from the resume until the home agent was sent a Binding Update.</summary>
    public double? UpdateSentAfterMs => Between(MoveStep.Resumed, MoveStep.UpdateSent);

    /// <summary>Milliseconds from the resume to the home agent's acknowledgement.</summary>
    public double? AcknowledgedAfterMs => Between(MoveStep.Resumed, MoveStep.Acknowledged);

    /// <summary>When something first happened, or null where this host does not know.</summary>
    public DateTimeOffset? At(MoveStep step) => Events.FirstOrDefault(happened => happened.Step == step)?.At;

    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Events);

    private double? Between(MoveStep first, MoveStep then) =>
        (At(then) - At(first)) is { } time ? Math.Round(time.TotalMilliseconds, 3) : null;
}

/// <summary>Something that happened during a move.</summary>
/// <param name="Step">What.</param>
/// <param name="At">When, by this host's clock.</param>
/// <param name="Detail">In words, such as which way or why, or null where the step says all.</param>
public sealed record MoveEvent(MoveStep Step, DateTimeOffset At, string? Detail);

/// <summary>The guest's packets that needed help; null where this host did not count.</summary>
/// <param name="Forwarded">Went to the guest through the hand-over tunnel, the tail among them.</param>
/// <param name="Queued">Waited for the resume.</param>
/// <param name="Dropped">Had no room on this host: in the tap, or while the guest's own were held.</param>
/// <param name="Tail">Were not read any more by the suspended guest, and were sent after it; null where that is not known.</param>
/// <param name="TailAtMost">How many those were at most, where it is not known.</param>
/// <param name="Reordered">Came behind packets that were sent to the guest later.</param>
public sealed record MoveCounters(
    long? Forwarded = null, long? Queued = null, long? Dropped = null, long? Tail = null, long? TailAtMost = null, long? Reordered = null);

/// <summary>The two ends of a move, in libvirt's words.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<MoveRole>))]
public enum MoveRole
{
    /// <summary>The host that the VM leaves.</summary>
    Source,

    /// <summary>The host that it comes to.</summary>
    Destination,
}

/// <summary>How the guest's memory is moved.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<MoveKind>))]
public enum MoveKind
{
    /// <summary>All of it before the guest goes on at the destination.</summary>
    Precopy,

    /// <summary>The rest of it while the guest already runs there.</summary>
    Postcopy,
}

/// <summary>How a move ended.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<MoveOutcome>))]
public enum MoveOutcome
{
    /// <summary>It has not ended yet.</summary>
    UnderWay,

    /// <summary>The VM runs at the destination.</summary>
    Moved,

    /// <summary>The VM did not move; the last event says why.</summary>
    Failed,

    /// <summary>The agent ended before the move did.</summary>
    Unknown,
}

/// <summary>What happens during a move.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<MoveStep>))]
public enum MoveStep
{
    /// <summary>libvirt called the hook.</summary>
    HookCalled,

    /// <summary>The destination's agent has what the source's knows.</summary>
    HandedOver,

    /// <summary>The guest was suspended at the source.</summary>
    Suspended,

    /// <summary>The guest's traffic goes to the destination.</summary>
    TrafficTurned,

    /// <summary>What the guest had not read was sent after it.</summary>
    TailSent,

    /// <summary>The guest goes on at the destination.</summary>
    Resumed,

    /// <summary>The first packet for the guest: from the source to the destination, or to its tap there.</summary>
    FirstPacketIn,

    /// <summary>The first packet of the guest's own: from its tap at the destination, or from there to the source.</summary>
    FirstPacketOut,

    /// <summary>A Binding Update was sent.</summary>
    UpdateSent,

    /// <summary>The home agent has accepted it.</summary>
    Acknowledged,

    /// <summary>The guest's packets go another way.</summary>
    PathChanged,

    /// <summary>The source has the guest's traffic again.</summary>
    TakenBack,

    /// <summary>The hand-over tunnel was removed.</summary>
    TunnelGone,

    /// <summary>Nothing more will come.</summary>
    Ended,
}

/// <summary>Names as they are elsewhere on the command line: <c>traffic-turned</c>. Numbers are not taken.</summary>
/// <typeparam name="T">The enumeration.</typeparam>
public sealed class KebabCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
