namespace Kagemusha.Agent.Tests;

public sealed class LineLimitTests
{
    [Fact]
    public void A_flood_is_cut_off_after_ten_lines()
    {
        var lines = new List<string>();
        var limit = new LineLimit(lines.Add);
        for (var i = 0; i < 1000; i++)
        {
            limit.Write($"line {i}");
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"line {i}"), lines);
    }
}
