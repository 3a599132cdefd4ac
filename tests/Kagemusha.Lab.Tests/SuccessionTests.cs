namespace Kagemusha.Lab.Tests;

/// <summary>Moves that begin before the home agent knows of the last one.</summary>
public sealed class SuccessionTests(Lab lab)
{
    // A move takes less.
    private static readonly TimeSpan Far = TimeSpan.FromSeconds(10);

    [Fact]
    public void A_guest_that_moves_on_before_its_home_agent_answers_is_reached_by_both_hosts_that_it_has_left()
    {
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);
        using (lab.Distance(Far))
        {
            lab.VM.Move(lab.A, lab.B).Succeed();
            lab.VM.Move(lab.B, lab.C).Succeed();
            Assert.Equal("registering", lab.C.Status(lab.VM.Name).GetProperty("binding").GetString());
        }

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
        SlowMove move;
        using (lab.Distance(Far))
        {
            lab.VM.Move(lab.A, lab.B).Succeed();
            move = new(lab.VM, lab.B, lab.C);
            Assert.Equal("registering", lab.B.Status(lab.VM.Name).GetProperty("binding").GetString());
        }

        using (move)
        {
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
        using (lab.Distance(Far))
        {
            lab.VM.Move(lab.A, lab.B).Succeed();
            lab.VM.Move(lab.B, lab.A).Succeed();
        }

        lab.A.WaitForBinding(lab.VM.Name, "at home");
        traffic.AssertWhole(lab.A, lab.B, lab.A);
        AssertGone(lab.A);
        AssertGone(lab.B);
    }

    private static void AssertGone(Hypervisor host) =>
        Wait.Until($"nothing of the moves is left on {host}", TimeSpan.FromSeconds(40), () => host.Links("kg").Count == 0);
}
