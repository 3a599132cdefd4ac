using Kagemusha.Control;

namespace Kagemusha.Hook.Tests;

public sealed class TwoEndsTests
{
    internal static readonly DateTimeOffset Began = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Its clock is 300 ms ahead of the destination's.</summary>
    internal static readonly Move Source = new(
        "vm",
        Guid.Parse("c0ffee00-0000-4000-8000-000000000001"),
        MoveRole.Source,
        "hv-a",
        "hv-b.example.org",
        MoveKind.Precopy,
        Began.AddMilliseconds(310),
        MoveOutcome.Moved,
        [
            Step(MoveStep.HandedOver, 310),
            Step(MoveStep.Suspended, 5300),
            Step(MoveStep.TrafficTurned, 5301.5),
            Step(MoveStep.TailSent, 5304),
            Step(MoveStep.FirstPacketIn, 5312, "to the next host"),
            Step(MoveStep.TunnelGone, 9300),
            Step(MoveStep.Ended, 9301),
        ],
        new(Forwarded: 1200, Dropped: 0, Tail: 4));

    internal static readonly Move Destination = new(
        "vm",
        Source.Uuid,
        MoveRole.Destination,
        "hv-a.example.org",
        "hv-b",
        MoveKind.Precopy,
        Began,
        MoveOutcome.Moved,
        [
            Step(MoveStep.HookCalled, 0, "migrate begin"),
            Step(MoveStep.HandedOver, 9),
            Step(MoveStep.HookCalled, 90, "started begin"),
            Step(MoveStep.Suspended, 5000, "at the source"),
            Step(MoveStep.TrafficTurned, 5002, "at the source"),
            Step(MoveStep.Resumed, 5040),
            Step(MoveStep.UpdateSent, 5041, "2001:db8:1::42"),
            Step(MoveStep.FirstPacketIn, 5044, "through the last host"),
            Step(MoveStep.FirstPacketOut, 5046),
            Step(MoveStep.Acknowledged, 5095, "2001:db8:1::42"),
            Step(MoveStep.PathChanged, 5096, "2001:db8:1::42, by the home agent's tunnel"),
            Step(MoveStep.Ended, 9000),
        ],
        new(Forwarded: 1196, Queued: 31, Dropped: 0, Reordered: 0));

    /// <summary>What the other host has recorded, and whether that is of the same move as <see cref="Source"/>.</summary>
    public static TheoryData<string, Move, bool> Others => new()
    {
        { "the destination's record", Destination, true },
        { "its clock is a minute off", Destination with { Began = Began.AddMinutes(-1) }, true },
        { "another move of the VM's", Destination with { Began = Began.AddMinutes(10) }, false },
        { "another VM", Destination with { Uuid = Guid.Empty }, false },
        { "another source's", Source with { From = "hv-c" }, false },
        { "this host cannot have moved it to itself", Destination with { To = "hv-a" }, false },
        { "a step of another century", Destination with { Events = [new(MoveStep.Ended, DateTimeOffset.MinValue, null)] }, false },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void The_other_host_s_record_is_found_by_the_vm_and_the_time(string what, Move other, bool isTheSame)
    {
        var pair = Assert.Single(TwoEnds.Pair([Source], [other]));

        Assert.NotNull(what);
        Assert.Equal((Source, isTheSame ? other : null), (pair.Source, pair.Destination));
    }

    [Fact]
    public void Of_several_moves_each_record_has_its_own()
    {
        var back = TimeSpan.FromMinutes(1);
        var (laterSource, laterDestination) = (Source with { Began = Source.Began + back }, Destination with { Began = Began + back });

        var pairs = TwoEnds.Pair([Destination, laterDestination], [laterSource, Source]).ToList();

        Assert.Equal([(Source, Destination), (laterSource, laterDestination)], pairs.Select(pair => (pair.Source, pair.Destination)));
    }

    [Fact]
    public void What_both_know_sets_the_clock_and_is_there_once()
    {
        var both = new TwoEnds(Source, Destination);

        Assert.True(both.HasOneClock);
        Assert.Equal(Began, both.Began);
        Assert.Equal(
            [
                "0 Destination HookCalled", "9 Destination HandedOver", "10 Source HandedOver", "90 Destination HookCalled", "5000 Source Suspended",
                "5001.5 Source TrafficTurned", "5004 Source TailSent", "5012 Source FirstPacketIn", "5040 Destination Resumed", "5041 Destination UpdateSent",
                "5044 Destination FirstPacketIn", "5046 Destination FirstPacketOut", "5095 Destination Acknowledged", "5096 Destination PathChanged",
                "9000 Source TunnelGone", "9000 Destination Ended", "9001 Source Ended",
            ],
            both.Events.Select(happened => FormattableString.Invariant($"{(happened.At - Began).TotalMilliseconds} {happened.Place} {happened.Step}")));
    }

    [Fact]
    public void Of_a_destination_alone_what_it_was_told_of_the_source_is_the_source_s() => Assert.Equal(
        [MoveStep.Suspended, MoveStep.TrafficTurned],
        new TwoEnds(null, Destination).Events.Where(happened => happened.Place == MoveRole.Source).Select(happened => happened.Step));

    [Fact]
    public void Without_a_moment_in_common_each_keeps_its_clock()
    {
        var both = new TwoEnds(Source, Destination with { Events = [Step(MoveStep.HookCalled, 0)] });

        Assert.False(both.HasOneClock);
        Assert.Equal(Source.Events[0].At, both.Events[1].At);
    }

    [Theory]
    [InlineData(MoveOutcome.Moved, MoveOutcome.Moved, MoveOutcome.Moved)]
    [InlineData(MoveOutcome.Moved, MoveOutcome.Unknown, MoveOutcome.Moved)]
    [InlineData(MoveOutcome.Failed, MoveOutcome.Unknown, MoveOutcome.Failed)]
    [InlineData(MoveOutcome.Moved, MoveOutcome.Failed, MoveOutcome.Failed)]
    [InlineData(MoveOutcome.UnderWay, MoveOutcome.UnderWay, MoveOutcome.UnderWay)]
    public void A_failure_at_one_end_is_the_move_s(MoveOutcome source, MoveOutcome destination, MoveOutcome outcome) =>
        Assert.Equal(outcome, new TwoEnds(Source with { Outcome = source }, Destination with { Outcome = destination }).Outcome);

    private static MoveEvent Step(MoveStep step, double ms, string? detail = null) => new(step, Began.AddMilliseconds(ms), detail);
}
