namespace Kagemusha.Lab.Tests;

/// <summary>What libvirt calls.</summary>
public sealed class HookTests(Lab lab)
{
    private static readonly (string Operation, string SubOperation)[] Operations =
    [
        ("migrate", "begin"),
        ("prepare", "begin"),
        ("start", "begin"),
        ("started", "begin"),
        ("reconnect", "begin"),
        ("attach", "begin"),
        ("stopped", "end"),
        ("release", "end"),
    ];

    [Trait("Takes", "long")]
    [Fact]
    public void No_operation_loads_libvirt()
    {
        lab.Restore();
        using var domain = Enrolled();
        var xml = domain.Xml;
        foreach (var (operation, subOperation) in Operations)
        {
            var called = Call(lab.A, domain.Name, xml, operation, subOperation, "LD_DEBUG=files");
            // No host is sending the domain: its agent refuses to hand it over.
            Assert.Equal(operation == "migrate" ? 1 : 0, called.ExitCode);
            Assert.Contains("libc.so", called.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("libvirt", called.Error, StringComparison.Ordinal);
        }
    }

    [Trait("Takes", "long")]
    [Fact]
    public void Without_agent_a_migration_to_this_host_is_refused_and_nothing_else()
    {
        lab.Restore();
        using var domain = Enrolled();
        var xml = domain.Xml;
        lab.C.KillAgent();
        foreach (var (operation, subOperation) in Operations)
        {
            var called = Call(lab.C, domain.Name, xml, operation, subOperation);
            if (operation == "migrate")
            {
                Assert.Contains("systemctl start kagemushad", called.FailWithOneLine(1), StringComparison.Ordinal);
            }
            else
            {
                Assert.Equal((0, "", ""), (called.ExitCode, called.Output, called.Error));
            }
        }

        var log = lab.C.DomainLog(domain.Name);
        Assert.All(Operations, call => Assert.Contains($"{call.Operation} {call.SubOperation}", log, StringComparison.Ordinal));
    }

    [Fact]
    public void A_domain_without_our_metadata_gets_no_word()
    {
        using var domain = new StillDomain(lab.A, "other", StillDomain.OnBridge("br-home", "52:54:00:00:00:20"));
        var xml = domain.Xml;
        foreach (var (operation, subOperation) in Operations)
        {
            var called = Call(lab.C, domain.Name, xml, operation, subOperation);
            Assert.Equal((0, "", ""), (called.ExitCode, called.Output, called.Error));
        }

        Assert.Empty(lab.C.DomainLog(domain.Name));
    }

    private StillDomain Enrolled()
    {
        var domain = new StillDomain(lab.A, "still", StillDomain.OnBridge("br-home", "52:54:00:00:00:20"));
        domain.Enroll("2001:db8:1::20").Succeed();
        return domain;
    }

    private static CommandResult Call(
        Hypervisor host, string name, string xml, string operation, string subOperation, params string[] environment) =>
        Command.Run(host.Line("env", [.. environment, "/etc/libvirt/hooks/qemu.d/kagemusha", name, operation, subOperation, "-"]), xml);
}
