using CsCheck;

namespace Kagemusha.Agent.Tests;

public sealed class FrameBudgetTests
{
    private static readonly TimeSpan Start = TimeSpan.FromHours(7);

    [Fact]
    public void A_seconds_worth_may_come_at_once_and_the_rest_at_its_rate()
    {
        var budget = new FrameBudget(10);
        for (var i = 0; i < 9; i++)
        {
            Assert.InRange(budget.Spend(Start), TimeSpan.MinValue, TimeSpan.Zero);
        }

        Assert.Equal(TimeSpan.FromMilliseconds(100), budget.Spend(Start));
        Assert.Equal(TimeSpan.FromMilliseconds(100), budget.Spend(Start + TimeSpan.FromMilliseconds(100)));

        // A quiet second later all is forgotten.
        Assert.InRange(budget.Spend(Start + TimeSpan.FromSeconds(2)), TimeSpan.MinValue, TimeSpan.FromMilliseconds(-800));
    }

    [Fact]
    public void Whoever_waits_as_long_as_told_never_spends_more_than_the_rate_and_one_burst() =>
        Gen.Select(Gen.Int[1, 1000], Gen.Int[0, 300].Array[0, 200]).Sample((rate, pauses) =>
        {
            var budget = new FrameBudget(rate);
            var now = Start;
            for (var spent = 1; spent <= pauses.Length; spent++)
            {
                now += TimeSpan.FromMilliseconds(pauses[spent - 1]);
                var wait = budget.Spend(now);
                Assert.InRange(spent, 0, rate * (1 + (now - Start).TotalSeconds) + 1);
                Assert.InRange(wait, TimeSpan.MinValue, TimeSpan.FromSeconds(1.0 / rate) + TimeSpan.FromTicks(1));
                now += wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
            }
        });
}
