namespace Kagemusha.Lab.Tests;

/// <summary>Two hosts on the home link.</summary>
[Trait("Takes", "long")]
public sealed class HomeLinkTests(Lab lab)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void Between_two_hosts_on_the_home_link_a_move_is_a_plain_migration()
    {
        lab.VM.BeAt(lab.A);
        lab.A.WaitForBinding(lab.VM.Name, "at home");
        Wait.Until("the last move has ended", Patience, () => lab.A.Links("kg").Count == 0);
        using var second = new SecondHomeHost(lab, lab.C);
        using var signalling = lab.Home.Capture("any", "ip6[6] == 135 or ip6[6] == 60");
        using var pings = new Pings(lab.Correspondent, lab.VM.Address);

        lab.VM.Move(lab.A, lab.C).Succeed();
        AssertAtHome(lab.C, lab.A);
        Assert.Contains("<source bridge='br-home'/>", lab.C.Virsh("dumpxml", lab.VM.Domain).Succeed().Output, StringComparison.Ordinal);
        lab.VM.Move(lab.C, lab.A).Succeed();
        AssertAtHome(lab.A, lab.C);

        var (sent, answered) = pings.Stop();
        Assert.Equal(sent, answered);
        Assert.DoesNotContain(signalling.Stop(), line => line.Has(lab.VM.Address));
    }

    private void AssertAtHome(Hypervisor host, Hypervisor other)
    {
        host.WaitForBinding(lab.VM.Name, "at home");
        Assert.True(lab.Reaches(lab.VM.Address));
        Wait.Until("nothing of ours is left", Patience, () => host.Links("kg").Count == 0 && other.Links("kg").Count == 0);
    }
}
