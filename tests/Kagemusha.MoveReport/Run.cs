using System.Globalization;
using System.Text.Json;
using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport;

/// <summary>
/// A run, read from the directory that it was recorded in:
/// <code>
/// run.txt       what was done: see RunFile
/// probes.json   what kagemusha-probe correspondent wrote
/// control.json  what kagemusha-probe control wrote
/// BOX.pcap, BOX.tcpdump, BOX.links    captures of core, the home link and each host; tcpdump's last words; which link is which
/// HOST.events   virsh event of each host
/// </code>
/// </summary>
internal sealed class Run
{
    /// <summary>With fewer probes than this each way in its window a move may have lost anything.</summary>
    public const int MinimumProbes = 100;

    private readonly RunFile _run;
    private readonly ProbeRecord _record;
    private readonly Captures _captures;
    private readonly ControlTrace _control;
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
        _control = ControlTrace.Read(Path.Combine(directory, "control.json"));
        var session = ulong.Parse(_record.Session, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        _captures = new(directory, _run, Ipv6Address.Parse(_record.Guest), session);
        _origins = new(directory, _run.Hosts, session);
        _trace = new(_record, _captures);
        _windows = Window.Of(_run.Moves, _trace);
        Idle = new(_trace.All.Where(probe => !_windows.Any(window => window.Contains(probe))));
        _lateness = new[] { _trace.ToGuest, _trace.FromGuest }
            .SelectMany(probes => Idle.Lateness(probes, MoveHosts, _captures.LastAt)).ToDictionary();
        IdleMeasurement = Measure(Idle.Probes.Contains);
        ReportedMove[] moves = [.. _run.Moves.Select((move, i) => Measure(move, i, directory))];
        Report = new(moves, _record.IntervalMs, _run.HomeAgentRttMs, _run.HostToHostOneWayMs, _record.Boots.Count,
            moves.Max(move => move.ControlLatenessMs), IsMachineBusy(moves), Judge(moves));
        Check();
    }

    public Report Report { get; }

    public IdleBaseline Idle { get; }

    /// <summary>What belongs to no move.</summary>
    public Measurement IdleMeasurement { get; }

    /// <summary>The hosts that the guest may have been on.</summary>
    public IEnumerable<string> Hosts => _run.Hosts.Keys;

    /// <summary>Between two ticks of the control process.</summary>
    public int ControlIntervalMs => _control.IntervalMs;

    /// <summary>Why the run failed; nothing if it did not.</summary>
    public IReadOnlyList<string> Failures => _failures;

    private static double ToMilliseconds(long nanoseconds) => Math.Round(nanoseconds / 1e6, 3);

    private static string? ToTime(long? nanoseconds) => nanoseconds is { } at
        ? DateTime.UnixEpoch.AddTicks(at / 100).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)
        : null;

    private long NextCall(int move) => move + 1 < _run.Moves.Count ? _run.Moves[move + 1].CalledAt : long.MaxValue;

    /// <summary>Whether a process that has nothing to do with the network was usually later than the network may be: then these verdicts say nothing of it.</summary>
    private static bool IsMachineBusy(ReportedMove[] moves) =>
        moves.Length > 0 && Verdict.Median(moves.Select(move => move.ControlLatenessMs ?? 0)) > Verdict.MarginMs;

    private IReadOnlyList<Verdict> Judge(ReportedMove[] moves)
    {
        return moves.Length == 0 ? [] :
        [
            .. Verdict.Of("in", _run.HostToHostOneWayMs, [.. moves.Select(move => LatenessOf(move, move.NetworkAddedMs.In, 0))]),
            .. Verdict.Of("out", _run.HostToHostOneWayMs,
                [.. moves.Select(move => LatenessOf(move, move.NetworkAddedMs.Out, move.HomeAgentProcessingMs ?? 0))]),
        ];

        static MoveLateness LatenessOf(ReportedMove move, double added, double homeAgent) =>
            new(added, homeAgent, move.ControlLatenessMs ?? 0);
    }

    private IEnumerable<string> MoveHosts(TracedProbe probe) => _run.Moves.Zip(_windows)
        .Where(pair => pair.Second.Contains(probe)).SelectMany(pair => new[] { pair.First.From, pair.First.To });

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
        var registration = _captures.RegistrationBetween(moved.SuspendedAt ?? move.CalledAt, NextCall(index));
        var isForeignToForeign = move.From != _run.HomeHost && move.To != _run.HomeHost;
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
            },
            _control.Lateness(window) is { } late ? ToMilliseconds(late) : null,
            isForeignToForeign && registration.Processing is { } processing ? ToMilliseconds(processing) : null,
            registration.Updates, registration.IsAccepted);

        IReadOnlyList<DomainEvent> EventsOf(string host) =>
            EventLog.Read(File.ReadLines(Path.Combine(directory, $"{host}.events")), _run.Domain);
    }

    private void Check()
    {
        Expect(Report.Moves.Count > 0, "nothing was moved");
        foreach (var (move, i) in Report.Moves.Select((move, i) => (move, i)))
        {
            CheckMove(move, i, $"{move.From} -> {move.To}");
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
        ExpectWhole("nothing moves", IdleMeasurement.Lost, IdleMeasurement.Duplicated);
        foreach (var verdict in Report.Verdicts)
        {
            var (direction, statistic, measured, limit) = verdict;
            Expect(verdict.Ok || Report.MachineBusy, string.Create(CultureInfo.InvariantCulture,
                $"the network added {measured} ms {direction}, {statistic} of the moves, more than {limit} ms"));
        }

        // The windows' sums against what the two programs counted.
        var received = _record.ReceivedByGuest!.Copies.Concat(_record.ReceivedFromGuest.Copies).ToArray();
        var sent = _record.SentToGuestAt.Length + _record.SentByGuest!.Value;
        Expect(IdleMeasurement.Sent + Report.Moves.Sum(move => move.Sent) == sent
            && IdleMeasurement.Lost + Report.Moves.Sum(move => move.Lost) == sent - received.Count(copies => copies > 0)
            && IdleMeasurement.Duplicated + Report.Moves.Sum(move => move.Duplicated) == received.Sum(copies => Math.Max(0, copies - 1)),
            "the probes of the windows and of the idle time do not add up");
        Expect(Report.GuestBoots == 1, $"the guest booted {Report.GuestBoots} times: the counts are of its first boot only");
        Expect(_record.ReceivedByGuest.BufferDrops + _record.ReceivedFromGuest.BufferDrops == 0, "a receive buffer dropped packets");
        Expect(_captures.Drops == 0, $"the captures missed {_captures.Drops} packets");
        Expect(_trace.Unseen == 0, $"{_trace.Unseen} probes that were received were seen at no tap of the guest");
    }

    private void CheckMove(ReportedMove move, int index, string name)
    {
        Expect(_run.Moves[index].ExitCode == 0, $"{name}: virsh migrate ended with {_run.Moves[index].ExitCode}");
        Expect(move.Kind == _run.Kind, $"{name}: it became {move.Kind}");
        Expect(move.PauseMs is not null, $"{name}: libvirt did not tell of a suspension there and a resume here");
        Expect(move.PathAfter != "none", $"{name}: the guest was not reachable after the move");
        ExpectWhole(name, move.Lost, move.Duplicated);
        var window = _windows[index];
        var fewest = Math.Min(_trace.ToGuest.Count(window.Contains), _trace.FromGuest.Count(window.Contains));
        Expect(fewest >= MinimumProbes, $"{name}: {fewest} probes one way in its window, fewer than {MinimumProbes}");
        Expect(move.ControlLatenessMs is not null, $"{name}: the control process did not run through its window");
        foreach (var host in new[] { move.From, move.To })
        {
            Expect(Idle.Delay(ProbeDirection.ToGuest, host) is not null && Idle.Delay(ProbeDirection.FromGuest, host) is not null,
                $"{name}: too few probes on {host} while nothing moved to compare with");
        }
    }

    private void ExpectWhole(string when, int lost, int duplicated) =>
        Expect(lost + duplicated == 0, $"{when}: {lost} lost, {duplicated} twice");

    private void Expect(bool holds, string failure)
    {
        if (!holds)
        {
            _failures.Add(failure);
        }
    }
}
