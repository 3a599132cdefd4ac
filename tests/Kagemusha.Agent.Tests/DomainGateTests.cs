namespace Kagemusha.Agent.Tests;

public sealed class DomainGateTests
{
    private static readonly Guid One = Guid.NewGuid();
    private static readonly Guid Other = Guid.NewGuid();

    private readonly DomainGate _gate = new();
    private readonly List<string> _done = [];

    [Fact]
    public async Task Changes_of_one_domain_are_made_one_after_the_other_in_their_order_and_of_another_meanwhile()
    {
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        var one = Change(One, "first", first.Task);
        var two = Change(One, "second", second.Task);
        var three = Change(One, "third", Task.CompletedTask);
        Assert.Equal(7, await Change(Other, "other", Task.CompletedTask));
        Assert.Equal(["first begins", "other begins", "other ends"], _done);

        second.SetResult();
        first.SetResult();
        await Task.WhenAll(one, two, three);
        Assert.Equal(["first begins", "other begins", "other ends", "first ends", "second begins", "second ends", "third begins", "third ends"], _done);
    }

    [Fact]
    public async Task One_that_fails_holds_up_none()
    {
        var first = new TaskCompletionSource();
        var one = Change(One, "first", first.Task);
        var two = Change(One, "second", Task.CompletedTask);
        first.SetException(new RefusedException("no"));
        await Assert.ThrowsAsync<RefusedException>(() => one);
        Assert.Equal(7, await two);
        Assert.Equal(7, await Change(One, "third", Task.CompletedTask));
        Assert.Equal(["first begins", "second begins", "second ends", "third begins", "third ends"], _done);
    }

    private Task<int> Change(Guid domain, string name, Task until) => _gate.PassAsync(domain, async () =>
    {
        _done.Add($"{name} begins");
        await until;
        _done.Add($"{name} ends");
        return 7;
    });
}
