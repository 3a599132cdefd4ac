using System.Net;

namespace Kagemusha.Agent.Tests;

public sealed class StrangersTests
{
    private readonly Strangers _strangers = new(most: 3);

    [Fact]
    public async Task A_flood_pushes_itself_out_and_not_a_peer_from_elsewhere()
    {
        var peer = Admit("2001:db8:f4::2");
        var flood = Enumerable.Range(1, 5).Select(i => Admit($"2001:db8:bad::{i}")).ToList();
        await GoneAsync(flood[0], flood[1], flood[2]);
        Assert.All([peer, flood[3], flood[4]], stranger => Assert.False(stranger.Patience.IsCancellationRequested));
    }

    [Fact]
    public async Task Of_one_network_the_oldest_goes_and_who_is_no_stranger_any_more_does_not_count()
    {
        var first = Admit("2001:db8:f4::2");
        var second = Admit("2001:db8:f4::2");
        first.Admission.Dispose();
        var others = Enumerable.Range(1, 3).Select(i => Admit($"2001:db8:f4::{i}")).ToList();
        await GoneAsync(second);
        second.Admission.Dispose();
        Assert.All([first, .. others], stranger => Assert.False(stranger.Patience.IsCancellationRequested));

        // It counted once only.
        var last = Admit("2001:db8:f4::3");
        await GoneAsync(others[0]);
        Assert.False(last.Patience.IsCancellationRequested);
    }

    private static async Task GoneAsync(params Stranger[] strangers)
    {
        foreach (var stranger in strangers)
        {
            var gone = new TaskCompletionSource();
            await using var registration = stranger.Patience.Token.Register(gone.SetResult);
            await gone.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }
    }

    private Stranger Admit(string address)
    {
        var patience = new CancellationTokenSource();
        return new(patience, _strangers.Admit(IPAddress.Parse(address), patience));
    }

    private sealed record Stranger(CancellationTokenSource Patience, IDisposable Admission);
}
