namespace Kagemusha.MoveReport;

/// <summary>What is counted over the probes of one window, or of the idle time.</summary>
/// <param name="Sent">Both directions.</param>
/// <param name="Lost">Both directions, end to end.</param>
/// <param name="Duplicated">Both directions, end to end.</param>
/// <param name="AddedIn">Nanoseconds by which the latest probe reached the guest's tap later than when nothing moves.</param>
/// <param name="AddedOut">The same from the guest's tap to the correspondent.</param>
internal sealed record Measurement(int Sent, int Lost, int Duplicated, long AddedIn, long AddedOut)
{
    /// <summary>Counts.</summary>
    /// <param name="toGuest">The probes to the guest.</param>
    /// <param name="fromGuest">The probes from it.</param>
    /// <param name="lateness">By how much each was late.</param>
    public static Measurement Of(
        IReadOnlyCollection<TracedProbe> toGuest, IReadOnlyCollection<TracedProbe> fromGuest,
        IReadOnlyDictionary<TracedProbe, long> lateness)
    {
        TracedProbe[] all = [.. toGuest, .. fromGuest];
        return new(all.Length, all.Count(probe => probe.Copies == 0), all.Sum(probe => Math.Max(0, probe.Copies - 1)),
            toGuest.Max(probe => (long?)lateness[probe]) ?? 0, fromGuest.Max(probe => (long?)lateness[probe]) ?? 0);
    }
}

/// <summary>The ends of a move as libvirt saw it: the first suspension at its source and the first resume at its destination.</summary>
/// <param name="SuspendedAt">Null if it never was.</param>
/// <param name="ResumedAt">Null if it never was.</param>
/// <param name="IsPostCopy">Whether it became a post-copy migration.</param>
internal sealed record Switch(long? SuspendedAt, long? ResumedAt, bool IsPostCopy)
{
    // Events are stamped with whole milliseconds.
    private const long EventPrecision = 1_000_000;

    /// <summary>Looks it up between the call of virsh and the next.</summary>
    public static Switch Of(MoveCall move, long nextCall, IReadOnlyList<DomainEvent> source, IReadOnlyList<DomainEvent> destination)
    {
        return new(
            First(source, EventLog.SuspendedMigrated, EventLog.SuspendedPostCopy),
            First(destination, EventLog.ResumedMigrated, EventLog.ResumedPostCopy),
            (First(source, EventLog.SuspendedPostCopy) ?? First(destination, EventLog.ResumedPostCopy)) is not null);

        long? First(IReadOnlyList<DomainEvent> events, params string[] what) => events
            .Where(happened => happened.At >= move.CalledAt - EventPrecision && happened.At < nextCall && what.Contains(happened.What))
            .Select(happened => (long?)happened.At).FirstOrDefault();
    }
}
