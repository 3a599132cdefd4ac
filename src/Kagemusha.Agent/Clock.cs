using System.Diagnostics;

namespace Kagemusha.Agent;

/// <summary>The agent's time: monotonic, from an origin that means nothing.</summary>
internal static class Clock
{
    public static TimeSpan Now => Stopwatch.GetElapsedTime(0);
}
