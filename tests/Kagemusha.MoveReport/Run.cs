using System.Globalization;
using System.Text.Json;
using Kagemusha.Probe;

namespace Kagemusha.MoveReport;

/// <summary>
/// A run, read from the directory that it was recorded in:
/// <code>
/// run.txt       what was done: see RunFile
/// probes.json   what kagemusha-probe correspondent wrote
/// BOX.pcap, BOX.tcpdump, BOX.links    captures of core, the home link and each host; tcpdump's last words; which link is which
/// HOST.events   virsh event of each host
/// </code>
/// </summary>
internal sealed class Run
{
    private readonly RunFile _run;
    private readonly ProbeRecord _record;
    private readonly ProbeTrace _trace;
    private readonly IReadOnlyList<Window> _windows;
    private readonly IReadOnlyDictionary<TracedProbe, long> _lateness;
    private readonly ProbeOrigins _origins;
    private readonly List<string> _failures = [];

    /// <exception cref="InvalidDataException">What is there is no whole run.</exception>
    public Run(string directory)
    {
        _run = RunFile.Read(File.ReadLines(Path.Combine(directory, "run.txt")));
        _record = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(directory, "probes.json")), ProbeRecordJson.Default.ProbeRecord)
            ?? throw new InvalidDataException("probes.json: null");
        var session = ulong.Parse(_record.Session, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var captures = new Captures(directory, _run, session);
        _origins = new(directory, _run.Hosts, session);
        _trace = new(_record, captures);
        _windows = Window.Of(_run.Moves, _trace);
        Idle = new(_trace.All.Where(probe => !_windows.Any(window => window.Contains(probe))));
        _lateness = new[] { _trace.ToGuest, _trace.FromGuest }.SelectMany(probes => Idle.Lateness(probes, captures.LastAt))
            .ToDictionary();
        IdleMeasurement = Measure(Idle.Probes.Contains);
        Report = new([.. _run.Moves.Select((move, i) => Measure(move, i, directory))], _record.IntervalMs, _run.HomeAgentRttMs,
            _run.HostToHostOneWayMs, _record.Boots.Count);
        Check(captures);
    }

    public Report Report { get; }

    public IdleBaseline Idle { get; }

    /// <summary>What belongs to no move.</summary>
    public Measurement IdleMeasurement { get; }

    /// <summary>The hosts that the guest may have been on.</summary>
    public IEnumerable<string> Hosts => _run.Hosts.Keys;

    /// <summary>Why the run failed; nothing if it did not.</summary>
    public IReadOnlyList<string> Failures => _failures;

    private static double ToMilliseconds(long nanoseconds) => Math.Round(nanoseconds / 1e6, 3);

    private static string? ToTime(long? nanoseconds) => nanoseconds is { } at
        ? DateTime.UnixEpoch.AddTicks(at / 100).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)
        : null;

    private long NextCall(int move) => move + 1 < _run.Moves.Count ? _run.Moves[move + 1].CalledAt : long.MaxValue;

    private Measurement Measure(Func<TracedProbe, bool> belongs) =>
        Measurement.Of([.. _trace.ToGuest.Where(belongs)], [.. _trace.FromGuest.Where(belongs)], _lateness);

    private ReportedMove Measure(MoveCall move, int index, string directory)
    {
        var window = _windows[index];
        var measured = Measure(window.Contains);
        var moved = Switch.Of(move, NextCall(index), EventsOf(move.From), EventsOf(move.To));
        var toGuest = _trace.ToGuest.Where(window.Contains);
        var fromGuest = _trace.FromGuest.Where(window.Contains);
        var path = Continuity.PathBefore(window.End, toGuest, fromGuest);
        return new(move.From, move.To, moved.IsPostCopy ? "postcopy" : "precopy",
            move.ExitCode == 0 && path is not null && moved is { SuspendedAt: not null, ResumedAt: not null },
            ToTime(moved.SuspendedAt), ToTime(moved.ResumedAt),
            moved.ResumedAt - moved.SuspendedAt is { } pause ? ToMilliseconds(pause) : null,
            measured.Sent, measured.Lost, measured.Duplicated,
            ToMilliseconds(Continuity.LongestGap(toGuest, fromGuest, move.To, moved.ResumedAt, window.End)),
            new(ToMilliseconds(measured.AddedIn), ToMilliseconds(measured.AddedOut)),
            Continuity.StreamSurvived(_record.Streams, move.CalledAt, window.ChangedAt, NextCall(index)),
            path switch
            {
                Carrier.HomeLink => "home-link",
                Carrier.HomeAgentTunnel => "home-agent-tunnel",
                Carrier.HandOverTunnel => "hand-over-tunnel",
                _ => "none",
            });

        IReadOnlyList<DomainEvent> EventsOf(string host) =>
            EventLog.Read(File.ReadLines(Path.Combine(directory, $"{host}.events")), _run.Domain);
    }

    private void Check(Captures captures)
    {
        foreach (var (move, i) in Report.Moves.Select((move, i) => (move, i)))
        {
            var name = $"{move.From} -> {move.To}";
            Expect(_run.Moves[i].ExitCode == 0, $"{name}: virsh migrate ended with {_run.Moves[i].ExitCode}");
            Expect(move.PauseMs is not null, $"{name}: libvirt did not tell of a suspension there and a resume here");
            Expect(move.PathAfter != "none", $"{name}: the guest was not reachable after the move");
            foreach (var host in new[] { move.From, move.To })
            {
                Expect(Idle.Delay(ProbeDirection.ToGuest, host) is not null && Idle.Delay(ProbeDirection.FromGuest, host) is not null,
                    $"{name}: too few probes on {host} while nothing moved to compare with");
            }
        }

        if (Window.FirstOverlap(_windows) is { } early)
        {
            _failures.Add($"the move after {Report.Moves[early].From} -> {Report.Moves[early].To} came before the path had settled");
        }

        // One host at a time, and each once for each move.
        string[] expected = [.. _run.Moves.Take(1).Select(move => move.From), .. _run.Moves.Where(move => move.ExitCode == 0).Select(move => move.To)];
        Expect(_origins.Hosts.SequenceEqual(expected),
            $"the guest's packets came from {string.Join(", ", _origins.Hosts)}, one after the other, and not from {string.Join(", ", expected)}");
        Expect(_origins.Doubled == 0, $"{_origins.Doubled} packets of the guest's were sent by two hosts of which none had it from the other");

        // The windows' sums against what the two programs counted.
        var received = _record.ReceivedByGuest!.Copies.Concat(_record.ReceivedFromGuest.Copies).ToArray();
        var sent = _record.SentToGuestAt.Length + _record.SentByGuest!.Value;
        Expect(IdleMeasurement.Sent + Report.Moves.Sum(move => move.Sent) == sent
            && IdleMeasurement.Lost + Report.Moves.Sum(move => move.Lost) == sent - received.Count(copies => copies > 0)
            && IdleMeasurement.Duplicated + Report.Moves.Sum(move => move.Duplicated) == received.Sum(copies => Math.Max(0, copies - 1)),
            "the probes of the windows and of the idle time do not add up");
        Expect(Report.GuestBoots == 1, $"the guest booted {Report.GuestBoots} times: the counts are of its first boot only");
        Expect(_record.ReceivedByGuest.BufferDrops + _record.ReceivedFromGuest.BufferDrops == 0, "a receive buffer dropped packets");
        Expect(captures.Drops == 0, $"the captures missed {captures.Drops} packets");
        Expect(_trace.Unseen == 0, $"{_trace.Unseen} probes that were received were seen at no tap of the guest");
    }

    private void Expect(bool holds, string failure)
    {
        if (!holds)
        {
            _failures.Add(failure);
        }
    }
}
