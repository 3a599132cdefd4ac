using Kagemusha.Probe;

namespace Kagemusha.MoveReport;

/// <summary>What a move did to whoever talks with the guest.</summary>
internal static class Continuity
{
    /// <summary>The last probes of a window, which tell the path after it.</summary>
    private const long Tail = 1_000_000_000;

    /// <summary>
    /// The longest time in which nothing came, in either direction: pause and network together. What waits in the destination's tap for
    /// the resume comes when the guest resumes.
    /// </summary>
    public static long LongestGap(
        IEnumerable<TracedProbe> toGuest, IEnumerable<TracedProbe> fromGuest, string destination, long? resumedAt, long end)
    {
        return Math.Max(
            LongestGap(toGuest.Select(DeliveredAt), end),
            LongestGap(fromGuest.Select(probe => probe.ArrivedAt), end));

        long? DeliveredAt(TracedProbe probe) =>
            probe.Host == destination && probe.ArrivedAt < resumedAt ? resumedAt : probe.ArrivedAt;

        static long LongestGap(IEnumerable<long?> arrivals, long end)
        {
            var times = arrivals.OfType<long>().Append(end).Order().ToArray();
            return times.Zip(times.Skip(1), (earlier, later) => later - earlier).DefaultIfEmpty().Max();
        }
    }

    /// <summary>
    /// What carried the last probes before <paramref name="end"/>, the farther way where they differ; null if none came, in one direction
    /// or both, or one by no way that is known.
    /// </summary>
    public static Carrier? PathBefore(long end, IEnumerable<TracedProbe> toGuest, IEnumerable<TracedProbe> fromGuest)
    {
        var to = Last(toGuest);
        var from = Last(fromGuest);
        return to.Length == 0 || from.Length == 0 || to.Concat(from).Any(probe => probe.Carrier is null)
            ? null
            : to.Concat(from).Max(probe => probe.Carrier);

        TracedProbe[] Last(IEnumerable<TracedProbe> probes) =>
            [.. probes.Where(probe => probe.SentAt >= end - Tail && probe.SentAt < end && probe.ArrivedAt is not null)];
    }

    /// <summary>
    /// Whether a connection that stood when the move began was never broken until the next one, and lines sent after
    /// <paramref name="changedAt"/> came through it in both directions.
    /// </summary>
    public static bool StreamSurvived(IEnumerable<StreamRecord> streams, long calledAt, long changedAt, long nextCall) =>
        streams.Any(stream => stream.ConnectedAt <= calledAt && !(stream.BrokenAt < nextCall)
            && stream.ReceivedAt.Zip(stream.Answered).Any(line => line.First < nextCall && line.Second > 0
                && stream.SentAt[line.Second - 1] > changedAt));
}
