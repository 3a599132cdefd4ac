using Kagemusha.Control;

namespace Kagemusha.Agent.Tests;

/// <summary>The switch of a move in a real kernel, between two agents.</summary>
[Trait("Needs", "kernel")]
public sealed class BurstTests
{
    [Fact]
    public async Task Guests_that_leave_together_get_all_that_is_sent_to_them_and_after_the_switch_the_kernel_is_as_wanted()
    {
        await using var rig = await BurstRig.StartAsync(4);
        var leaving = rig.All.Take(3).ToList();
        await using (rig.Send(500))
        {
            Assert.Empty(await rig.AskAsync(host => host.HostKernel.Apply(host.Table)));
            await rig.SuspendAsync(leaving);
            // But for what was of use before it only.
            Assert.All(await rig.AskAsync(host => host.HostKernel.Apply(host.Table)), change => Assert.Matches("^tc .* dev vnet[123] ", change));
            await rig.TailsAsync(leaving);
        }

        await rig.CollectAsync();
        Assert.All(rig.All, guest => Assert.InRange(guest.Sent, 1, int.MaxValue));
        Assert.All(rig.All, guest => Assert.Equal(0, guest.Lost));
        Assert.All(leaving, guest => Assert.NotNull(guest.Guest!.MoveAway!.Counters.Tail));
        Assert.Null(rig.All[^1].Guest!.MoveAway!.At(MoveStep.TrafficTurned));
    }
}
