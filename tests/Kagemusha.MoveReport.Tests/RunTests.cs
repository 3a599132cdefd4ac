using CsCheck;
using static Kagemusha.MoveReport.Tests.SyntheticRun;

namespace Kagemusha.MoveReport.Tests;

public sealed class RunTests : IDisposable
{
    // Probes to the guest, and from it, less those that it did not send while it was suspended.
    private const int SentInWindow = (ChangedAt + 2000 - (CalledAt - 2000)) / IntervalMs * 2 + 2 - (ResumedAt - SuspendedAt) / IntervalMs;

    private readonly SyntheticRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void A_move_is_reported_as_it_was()
    {
        var run = _run.Read();

        Assert.Empty(run.Failures);
        Assert.Equal(
            new ReportedMove("hv-a", "hv-b", "precopy", true, "2027-01-15T08:00:08.000000Z", "2027-01-15T08:00:08.050000Z", 50,
                SentInWindow, 0, 0, 8056 - 7992, new(2, 2), true, "home-agent-tunnel", 0, null, 1, true),
            Assert.Single(run.Report.Moves));
        Assert.Equal((IntervalMs, 4, 2.5, 1, 0),
            (run.Report.ProbeIntervalMs, run.Report.HomeAgentRttMs, run.Report.HostToHostOneWayMs, run.Report.GuestBoots,
                run.Report.ControlLatenessMs));
        Assert.Equal(
            [new("in", "median", 2, 7.5), new("in", "worst", 2, 7.5), new("out", "median", 2, 7.5), new("out", "worst", 2, 7.5)],
            run.Report.Verdicts);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Each_probe_lost_end_to_end_counts(bool beforeTap)
    {
        Lose(At(_run.ToGuest, 9000), beforeTap);
        Lose(At(_run.ToGuest, 9010), beforeTap);
        Lose(At(_run.FromGuest, 9500), beforeTap);
        Lose(At(_run.FromGuest, 1000), beforeTap);

        var run = _run.Read();

        Assert.Equal((SentInWindow, 3), (run.Report.Moves[0].Sent, run.Report.Moves[0].Lost));
        Assert.Equal(1, run.IdleMeasurement.Lost);
    }

    [Fact]
    public void A_lost_probe_to_the_guest_is_late_until_the_first_later_one_arrives()
    {
        Lose(At(_run.ToGuest, 9000));
        Lose(At(_run.ToGuest, 9010));
        Lose(At(_run.ToGuest, 9020), beforeTap: false); // What is lost behind the tap has not arrived.

        // The next one, sent at 9030, was at the tap at 9033; when nothing moves 9000 would have been there at 9003.
        Assert.Equal(new(30, 2), _run.Read().Report.Moves[0].NetworkAddedMs);
    }

    [Fact]
    public void A_lost_probe_from_the_guest_is_late_until_the_first_later_one_arrives()
    {
        Lose(At(_run.FromGuest, 9000));
        Lose(At(_run.FromGuest, 9010), beforeTap: false);

        // 9000 was seen at no tap: it is taken to have been sent at the latest when 9010 passed.
        Assert.Equal(new(2, 10), _run.Read().Report.Moves[0].NetworkAddedMs);
    }

    [Fact]
    public void A_later_one_that_overtakes_ends_the_wait_for_a_lost_one()
    {
        Lose(At(_run.ToGuest, 9000));
        At(_run.ToGuest, 9010).Taps[0] = new(At(9061), "hv-b");
        At(_run.ToGuest, 9020).Taps[0] = new(At(9023), "hv-b");

        // 9010 itself took 51 ms instead of 3; 9000 was not missed any longer when 9020 came.
        Assert.Equal(48, _run.Read().Report.Moves[0].NetworkAddedMs.In);
    }

    [Fact]
    public void When_none_arrives_any_more_the_last_ones_are_late_until_the_end_and_the_guest_is_not_reachable()
    {
        foreach (var probe in _run.ToGuest.Where(probe => probe.SentAt >= At(SuspendedAt)))
        {
            Lose(probe);
        }

        var run = _run.Read();

        Assert.Contains("hv-a -> hv-b: the guest was not reachable after the move", run.Failures);
        Assert.Equal((false, "none"), (run.Report.Moves[0].Ok, run.Report.Moves[0].PathAfter));
        Assert.InRange(run.Report.Moves[0].NetworkAddedMs.In, 11_000, 12_000);
    }

    [Fact]
    public void Duplicates_count_in_both_directions()
    {
        At(_run.ToGuest, 8100).Copies = 2;
        At(_run.FromGuest, 8100).Copies = 4;
        At(_run.FromGuest, 1000).Copies = 2;

        var run = _run.Read();

        Assert.Equal((4, 1), (run.Report.Moves[0].Duplicated, run.IdleMeasurement.Duplicated));
    }

    [Fact]
    public void Waiting_in_the_tap_for_the_resume_is_the_pause_and_not_the_network()
    {
        // All that was sent while the guest was suspended is at the destination's tap 5 ms later, up to 45 ms before the resume.
        var run = _run.Read();

        Assert.Equal(2, run.Report.Moves[0].NetworkAddedMs.In);
        Assert.Equal(50, run.Report.Moves[0].PauseMs);
    }

    [Fact]
    public void What_was_in_the_source_s_tap_at_the_suspension_has_arrived_when_it_is_at_the_destination_s()
    {
        var probe = At(_run.ToGuest, 7990);
        probe.Taps.Add(new(At(8030), "hv-b"));
        probe.Carriers.Add(Carrier.HandOverTunnel);

        Assert.Equal(37, _run.Read().Report.Moves[0].NetworkAddedMs.In);

        // Read at the source too, it was there in time.
        probe.Copies = 2;
        Assert.Equal(2, _run.Read().Report.Moves[0].NetworkAddedMs.In);
    }

    [Theory]
    [InlineData(CalledAt - 2000 - 10, false)]
    [InlineData(CalledAt - 2000, true)]
    [InlineData(ChangedAt + 2000 - 4, true)]
    [InlineData(ChangedAt + 2000 + 6, false)]
    public void A_window_takes_its_first_instant_and_not_its_end(int at, bool inside)
    {
        Lose(At(_run.ToGuest, at), beforeTap: false);

        var run = _run.Read();

        Assert.Equal(inside ? (1, 0) : (0, 1), (run.Report.Moves[0].Lost, run.IdleMeasurement.Lost));
    }

    [Fact]
    public void A_path_that_changes_late_makes_the_window_longer()
    {
        foreach (var probe in _run.ToGuest.Where(probe => probe.SentAt >= At(TurnedAt) && probe.SentAt < At(12_000)))
        {
            probe.Carriers[0] = Carrier.HandOverTunnel;
        }

        // The first probe by the last path arrives at 12003: 380 more each way than when the path changed at 8204.
        Assert.Equal(SentInWindow + 2 * 380, _run.Read().Report.Moves[0].Sent);
    }

    [Theory]
    [InlineData(Carrier.HandOverTunnel, "hand-over-tunnel")]
    [InlineData(Carrier.HomeLink, "home-link")]
    [InlineData(Carrier.HomeAgentTunnel, "home-agent-tunnel")]
    [InlineData(null, "none")]
    internal void The_path_is_what_carried_the_last_probes(Carrier? carrier, string path)
    {
        foreach (var probe in _run.ToGuest.Concat(_run.FromGuest).Where(probe => probe.SentAt >= At(TurnedAt)))
        {
            probe.Carriers.Clear();
            if (carrier is { } known)
            {
                probe.Carriers.Add(known);
            }
        }

        Assert.Equal(path, _run.Read().Report.Moves[0].PathAfter);
    }

    [Fact]
    public void One_direction_that_still_takes_the_hand_over_tunnel_tells_the_path()
    {
        foreach (var probe in _run.ToGuest.Where(probe => probe.SentAt >= At(TurnedAt)))
        {
            probe.Carriers.Add(Carrier.HandOverTunnel);
        }

        Assert.Equal("hand-over-tunnel", _run.Read().Report.Moves[0].PathAfter);
    }

    [Fact]
    public void The_kind_is_what_libvirt_s_events_say()
    {
        _run.SourceEvents.Insert(1, Event(SuspendedAt + 10, "Suspended Post-copy"));
        _run.DestinationEvents[^1] = Event(ResumedAt, "Resumed Post-copy");
        _run.DestinationEvents.Add(Event(8400, "Resumed Migrated"));

        var move = _run.Read().Report.Moves[0];

        Assert.Equal(("postcopy", 50.0), (move.Kind, move.PauseMs));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(8100.0, false)] // in the move
    [InlineData(12_000.0, false)] // later, but before another one
    public void A_stream_survives_if_it_is_never_broken(double? brokenAt, bool survived)
    {
        _run.Streams[0] = Stream(brokenAt);
        _run.Streams.Add(Stream(null) with { ConnectedAt = At(15_000) });

        Assert.Equal(survived, _run.Read().Report.Moves[0].TcpSurvived);
    }

    [Fact]
    public void A_stream_over_which_nothing_comes_any_more_has_not_survived()
    {
        var whole = Stream(null);
        _run.Streams[0] = Stream(8000) with { BrokenAt = null, BrokenBy = null, SentAt = whole.SentAt };

        Assert.False(_run.Read().Report.Moves[0].TcpSurvived);
    }

    [Fact]
    public void A_move_has_the_events_between_its_call_and_the_next()
    {
        DomainEvent[] a = [new(At(1), "Suspended Migrated"), new(At(1000), "Suspended Migrated"), new(At(3000), "Suspended Post-copy")];
        DomainEvent[] b = [new(At(1), "Resumed Migrated"), new(At(1030), "Resumed Unpaused"), new(At(1050), "Resumed Migrated")];
        var move = new MoveCall("a", "b", At(500), At(1500), 0);

        Assert.Equal(new(At(1000), At(1050), false), Switch.Of(move, At(2000), a, b));
        Assert.Equal(new(At(1000), At(1050), true), Switch.Of(move, At(4000), a, b));
        Assert.Equal(new(null, null, false), Switch.Of(move, At(900), a, b));

        // Events are stamped with whole milliseconds, calls are not.
        Assert.Equal(At(1000), Switch.Of(move with { CalledAt = At(1000.9) }, At(2000), a, b).SuspendedAt);
    }

    [Fact]
    public void Windows_may_touch_but_not_overlap()
    {
        Window[] windows = [new(0, 10, 20), new(20, 30, 40), new(39, 50, 60)];

        Assert.Equal(1, Window.FirstOverlap(windows));
        Assert.Null(Window.FirstOverlap(windows[..2]));
    }

    [Fact]
    public void Without_idle_time_on_a_host_there_is_nothing_to_compare_with()
    {
        _run.ToGuest.RemoveRange(1030, Count - 1030);

        Assert.Equal(["hv-a -> hv-b: too few probes on hv-b while nothing moved to compare with"], _run.Read().Failures);
    }

    [Fact]
    public void A_guest_that_is_on_two_hosts_at_a_time_fails_the_run()
    {
        At(_run.FromGuest, 9000).Origins[0] = "hv-a";
        At(_run.FromGuest, 9010).Origins.Insert(0, "hv-a");

        Assert.Equal(
            [
                "the guest's packets came from hv-a, hv-b, hv-a, hv-b, one after the other, and not from hv-a, hv-b",
                "1 packets of the guest's were sent by two hosts of which none had it from the other",
            ], _run.Read().Failures);
    }

    [Fact]
    public void What_voids_the_numbers_fails_the_run()
    {
        _run.BufferDrops = 1;
        _run.CaptureDrops = 3;
        _run.Boots.Add("0000000000000002");
        _run.ExitCode = 1;
        At(_run.ToGuest, 9000).Taps.Clear();
        _run.SourceEvents.Clear();

        var run = _run.Read();

        Assert.False(run.Report.Moves[0].Ok);
        Assert.Equal(
            [
                "hv-a -> hv-b: virsh migrate ended with 1",
                "hv-a -> hv-b: libvirt did not tell of a suspension there and a resume here",
                "the guest's packets came from hv-a, hv-b, one after the other, and not from hv-a",
                "the network added 10 ms in, median of the moves, more than 7.5 ms",
                "the network added 10 ms in, worst of the moves, more than 7.5 ms",
                "the guest booted 2 times: the counts are of its first boot only",
                "a receive buffer dropped packets",
                "the captures missed 3 packets",
                "1 probes that were received were seen at no tap of the guest",
            ], run.Failures);
    }

    [Fact]
    public void Every_probe_belongs_to_one_window_or_to_the_idle_time()
    {
        Gen.Select(Gen.Int[0, Count - 10], Gen.Int[0, 3], Gen.Bool).Array[0, 60].Sample(fates =>
        {
            using var synthetic = new SyntheticRun();
            foreach (var (index, copies, toGuest) in fates)
            {
                (toGuest ? synthetic.ToGuest : synthetic.FromGuest)[index].Copies = copies;
            }

            var run = synthetic.Read();

            var all = synthetic.ToGuest.Concat(synthetic.FromGuest).ToArray();
            Assert.DoesNotContain(run.Failures, failure => failure.Contains("add up", StringComparison.Ordinal));
            Assert.Equal(
                (all.Length, all.Count(probe => probe.Copies == 0), all.Sum(probe => Math.Max(0, probe.Copies - 1))),
                (run.IdleMeasurement.Sent + run.Report.Moves[0].Sent, run.IdleMeasurement.Lost + run.Report.Moves[0].Lost,
                    run.IdleMeasurement.Duplicated + run.Report.Moves[0].Duplicated));
        }, iter: 20);
    }
}
