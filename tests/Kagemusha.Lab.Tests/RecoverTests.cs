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
    public void A_dry_run_says_what_is_wrong_and_leaves_it_and_recovery_ends_with_an_echo()
    {
        lab.VM.BeAt(lab.B);
        lab.B.WaitForHandOversToEnd();
        lab.B.Run("ip", "-6", "route", "flush", "table", "6275", "dev", lab.B.Links("kgha").Single().Split(' ')[1]).Succeed();
        Assert.False(lab.Reaches(lab.VM.Address));

        var said = lab.B.Hook("recover", lab.VM.Name, "--dry-run").Succeed().Output;
        Assert.Contains("wrong: the kernel is not as it should be", said, StringComparison.Ordinal);
        Assert.Contains("kernel: would change: ip -6 route", said, StringComparison.Ordinal);
        Assert.False(lab.Reaches(lab.VM.Address));

        var done = lab.B.Hook("recover", "--all").Succeed().Output;
        Assert.Contains($"an echo came back from the home agent {HomeBox.Address} to {lab.VM.Address}", done, StringComparison.Ordinal);
        Assert.True(lab.Reaches(lab.VM.Address), done);
    }

    [Fact]
    public void Only_a_host_that_has_not_the_guest_lets_go_of_it_and_what_is_said_of_its_place_is_checked()
    {
        lab.VM.BeAt(lab.B);
        lab.B.WaitForHandOversToEnd();
        lab.B.Hook("recover", lab.VM.Name, "--release").FailWithOneLine(7);
        lab.B.Hook("recover", lab.VM.Name, "--away").Succeed();
        Assert.True(lab.Reaches(lab.VM.Address));

        // It is defined there, and has gone.
        lab.A.Hook("recover", lab.VM.Name, "--release").Succeed();
        Assert.Empty(lab.A.Links("kg"));
        Assert.True(lab.Reaches(lab.VM.Address), "its binding is the other host's");
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
