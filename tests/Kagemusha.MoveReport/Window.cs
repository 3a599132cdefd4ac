namespace Kagemusha.MoveReport;

/// <summary>
/// A move's window: from 2 s before <c>virsh migrate</c> was called to 2 s after the path last changed, by the time a probe was
/// sent.
/// </summary>
/// <param name="Start">The first nanosecond in it.</param>
/// <param name="ChangedAt">When the path last changed: when the first probe arrived that came the way that all later ones came.</param>
/// <param name="End">The first nanosecond behind it.</param>
internal sealed record Window(long Start, long ChangedAt, long End)
{
    public const long Margin = 2_000_000_000;

    /// <summary>Whether a probe belongs to it.</summary>
    public bool Contains(TracedProbe probe) => Start <= probe.SentAt && probe.SentAt < End;

    /// <summary>The windows of all moves. They overlap where moves follow each other too fast: see <see cref="FirstOverlap"/>.</summary>
    public static IReadOnlyList<Window> Of(IReadOnlyList<MoveCall> moves, ProbeTrace trace) =>
    [
        .. moves.Select((move, i) =>
        {
            var next = i + 1 < moves.Count ? moves[i + 1].CalledAt : long.MaxValue;
            var changedAt = new[] { trace.ToGuest, trace.FromGuest }.Max(probes => LastChange(probes, move.CalledAt, next))
                ?? move.ReturnedAt; // It failed: the path never changed.
            return new Window(move.CalledAt - Margin, changedAt, changedAt + Margin);
        }),
    ];

    /// <summary>The first window that reaches into the next; null if none does.</summary>
    public static int? FirstOverlap(IReadOnlyList<Window> windows)
    {
        for (var i = 0; i + 1 < windows.Count; i++)
        {
            if (windows[i].End > windows[i + 1].Start)
            {
                return i;
            }
        }

        return null;
    }

    private static long? LastChange(IEnumerable<TracedProbe> probes, long from, long until)
    {
        (string?, Carrier?)? path = null;
        long? changedAt = null;
        foreach (var probe in probes.Where(probe => probe.ArrivedAt < until).OrderBy(probe => probe.ArrivedAt))
        {
            if (path is not null && path != (probe.Host, probe.Carrier) && probe.ArrivedAt >= from)
            {
                changedAt = probe.ArrivedAt;
            }

            path = (probe.Host, probe.Carrier);
        }

        return changedAt;
    }
}
