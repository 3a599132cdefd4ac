using System.Diagnostics;

namespace Kagemusha.Probe;

/// <summary>The two clocks, both in nanoseconds.</summary>
internal static class Clock
{
    public const long Second = 1_000_000_000;
    public const long Millisecond = 1_000_000;

    /// <summary>CLOCK_REALTIME, which the kernel stamps packets with, since 1970.</summary>
    public static long RealTime => (DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks) * 100;

    /// <summary>CLOCK_MONOTONIC, for intervals; its unit is the nanosecond on every Linux.</summary>
    public static long Monotonic => Stopwatch.GetTimestamp();
}

/// <summary>Something that is due at an interval. What was missed, by a guest that was paused say, is not made up for.</summary>
internal struct Pace(long interval, long first)
{
    /// <summary>When it is due next.</summary>
    public long Next { get; private set; } = first;

    /// <summary>Whether it is due now; if so, it is not until the next time.</summary>
    public bool IsDue(long now)
    {
        if (now < Next)
        {
            return false;
        }

        Next += interval;
        if (Next <= now)
        {
            Next = now + interval;
        }

        return true;
    }
}
