using LibvirtSharp;

namespace Kagemusha.Hook.Tests;

public sealed class ConvergenceTests
{
    public static TheoryData<string, (ulong Pass, ulong Left)[], bool> Passes => new()
    {
        { "a first pass, however slow", [(1, 1000), (1, 900), (1, 10)], false },
        { "the second pass has only what was written during the first", [(1, 1000), (2, 900)], false },
        { "each pass leaves a third", [(1, 1000), (2, 300), (3, 100), (4, 30)], false },
        { "the third pass leaves as much as the second", [(1, 1000), (2, 300), (3, 300)], true },
        { "it gets nowhere later", [(1, 1000), (2, 300), (3, 100), (4, 95)], true },
        { "passes that nobody looked at count as one", [(1, 1000), (2, 300), (7, 290)], true },
        { "a pass is judged once", [(1, 1000), (2, 300), (3, 100), (3, 99)], false },
    };

    [Theory]
    [MemberData(nameof(Passes))]
    public void It_has_stalled_when_a_pass_leaves_nearly_what_the_one_before_has_left(string what, (ulong Pass, ulong Left)[] passes, bool stalled)
    {
        var convergence = new Convergence();
        var judged = Array.ConvertAll(passes, pass => convergence.HasStalled(
            new(DomainJobOperation.MigrationOut, 1000, 0, pass.Left, 100, 100, pass.Pass)));
        Assert.True(judged[^1] == stalled, what);
    }
}
