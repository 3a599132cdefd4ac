namespace Kagemusha.Lab.Tests;

/// <summary>A guest that is unreachable at three in the morning.</summary>
[Trait("Takes", "long")]
public sealed class RecoverTests(Lab lab)
{
    [Fact]
    public void With_nothing_left_but_libvirt_a_guest_is_made_reachable_again()
    {
        lab.VM.BeAt(lab.B);
        lab.B.KillAgent();
        lab.B.Run("rm", $"/var/lib/kagemusha/{lab.VM.Uuid}.json").Succeed();
        foreach (var link in lab.B.Links("kg").Select(link => link.Split(' ')[1]).Where(link => !IsTap(link)))
        {
            lab.B.Run("ip", "link", "delete", link).Succeed();
        }

        lab.Home.EraseHomeAgent();
        Assert.False(lab.Reaches(lab.VM.Address));

        lab.Home.StartHomeAgent();
        lab.B.StartAgent();
        var recovered = lab.B.Hook("recover", lab.VM.Name).Succeed();
        Assert.True(lab.Reaches(lab.VM.Address), $"not reachable: {recovered}");
        Assert.Equal("registered", lab.B.Status(lab.VM.Name).GetProperty("binding").GetString());
        Assert.Contains("recovered", lab.B.DomainLog(lab.VM.Name), StringComparison.Ordinal);

        static bool IsTap(string link) => link.StartsWith("kg5254", StringComparison.Ordinal);
    }

    [Fact]
    public void Recover_that_has_nothing_to_do_changes_nothing_in_the_kernel()
    {
        lab.VM.BeAt(lab.B);
        lab.B.WaitForHandOversToEnd();
        var links = lab.B.Links("kg");
        Assert.DoesNotContain("kernel:", lab.B.Hook("recover", lab.VM.Name).Succeed().Output, StringComparison.Ordinal);
        Assert.Equal(links, lab.B.Links("kg"));
    }

    [Fact]
    public void Recover_at_a_home_agent_that_does_not_answer_says_so_and_fails()
    {
        lab.VM.BeAt(lab.B);
        lab.Home.EraseHomeAgent();
        var line = lab.B.Hook("recover", lab.VM.Name).FailWithOneLine(1);
        Assert.Contains($"home agent {HomeBox.Address}", line, StringComparison.Ordinal);
        Assert.Contains(lab.VM.Address, line, StringComparison.Ordinal);
        lab.Home.StartHomeAgent();
        lab.VM.WaitUntilReachable();
    }

    [Fact]
    public void A_guest_is_recovered_where_it_runs()
    {
        lab.VM.BeAt(lab.B);
        lab.A.Hook("recover", lab.VM.Name).FailWithOneLine(7);
    }
}
