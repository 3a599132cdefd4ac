namespace Kagemusha.Lab.Tests;

/// <summary>A guest that is none of ours runs on hv-a, on a bridge that hv-b has, too.</summary>
public sealed class PlainGuest : IDisposable
{
    private const string Domain = "plain";
    private readonly Hypervisor[] _hosts;

    public PlainGuest(Lab lab)
    {
        _hosts = [lab.A, lab.B];
        lab.Restore();
        foreach (var host in _hosts)
        {
            host.Shell("ip link add br-test type bridge; ip link set br-test up");
        }

        Command.Run(["define-guest", "hv-a", Domain, "52:54:00:00:00:99", "br-test"]).Succeed();
        lab.A.Virsh("start", Domain).Succeed();
        var console = Path.Combine(lab.Out, $"{Domain}.console");
        Wait.Until(
            "the plain guest has booted",
            TimeSpan.FromSeconds(60),
            () => File.ReadAllText(console).Contains("GUEST-BOOT", StringComparison.Ordinal));
    }

    internal string Name { get; } = Domain;

    public void Dispose()
    {
        foreach (var host in _hosts)
        {
            host.Virsh("destroy", Domain);
            host.Virsh("undefine", Domain);
            host.Run("ip", "link", "delete", "br-test");
        }
    }
}

[Trait("Takes", "long")]
public sealed class PlainGuestTests(Lab lab, PlainGuest guest) : IClassFixture<PlainGuest>
{
    private const string Hook = "/etc/libvirt/hooks/qemu.d/kagemusha";

    [Fact]
    public void A_guest_without_our_metadata_migrates_as_it_would_without_us()
    {
        lab.B.WaitForHandOversToEnd();
        var linksBefore = lab.B.Links("kg");
        var filesBefore = FilesOfOurs(lab.B);
        lab.B.Shell($": >/var/log/libvirt/qemu/{guest.Name}.log");
        var with = Migrate(lab.A, lab.B);
        Assert.Equal(linksBefore, lab.B.Links("kg"));
        Assert.Equal(filesBefore, FilesOfOurs(lab.B));

        lab.A.Shell($"mv {Hook} /tmp/hook");
        lab.A.Shell($": >/var/log/libvirt/qemu/{guest.Name}.log");
        Trace without;
        try
        {
            without = Migrate(lab.B, lab.A);
        }
        finally
        {
            lab.A.Shell($"mv /tmp/hook {Hook}");
        }

        Assert.Equal(without.Said, with.Said);
        Assert.Equal(without.Taints, with.Taints);
        Assert.Equal(without.Xml, with.Xml);
        Assert.DoesNotContain("kagemusha", with.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_that_is_malformed_is_refused_before_the_guest_moves_and_changes_nothing()
    {
        string[] metadata = ["metadata", guest.Name, "urn:kagemusha:mobility:1", "--live"];
        lab.A.Virsh([.. metadata, "--key", "kagemusha", "--set", "<mobility><nonsense/></mobility>"]).Succeed();
        var moved = lab.A.Virsh("migrate", "--live", guest.Name, "qemu+tcp://hv-b/system");
        Assert.Equal(1, moved.ExitCode);
        Assert.Contains("metadata", moved.Error, StringComparison.Ordinal);
        Assert.Equal("running", lab.A.Virsh("domstate", guest.Name).Output.Trim());
        Assert.DoesNotContain(guest.Name, lab.B.Virsh("list", "--all", "--name").Lines);
        lab.A.Virsh([.. metadata, "--remove"]).Succeed();
    }

    private Trace Migrate(Hypervisor from, Hypervisor to)
    {
        var said = from.Virsh("migrate", "--live", guest.Name, $"qemu+tcp://{to.Name}/system").Succeed();
        Assert.Equal("running", to.Virsh("domstate", guest.Name).Output.Trim());
        var log = to.DomainLog(guest.Name);
        var xml = to.Virsh("dumpxml", "--migratable", guest.Name).Succeed().Output;
        var taints = log.Split('\n').Where(line => line.Has("tainted")).Select(line => line.Split(':')[^1]);
        return new(said.Output + said.Error, [.. taints], xml, log);
    }

    private static List<string> FilesOfOurs(Hypervisor host) =>
        [.. host.Files("/var/lib/kagemusha"), .. host.Files("/run/kagemusha"), .. host.Files("/run/kagemusha/incoming")];

    /// <summary>What a migration left to be seen.</summary>
    /// <param name="Said">By virsh.</param>
    /// <param name="Taints">In the domain's log.</param>
    /// <param name="Xml">The live definition at the destination.</param>
    /// <param name="Log">The domain's log there.</param>
    private sealed record Trace(string Said, IReadOnlyList<string> Taints, string Xml, string Log);
}
