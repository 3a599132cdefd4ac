using Kagemusha.Probe;

namespace Kagemusha.MoveReport;

/// <summary>What the network is like when nothing moves, by the probes in no window, and by how much others were later.</summary>
internal sealed class IdleBaseline
{
    /// <summary>With fewer probes than this a median says nothing.</summary>
    public const int MinimumCount = 20;

    private readonly Dictionary<(ProbeDirection, string), long> _delays;

    public IdleBaseline(IEnumerable<TracedProbe> probes)
    {
        Probes = probes.ToHashSet();
        _delays = Probes.Where(probe => probe.Delay is not null && probe.Host is not null)
            .GroupBy(probe => (probe.Direction, probe.Host!), probe => probe.Delay!.Value)
            .Where(delays => delays.Count() >= MinimumCount)
            .ToDictionary(delays => delays.Key, Median);
    }

    public IReadOnlySet<TracedProbe> Probes { get; }

    /// <summary>The median of a probe's delay while the guest is on a host; null where too few were sent.</summary>
    public long? Delay(ProbeDirection direction, string host) => _delays.TryGetValue((direction, host), out var delay) ? delay : null;

    /// <summary>
    /// By how much each probe of one direction was later than those that passed the same host's tap while nothing moved. One that the
    /// hand-over's tunnel carried took the way to the one host first: it is compared with whichever of the move's two hosts is the
    /// farther. A lost one is late until the first later one that arrived, or the run's end.
    /// </summary>
    /// <param name="probes">By sequence number.</param>
    /// <param name="moveHosts">The hosts of the move in whose window a probe is; none while nothing moves.</param>
    /// <param name="end">When the run ended.</param>
    public IReadOnlyDictionary<TracedProbe, long> Lateness(
        IReadOnlyList<TracedProbe> probes, Func<TracedProbe, IEnumerable<string>> moveHosts, long end)
    {
        var lateness = new Dictionary<TracedProbe, long>();
        (long At, TracedProbe? Probe) next = (end, null);
        foreach (var probe in probes.Reverse())
        {
            var arrival = probe.ArrivedAt is { } at ? (At: at, Probe: probe) : next;
            lateness[probe] = Math.Max(0, arrival.At - probe.SentAt - Usual(probe, arrival.Probe));
            next = arrival.At < next.At ? arrival : next;
        }

        return lateness;

        long Usual(TracedProbe probe, TracedProbe? arrived)
        {
            var hosts = arrived?.Carrier == Carrier.HandOverTunnel ? moveHosts(probe).Append(arrived.Host) : [arrived?.Host];
            return hosts.Max(host => host is null ? 0 : Delay(probe.Direction, host) ?? 0);
        }
    }

    private static long Median(IEnumerable<long> delays)
    {
        var sorted = delays.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
