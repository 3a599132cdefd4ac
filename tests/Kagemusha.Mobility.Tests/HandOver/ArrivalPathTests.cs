using CsCheck;
using static Kagemusha.Mobility.OutboundPath;

namespace Kagemusha.Mobility.Tests;

public class ArrivalPathTests
{
    private const int Hold = 20;

    private static readonly TimeSpan Start = TimeSpan.FromHours(7);

    private enum Call
    {
        UpdateSent,
        Acknowledged,
        UpdateUnanswered,
        WakeUp,
        SourceRegistered,
        SourceNotRegistered,
    }

    /// <summary>Each step: milliseconds from the start, what happens, the path after it, and when it next wakes up.</summary>
    public static TheoryData<string, bool, (int At, string What, OutboundPath Path, int? Next)[]> Stories => new()
    {
        {
            "from home", false,
            [(0, "UpdateSent", ThroughSource, null), (1500, "UpdateSent", ThroughSource, null), (1600, "Acknowledged", HomeAgentTunnel, null)]
        },
        {
            "from foreign", true,
            [
                (0, "UpdateSent", Held, 20), (19, "WakeUp", Held, 20), (20, "WakeUp", HomeAgentTunnel, 1000),
                (60, "Acknowledged", HomeAgentTunnel, null),
            ]
        },
        { "acknowledged while held", true, [(0, "UpdateSent", Held, 20), (7, "Acknowledged", HomeAgentTunnel, null)] },
        {
            "the first update is lost", true,
            [
                (0, "UpdateSent", Held, 20), (20, "WakeUp", HomeAgentTunnel, 1000), (1000, "WakeUp", ThroughSource, null),
                (1000, "UpdateSent", Held, 1020), (1020, "WakeUp", HomeAgentTunnel, 2000), (1030, "Acknowledged", HomeAgentTunnel, null),
            ]
        },
        {
            "it is repeated before it is taken for lost", true,
            [
                (0, "UpdateSent", Held, 20), (20, "WakeUp", HomeAgentTunnel, 1000),
                (999, "UpdateSent", Held, 1019), (1019, "WakeUp", HomeAgentTunnel, 1999),
            ]
        },
        {
            "refused, while held and later", true,
            [
                (0, "UpdateSent", Held, 20), (10, "UpdateUnanswered", ThroughSource, null), (20, "WakeUp", ThroughSource, null),
                (30, "UpdateSent", Held, 50), (50, "WakeUp", HomeAgentTunnel, 1030), (60, "UpdateUnanswered", ThroughSource, null),
            ]
        },
        { "not sent at all", true, [(0, "UpdateUnanswered", ThroughSource, null), (5, "UpdateSent", Held, 25)] },
        { "the wake-up comes very late", true, [(0, "UpdateSent", Held, 20), (1000, "WakeUp", ThroughSource, null)] },
        {
            "acknowledged for good", true,
            [
                (0, "UpdateSent", Held, 20), (7, "Acknowledged", HomeAgentTunnel, null), (8, "UpdateSent", HomeAgentTunnel, null),
                (9, "UpdateUnanswered", HomeAgentTunnel, null), (2000, "WakeUp", HomeAgentTunnel, null),
            ]
        },
        {
            "the source registers while the guest is on its way", false,
            [(-10, "SourceRegistered", Held, null), (0, "UpdateSent", Held, 20)]
        },
        {
            "the source loses its binding while the guest is on its way", true,
            [(-10, "SourceNotRegistered", ThroughSource, null), (0, "UpdateSent", ThroughSource, null)]
        },
        {
            "what the source was is not asked any more", false,
            [(0, "UpdateSent", ThroughSource, null), (1, "SourceRegistered", ThroughSource, null), (1500, "UpdateSent", ThroughSource, null)]
        },
    };

    [Theory]
    [MemberData(nameof(Stories), DisableDiscoveryEnumeration = true)]
    public void The_path_follows_the_update(string what, bool sourceWasRegistered, (int At, string What, OutboundPath Path, int? Next)[] story)
    {
        var path = new ArrivalPath(sourceWasRegistered, At(Hold) - Start);
        Assert.Equal((sourceWasRegistered ? Held : ThroughSource, null), (path.Path, path.NextWakeUp));
        foreach (var step in story)
        {
            Do(path, At(step.At), Enum.Parse<Call>(step.What));

            Assert.True((step.Path, step.Next is { } next ? At(next) : (TimeSpan?)null) == (path.Path, path.NextWakeUp),
                $"{what}: after {step.What} at {step.At}: {path.Path}, {path.NextWakeUp - Start}");
        }
    }

    [Fact]
    public void A_hold_without_length_is_over_at_once()
    {
        var path = new ArrivalPath(true, TimeSpan.Zero);

        path.UpdateSent(Start);

        Assert.Equal(HomeAgentTunnel, path.Path);
    }

    [Fact]
    public void A_hold_has_no_negative_length() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ArrivalPath(true, TimeSpan.FromTicks(-1)));

    [Fact]
    public void Whatever_happens_the_rules_hold() =>
        Gen.Select(
            Gen.Bool,
            Gen.Int[0, 400],
            Gen.Select(Gen.Int[0, 300], Gen.Enum<Call>()).Array[0, 40])
            .Sample((sourceWasRegistered, hold, operations) =>
            {
                var now = Start;
                var path = new ArrivalPath(sourceWasRegistered, TimeSpan.FromMilliseconds(hold));
                var hasBegun = false;
                var isAcknowledged = false;
                TimeSpan? heldSince = null;
                foreach (var (wait, call) in operations)
                {
                    // The clock stops at each wake-up on the way, as the agent does.
                    var until = now + TimeSpan.FromMilliseconds(wait);
                    while (path.NextWakeUp <= until)
                    {
                        Assert.True(path.NextWakeUp > now, "no wake-up is left that is due");
                        now = path.NextWakeUp.Value;
                        path.WakeUp(now);
                        CheckHold();
                    }

                    now = until;
                    var before = path.Path;
                    Do(path, now, call);
                    sourceWasRegistered = hasBegun ? sourceWasRegistered : call switch
                    {
                        Call.SourceRegistered => true,
                        Call.SourceNotRegistered => false,
                        _ => sourceWasRegistered,
                    };
                    hasBegun |= call is Call.UpdateSent or Call.Acknowledged or Call.UpdateUnanswered;
                    isAcknowledged |= call == Call.Acknowledged;
                    CheckHold();
                    Assert.True(!isAcknowledged || (path.Path, path.NextWakeUp) == (HomeAgentTunnel, null));
                    Assert.True(sourceWasRegistered || isAcknowledged || path.Path == ThroughSource);
                    Assert.True(!hasBegun || path.Path == HomeAgentTunnel || call == Call.UpdateSent || before == path.Path
                        || (call, path.Path) == (Call.UpdateUnanswered, ThroughSource));
                    Assert.True(!hasBegun || path.Path != Held || path.NextWakeUp > now, "a hold ends by itself");
                }

                void CheckHold()
                {
                    heldSince = hasBegun && path.Path == Held ? heldSince ?? now : null;
                    Assert.True(now - heldSince is not { } held || held < ArrivalPath.LongestHold, "held too long");
                }
            });

    private static TimeSpan At(int milliseconds) => Start + TimeSpan.FromMilliseconds(milliseconds);

    private static void Do(ArrivalPath path, TimeSpan now, Call call)
    {
        switch (call)
        {
            case Call.UpdateSent:
                path.UpdateSent(now);
                break;
            case Call.Acknowledged:
                path.Acknowledged(now);
                break;
            case Call.UpdateUnanswered:
                path.UpdateUnanswered(now);
                break;
            case Call.WakeUp:
                path.WakeUp(now);
                break;
            case Call.SourceRegistered:
                path.SourceChanged(true, TimeSpan.FromMilliseconds(Hold));
                break;
            case Call.SourceNotRegistered:
                path.SourceChanged(false, TimeSpan.FromMilliseconds(Hold));
                break;
        }
    }
}
