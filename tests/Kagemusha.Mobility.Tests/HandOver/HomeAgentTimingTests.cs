using CsCheck;

namespace Kagemusha.Mobility.Tests;

public class HomeAgentTimingTests
{
    public static TheoryData<string, (double Elapsed, double RoundTrip)[], double, double> Samples => new()
    {
        { "none", [], 0, 100 },
        { "one", [(70, 50)], 20, 33 },
        { "the longest counts, wherever it stands", [(52, 50), (60, 50), (51, 50)], 10, 18 },
        { "an echo slower than the answer", [(40, 50)], 0, 5 },
        { "a fast home agent", [(50.1, 50)], 0.1, 5 },
        { "just above the shortest hold", [(52, 50)], 2, 6 },
        { "a slow home agent", [(1050, 50)], 1000, 250 },
        { "eight samples are kept", [(100, 50), .. Enumerable.Repeat((54.0, 50.0), 7)], 50, 78 },
        { "the ninth displaces the first", [(100, 50), .. Enumerable.Repeat((54.0, 50.0), 8)], 4, 9 },
    };

    [Theory]
    [MemberData(nameof(Samples), DisableDiscoveryEnumeration = true)]
    public void The_hold_follows_the_slowest_of_the_last_answers(
        string what, (double Elapsed, double RoundTrip)[] samples, double processing, double hold)
    {
        var timing = new HomeAgentTiming();
        foreach (var (elapsed, roundTrip) in samples)
        {
            timing.Add(Milliseconds(elapsed), Milliseconds(roundTrip));
        }

        Assert.True(
            (Milliseconds(processing), Milliseconds(hold)) == (timing.Processing, timing.Hold), $"{what}: {timing.Processing}, {timing.Hold}");
    }

    [Fact]
    public void The_hold_is_longer_than_any_of_the_last_answers_took_unless_that_is_too_long() =>
        Gen.Select(Gen.Double[0, 300], Gen.Double[0, 300]).Array[1, 20].Sample(samples =>
        {
            var timing = new HomeAgentTiming();
            foreach (var (elapsed, roundTrip) in samples)
            {
                timing.Add(Milliseconds(elapsed), Milliseconds(roundTrip));
                Assert.InRange(timing.Hold, HomeAgentTiming.ShortestHold, HomeAgentTiming.LongestHold);
                Assert.True(timing.Hold == HomeAgentTiming.LongestHold || timing.Hold > Milliseconds(elapsed - roundTrip));
            }
        });

    private static TimeSpan Milliseconds(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
