namespace Kagemusha.Probe;

/// <summary>
/// Does nothing but wake up at an interval, and keeps how late it was each time: the lateness that any process of this priority has on
/// this machine, whatever the network does.
/// </summary>
internal static class Control
{
    // Room is taken at the start, so that nothing but the machine makes a tick late: an hour of ticks every 2 ms.
    private const int MaximumCount = 1800 * 1000;

    /// <summary>Runs until <paramref name="ended"/> says so.</summary>
    public static ControlRecord Run(int intervalMs, Func<bool> ended)
    {
        var interval = intervalMs * Clock.Millisecond;
        var lateness = new int[MaximumCount];
        var poller = new Poller();
        var count = 0;
        var startedAt = Clock.RealTime;
        var start = Clock.Monotonic;
        for (var due = start; count < MaximumCount && !ended(); due += interval)
        {
            while (Clock.Monotonic < due)
            {
                poller.Wait(due);
            }

            lateness[count++] = (int)Math.Min(Clock.Monotonic - due, int.MaxValue);
        }

        return new(startedAt, intervalMs, lateness[..count]);
    }
}
