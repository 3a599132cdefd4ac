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

/// <summary>
/// Something that is due at an interval. What a busy machine missed is made up for; what more than <see cref="Patience"/> intervals
/// missed, in a pause say, is not.
/// </summary>
internal struct Pace(long interval, long first)
{
    private const int Patience = 10;

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
        if (Next <= now - Patience * interval)
        {
            Next = now + interval;
        }

        return true;
    }
}
