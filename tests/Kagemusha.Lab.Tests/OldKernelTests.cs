namespace Kagemusha.Lab.Tests;

/// <summary>A kernel without ip6tnl: its module is taken away, which a machine's own kernel is not to suffer.</summary>
[Trait("Needs", "own-kernel")]
[Trait("Takes", "long")]
public sealed class OldKernelTests(Lab lab)
{
    [Fact]
    public void A_host_whose_kernel_has_no_tunnels_refuses_the_migration()
    {
        lab.VM.BeAt(lab.A);
        lab.Dash.Destroy();
        Command.Run(["modprobe", "vrf"]).Succeed();
        var loader = File.ReadAllText("/proc/sys/kernel/modprobe").Trim();
        File.WriteAllText("/proc/sys/kernel/modprobe", "/bin/false");
        try
        {
            Command.Run(["modprobe", "-r", "ip6_tunnel"]).Succeed();
            Assert.DoesNotContain(lab.B.Links(""), link => link.Has("ip6tnl"));
            var refused = lab.VM.Move(lab.A, lab.B);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("ip6tnl", refused.OneError(), StringComparison.Ordinal);
        }
        finally
        {
            File.WriteAllText("/proc/sys/kernel/modprobe", loader);
        }

        Assert.True(lab.VM.IsRunningOn(lab.A));
        Assert.True(lab.Reaches(lab.VM.Address));
        lab.B.WaitForHandOversToEnd();
        Assert.Empty(lab.B.Links("kg"));
        Assert.DoesNotContain(lab.VM.Name, lab.B.Virsh("list", "--all", "--name").Lines);
    }
}
