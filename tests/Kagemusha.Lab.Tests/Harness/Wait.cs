using System.Diagnostics;

namespace Kagemusha.Lab.Tests;

/// <summary>Waits for what other programs do, and not for ever.</summary>
internal static class Wait
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits until it holds.</summary>
    /// <param name="what">What is waited for, for whoever reads the failure.</param>
    /// <param name="within">After this time it is too late.</param>
    /// <param name="holds">Asked again and again.</param>
    public static void Until(string what, TimeSpan within, Func<bool> holds) => For(what, within, () => holds() ? "" : null);

    /// <summary>Waits until there is one.</summary>
    public static T For<T>(string what, TimeSpan within, Func<T?> find)
        where T : class
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            if (find() is { } found)
            {
                return found;
            }

            if (Stopwatch.GetElapsedTime(began) > within)
            {
                throw new TimeoutException($"not within {within.TotalSeconds:0} s: {what}");
            }

            Thread.Sleep(Interval);
        }
    }
}
