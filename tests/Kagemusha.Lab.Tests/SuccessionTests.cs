namespace Kagemusha.Lab.Tests;

/// <summary>Moves that begin before the home agent knows of the last one: it hears of all of them in the end, in their order.</summary>
[Trait("Takes", "long")]
public sealed class SuccessionTests(Lab lab)
{
    [Fact]
    public void A_guest_that_moves_on_before_its_home_agent_answers_is_reached_by_both_hosts_that_it_has_left()
    {
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);
        lab.Home.SilenceHomeAgent();
        lab.VM.Move(lab.A, lab.B).Succeed();
        lab.VM.Move(lab.B, lab.C).Succeed();
        Assert.Equal("registering", lab.C.Status(lab.VM.Name).GetProperty("binding").GetString());
        lab.Home.ResumeHomeAgent();

        lab.C.WaitForBinding(lab.VM.Name, "registered");
        traffic.AssertWhole(lab.A, lab.B, lab.C);
        AssertGone(lab.A);
        AssertGone(lab.B);
    }

    [Fact]
    public void A_next_host_is_told_that_the_last_one_was_acknowledged_while_the_guest_is_on_its_way()
    {
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);
        lab.Home.SilenceHomeAgent();
        lab.VM.Move(lab.A, lab.B).Succeed();
        using (var move = new SlowMove(lab.VM, lab.B, lab.C))
        {
            Assert.Equal("registering", lab.B.Status(lab.VM.Name).GetProperty("binding").GetString());
            lab.Home.ResumeHomeAgent();
            lab.B.WaitForBinding(lab.VM.Name, "registered");
            Wait.Until("hv-c has been told", TimeSpan.FromSeconds(10), () =>
                lab.C.DomainLog(lab.VM.Name).Has($"{lab.VM.Address} was registered at its last host while it was on its way"));
            move.Hasten();
            move.Finish().Succeed();
        }

        lab.C.WaitForBinding(lab.VM.Name, "registered");
        traffic.AssertWhole(lab.A, lab.B, lab.C);
        AssertGone(lab.A);
        AssertGone(lab.B);
    }

    [Fact]
    public void A_guest_that_comes_back_before_its_home_agent_answers_is_taken_back()
    {
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);
        lab.Home.SilenceHomeAgent();
        lab.VM.Move(lab.A, lab.B).Succeed();
        lab.VM.Move(lab.B, lab.A).Succeed();
        lab.Home.ResumeHomeAgent();

        lab.A.WaitForBinding(lab.VM.Name, "at home");
        traffic.AssertWhole(lab.A, lab.B, lab.A);
        AssertGone(lab.A);
        AssertGone(lab.B);
    }

    private static void AssertGone(Hypervisor host) =>
        Wait.Until($"nothing of the moves is left on {host}", TimeSpan.FromSeconds(40), () => host.Links("kg").Count == 0);
}
