using Kagemusha.Control;

namespace Kagemusha.Hook.Tests;

public class HistoryTableTests
{
    private static readonly DateTimeOffset Began = new(2026, 1, 1, 13, 0, 0, 500, TimeSpan.FromHours(1));

    internal static readonly Move Left = new(
        "vm",
        Guid.Parse("c0ffee00-0000-4000-8000-000000000001"),
        MoveRole.Source,
        "hv-a",
        "hv-b",
        MoveKind.Postcopy,
        Began,
        MoveOutcome.Moved,
        [
            new(MoveStep.HookCalled, Began, null),
            new(MoveStep.Suspended, Began.AddMilliseconds(1200), null),
            new(MoveStep.TrafficTurned, Began.AddMilliseconds(1203.25), "by the stand-in on br0"),
            new(MoveStep.TailSent, Began.AddMilliseconds(1210), null),
            new(MoveStep.Ended, Began.AddMilliseconds(9000), null),
        ],
        new(Forwarded: 1200, Dropped: 0, Tail: 4));

    private static readonly Move Came = Left with
    {
        Name = "-a-longer-name",
        Role = MoveRole.Destination,
        From = null,
        To = "hv-a",
        Kind = null,
        Outcome = MoveOutcome.UnderWay,
        Events =
        [
            new(MoveStep.Suspended, Began.AddMilliseconds(1), null),
            new(MoveStep.Resumed, Began.AddMilliseconds(41), null),
            new(MoveStep.UpdateSent, Began.AddMilliseconds(42.26), null),
            new(MoveStep.Acknowledged, Began.AddMilliseconds(141.04), null),
            new(MoveStep.Acknowledged, Began.AddMilliseconds(900), "of the second address"),
        ],
        Counters = new(Queued: 31, TailAtMost: 12, Reordered: 2),
    };

    [Fact]
    public void Columns_are_aligned_and_what_is_not_known_is_a_dash() => Assert.Equal(
        """
        WHEN                  DOMAIN          FROM  TO    KIND      PAUSE    TURNED AFTER  UPDATE AFTER  ACKNOWLEDGED AFTER  FORWARDED  TAIL        QUEUED  DROPPED  REORDERED  OUTCOME
        2026-01-01 12:00:00Z  vm              hv-a  hv-b  postcopy  -        3.3 ms        -             -                   1200       4           -       0        -          moved
        2026-01-01 12:00:00Z  -a-longer-name  -     hv-a  -         40.0 ms  -             1.3 ms        100.0 ms            -          at most 12  31      -        2          under-way
        """.ReplaceLineEndings("\n").Split('\n'),
        HistoryTable.Lines([Left, Came], withSteps: false));

    [Fact]
    public void The_last_move_s_steps_stand_below() => Assert.Equal(
        """
          12:00:00.500000Z  +0.0 ms     hook-called
          12:00:01.700000Z  +1200.0 ms  suspended
          12:00:01.703250Z  +1203.3 ms  traffic-turned  by the stand-in on br0
          12:00:01.710000Z  +1210.0 ms  tail-sent
          12:00:09.500000Z  +9000.0 ms  ended
        """.ReplaceLineEndings("\n").Split('\n'),
        HistoryTable.Lines([Came, Left], withSteps: true).Skip(3));

    [Fact]
    public void A_move_without_steps_has_none_below() =>
        Assert.Equal(2, HistoryTable.Lines([Left with { Events = [] }], withSteps: true).Count());

    [Fact]
    public void Nothing_is_said_in_words() =>
        Assert.Equal(["no enrolled VM has moved to or from this host"], HistoryTable.Lines([], withSteps: true));
}
