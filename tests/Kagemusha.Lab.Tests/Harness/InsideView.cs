using System.Text.RegularExpressions;

namespace Kagemusha.Lab.Tests;

/// <summary>One look from inside a guest, without what may change: timers, reachability, MTU.</summary>
/// <param name="Addresses">The lines of `ip -6 addr`.</param>
/// <param name="Routes">The lines of `ip -6 route`.</param>
/// <param name="Neighbours">What `ip -6 neigh` says of each neighbour, by its address: "dev eth0 lladdr 02:00:00:00:00:01 router".</param>
/// <param name="KernelLog">The kernel's messages.</param>
internal sealed partial record InsideView(
    IReadOnlyList<string> Addresses, IReadOnlyList<string> Routes, IReadOnlyDictionary<string, string> Neighbours, IReadOnlyList<string> KernelLog)
{
    private const string End = "--";

    /// <summary>Looks.</summary>
    public static InsideView Of(LabGuest guest) => Read(guest.Shell($"ip -6 addr; echo {End}; ip -6 route; echo {End}; ip -6 neigh; echo {End}; dmesg"));

    /// <summary>Reads what the guest has printed.</summary>
    public static InsideView Read(string output)
    {
        var parts = output.Split($"{End}\n").Select(part => Lines(part).ToList()).ToList();
        return new(parts[0], parts[1], parts[2].Select(line => line.Split(' ', 2)).ToDictionary(line => line[0], line => line[1]), parts[3]);
    }

    /// <summary>Asserts that another look shows the same.</summary>
    /// <param name="other">The other one.</param>
    /// <param name="elsewhere">Neighbours whose link-layer addresses may be others there.</param>
    public void AssertSame(InsideView other, params string[] elsewhere)
    {
        Assert.Equal(Addresses, other.Addresses);
        Assert.Equal(Routes, other.Routes);
        Assert.Equal(KernelLog, other.KernelLog);
        Assert.Equal(Known(Neighbours), Known(other.Neighbours));

        IEnumerable<string> Known(IReadOnlyDictionary<string, string> neighbours) => neighbours
            .Select(each => $"{each.Key} {(elsewhere.Contains(each.Key) ? LinkLayer.Replace(each.Value, "") : each.Value)}").Order(StringComparer.Ordinal);
    }

    // A lifetime that is over is one that has changed, and so is "forever"; a neighbour that does not answer (FAILED) is none.
    private static IEnumerable<string> Lines(string text) => text.Split('\n')
        .Select(line => Mtu.Replace(Reachability.Replace(Timers.Replace(line, "$1"), ""), ""))
        .Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        .Where(line => line.Length > 0);

    [GeneratedRegex(@"^\[ *\d+\.\d+\] |\b(valid_lft|preferred_lft) [1-9]\d*sec|\b(?:expires) -?\d+sec")]
    private static partial Regex Timers { get; }

    [GeneratedRegex(@" ref \d+| used [\d/]+| probes \d+| (REACHABLE|STALE|DELAY|PROBE)$")]
    private static partial Regex Reachability { get; }

    [GeneratedRegex(@"\bmtu \d+")]
    private static partial Regex Mtu { get; }

    [GeneratedRegex(@"lladdr [0-9a-f:]+")]
    private static partial Regex LinkLayer { get; }
}
