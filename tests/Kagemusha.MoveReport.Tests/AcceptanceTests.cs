using System.Text.Json;
using static Kagemusha.MoveReport.Tests.SyntheticRun;

namespace Kagemusha.MoveReport.Tests;

/// <summary>What a run fails for that is whole in itself.</summary>
public sealed class AcceptanceTests : IDisposable
{
    private readonly SyntheticRun _run = new();

    public void Dispose() => _run.Dispose();

    public static TheoryData<double, double[], double[], double[], double[]> Verdicts() => new()
    {
        // way; each move's lateness, the home agent's share, its control; median and its limit, the worst and its limit
        { 0, [4.999], [0], [0], [4.999, 5, 4.999, 5] },
        { 0, [1, 9, 2], [0, 0, 0], [3, 3, 3], [2, 5, 9, 8] },
        { 1.5, [1, 9, 2], [0, 0, 0], [3, 3, 3], [2, 6.5, 9, 9.5] },
        { 0, [1, 9, 2], [0, 4, 0], [3, 3, 3], [2, 5, 5, 8] },
        { 0, [1, 9, 7], [0, 0, 0], [0, 8, 1], [7, 5, 7, 6] }, // the second has its stall, the third has not
        { 0, [1, 9, 2], [0, 0, 0], [99, 3, 99], [2, 5, 9, 8] }, // others' stalls are no excuse
        { 0, [6, 6, 0], [0, 0, 0], [99, 99, 0], [6, 5, 0, 5] }, // nor for the median
        { 0, [1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 0, 0], [3, 5, 4, 5] },
        { 0, [2, 1], [7, 0], [0, 0], [1, 5, 1, 5] },
    };

    [Theory]
    [MemberData(nameof(Verdicts))]
    public void The_median_and_the_worst_move_are_judged(
        double way, double[] added, double[] homeAgent, double[] control, double[] expected) =>
        Assert.Equal(
            [new("out", "median", expected[0], expected[1]), new("out", "worst", expected[2], expected[3])],
            Verdict.Of("out", way, [.. added.Select((_, i) => new MoveLateness(added[i], homeAgent[i], control[i]))]));

    [Theory]
    [InlineData(5, 5, true)]
    [InlineData(5.001, 5, false)]
    public void A_limit_may_be_reached(double measured, double limit, bool ok) =>
        Assert.Equal(ok, new Verdict("in", "median", measured, limit).Ok);

    [Theory]
    [InlineData(7.5, 0, new string[0])]
    [InlineData(7.501, 0, new[] { "median", "worst" })]
    [InlineData(7.501, 0.001, new[] { "median" })]
    [InlineData(7.501, 5, new[] { "median" })]
    [InlineData(7.501, 5.001, new string[0])] // the machine is too busy to tell
    public void What_the_network_adds_beyond_its_limits_fails_the_run(double added, double control, string[] statistics)
    {
        // On hv-b a probe takes 3 ms when nothing moves.
        At(_run.ToGuest, 9000).Taps[0] = new(At(9003 + added), "hv-b");
        _run.ControlLateness[700] = control;

        Assert.Equal(
            statistics.Select(statistic => $"the network added 7.501 ms in, {statistic} of the moves, more than 7.5 ms"),
            _run.Read().Failures);
    }

    [Theory]
    [InlineData(399, 0)] // the window begins at 4000
    [InlineData(400, 20)]
    [InlineData(1020, 20)] // and ends at 10204
    [InlineData(1021, 0)]
    public void The_control_counts_in_the_windows_only(int tick, double late)
    {
        _run.ControlLateness[tick] = 20;

        var report = _run.Read().Report;

        Assert.Equal((late, late), (report.ControlLatenessMs, report.Moves[0].ControlLatenessMs));
        Assert.Equal(7.5 + late, report.Verdicts.Single(verdict => verdict is { Direction: "in", Statistic: "worst" }).LimitMs);
    }

    [Theory]
    [InlineData(1021, null)]
    [InlineData(1020, "hv-a -> hv-b: the control process did not run through its window")]
    [InlineData(0, "hv-a -> hv-b: the control process did not run through its window")]
    public void The_control_has_to_run_through_a_window(int ticks, string? failure)
    {
        _run.ControlLateness = new double[ticks];

        Assert.Equal(failure is null ? [] : [failure], _run.Read().Failures);
    }

    [Theory]
    [InlineData("hv-a", null, 2.0)]
    [InlineData("hv-b", null, 2.0)]
    [InlineData("hv-c", 1.5, 0.5)]
    public void Out_from_one_foreign_host_to_another_is_counted_without_the_home_agent_s_time(
        string homeHost, double? processing, double measured)
    {
        _run.HomeHost = homeHost;
        _run.Updates[0] = (8050, 8056.5);
        _run.Echoes.Add((8060, 8065));

        var report = _run.Read().Report;

        Assert.Equal(processing, report.Moves[0].HomeAgentProcessingMs);
        Assert.Equal(2, report.Moves[0].NetworkAddedMs.Out);
        Assert.Equal([2, 2, measured, measured], report.Verdicts.Select(verdict => verdict.MeasuredMs));
    }

    [Theory]
    [InlineData(9000, 0, "hv-a -> hv-b: 1 lost, 0 twice")]
    [InlineData(9000, 3, "hv-a -> hv-b: 0 lost, 2 twice")]
    [InlineData(1000, 0, "nothing moves: 1 lost, 0 twice")]
    [InlineData(1000, 2, "nothing moves: 0 lost, 1 twice")]
    [InlineData(9000, 1, null)]
    public void Nothing_may_be_lost_or_come_twice(int sentAt, int copies, string? failure)
    {
        At(_run.FromGuest, sentAt).Copies = copies;

        // 9000 is late for as long as it is lost, but the next one comes within the limit.
        At(_run.FromGuest, 9010).ReceivedAt = At(9011);

        Assert.Equal(failure is null ? [] : [failure], _run.Read().Failures);
    }

    [Theory]
    [InlineData("precopy", null)]
    [InlineData("postcopy", "hv-a -> hv-b: it became precopy")]
    public void A_move_must_become_what_it_was_to_be(string kind, string? failure)
    {
        _run.Kind = kind;

        Assert.Equal(failure is null ? [] : [failure], _run.Read().Failures);
    }

    [Theory]
    [InlineData(100, null)]
    [InlineData(99, "hv-a -> hv-b: 99 probes one way in its window, fewer than 100")]
    public void A_window_has_a_hundred_probes_each_way(int count, string? failure)
    {
        var first = At(_run.ToGuest, TurnedAt);
        var window = _run.ToGuest.Where(probe => probe.SentAt >= At(CalledAt - 2000) && probe.SentAt < At(ChangedAt + 2000));
        var surplus = window.SkipLast(count - 1).Where(probe => probe != first).ToHashSet();
        _run.ToGuest.RemoveAll(surplus.Contains);

        Assert.Equal(failure is null ? [] : [failure], _run.Read().Failures);
    }

    [Theory]
    [InlineData(Carrier.HomeLink, 1.5, 0.5)]
    [InlineData(Carrier.HandOverTunnel, 1.5, 0)]
    [InlineData(Carrier.HandOverTunnel, 3, 0)] // as late as one to hv-b when nothing moves
    [InlineData(Carrier.HandOverTunnel, 5.5, 2.5)]
    internal void Only_what_the_hand_over_s_tunnel_carried_is_compared_with_the_farther_host(Carrier carrier, double late, double added)
    {
        // Without what is late in the move itself.
        foreach (var passed in _run.ToGuest.Where(probe => probe.SentAt >= At(SuspendedAt) && probe.SentAt < At(TurnedAt)))
        {
            passed.Taps[0] = new(passed.SentAt + 3 * Ms, "hv-b");
        }

        var probe = At(_run.ToGuest, 7000);
        probe.Taps[0] = new(At(7000 + late), "hv-a");
        probe.Carriers[0] = carrier;

        Assert.Equal(added, _run.Read().Report.Moves[0].NetworkAddedMs.In);
    }

    [Fact]
    public void While_nothing_moves_a_probe_is_compared_with_its_own_host()
    {
        At(_run.ToGuest, 1000).Taps[0] = new(At(1003), "hv-a");
        At(_run.ToGuest, 1000).Carriers[0] = Carrier.HandOverTunnel;
        At(_run.FromGuest, 1000).ReceivedAt = At(1005);

        var idle = _run.Read().IdleMeasurement;

        Assert.Equal((2 * Ms, 3 * Ms), (idle.AddedIn, idle.AddedOut));
    }

    [Fact]
    public void The_program_prints_and_writes_measured_limit_and_verdict_and_ends_accordingly()
    {
        var json = Path.GetTempFileName();
        Assert.Equal(0, Program.Main([_run.Write(), "--json", json]));
        _run.ControlLateness[700] = 1;
        _run.Updates.Insert(0, (8049, null));
        At(_run.ToGuest, 9000).Taps[0] = new(At(9013), "hv-b");
        Assert.Equal(1, Program.Main([_run.Write(), "--json", json]));

        using var report = JsonDocument.Parse(File.ReadAllBytes(json));
        File.Delete(json);
        Assert.Equal("""{"direction":"in","statistic":"worst","measured_ms":10,"limit_ms":8.5,"ok":false}""",
            JsonSerializer.Serialize(report.RootElement.GetProperty("verdicts")[1]));
        using var table = new StringWriter();
        Table.Write(table, _run.Read());
        Assert.Contains("in, worst        10.00 ms  8.50 ms  TOO LATE\n", table.ToString(), StringComparison.Ordinal);
        Assert.Contains("hv-a -> hv-b: 2 Binding Updates sent, one accepted\n", table.ToString(), StringComparison.Ordinal);
    }
}
