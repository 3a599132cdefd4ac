using System.Text.Json;

namespace Kagemusha.Lab.Tests;

/// <summary>A move by <c>kagemusha-hook migrate</c>.</summary>
public sealed class MigrateTests(Lab lab)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Trait("Takes", "long")]
    [Fact]
    public void It_moves_as_virsh_does_and_tells_the_move()
    {
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);

        var record = lab.A.Hook("migrate", lab.VM.Name, To(lab.B), "--json").Succeed();
        lab.B.WaitForBinding(lab.VM.Name, "registered");
        traffic.Flow();
        var table = lab.B.Hook("migrate", "--persistent", "--undefinesource", lab.VM.Name, To(lab.A)).Succeed();
        lab.A.WaitForBinding(lab.VM.Name, "at home");

        traffic.AssertWhole(lab.A, lab.B, lab.A);
        var move = JsonDocument.Parse(record.Output).RootElement;
        Assert.Equal(("source", lab.VM.Uuid), (move.GetProperty("role").GetString(), move.GetProperty("uuid").GetString()));
        Assert.Contains("traffic-turned", table.Output, StringComparison.Ordinal);
        Assert.Equal(("", ""), (record.Error, table.Error));
        Assert.DoesNotContain(lab.VM.Name, lab.B.Virsh("list", "--all", "--name").Succeed().Lines);
    }

    [Trait("Takes", "long")]
    [Fact]
    public void Interrupted_it_gives_the_move_up()
    {
        lab.VM.BeAt(lab.A);
        var story = new Story(lab.VM, lab.A, lab.B);
        using var migrate = new Command(lab.A.Line("kagemusha-hook", "migrate", "--bandwidth", "1", lab.VM.Name, To(lab.B)));
        Wait.Until("memory is being copied", Patience, () =>
            migrate.HasEnded || lab.A.Virsh("domjobinfo", lab.VM.Domain).Output.Has("Memory processed"));

        lab.A.Run("pkill", "-INT", "-x", "kagemusha-hook").Succeed();

        Assert.Equal($"kagemusha-hook: given up; {lab.VM.Name} goes on here", migrate.Finish().FailWithOneLine(1));
        Assert.True(lab.VM.IsRunningOn(lab.A));
        Assert.True(lab.Reaches(lab.VM.Address));
        story.Tells((lab.A, "handed over to the agent of hv-b"), (lab.B, "hook started begin: hv-b away at"), (lab.B, "is removed"));
        story.Tells((lab.A, "handed over to the agent of hv-b"), (lab.A, "its migration was given up: it stays"));
    }

    [Trait("Takes", "long")]
    [Fact]
    public void Where_copying_gets_nowhere_the_rest_follows_the_guest()
    {
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);
        // More of it in a second than may be copied, however slow the guest is.
        lab.VM.Shell("(while :; do dd if=/dev/zero of=/tmp/written bs=1M count=12; done) >/dev/null 2>&1 & echo $! >/tmp/writer");

        var told = lab.A.Hook("migrate", "--postcopy", "--bandwidth", "2", lab.VM.Name, To(lab.B)).Succeed();
        lab.VM.Shell("kill $(cat /tmp/writer); rm /tmp/written /tmp/writer");

        lab.B.WaitForBinding(lab.VM.Name, "registered");
        traffic.AssertWhole(lab.A, lab.B);
        Assert.Equal("its memory is written faster than it can be copied: it runs there from now on, and the rest follows", told.OneError());
        Assert.Contains("postcopy", told.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_is_one_line()
    {
        lab.VM.BeAt(lab.A);

        var nobody = lab.A.Hook("migrate", lab.VM.Name, "qemu+tcp://[2001:db8:f4::99]/system").FailWithOneLine(5);
        var itself = lab.A.Hook("migrate", lab.VM.Name, "qemu:///system").FailWithOneLine(7);
        var other = lab.A.Hook("migrate", "nobody", To(lab.B)).FailWithOneLine(3);
        lab.B.KillAgent();
        var refused = lab.A.Hook("migrate", lab.VM.Name, To(lab.B)).FailWithOneLine(7);
        lab.B.StartAgent();

        Assert.StartsWith("kagemusha-hook: libvirt at qemu+tcp://[2001:db8:f4::99]/system: ", nobody, StringComparison.Ordinal);
        Assert.Contains($"{lab.VM.Name} is running at qemu:///system already", itself, StringComparison.Ordinal);
        Assert.Contains("nobody", other, StringComparison.Ordinal);
        Assert.Contains("kagemushad is not running", refused, StringComparison.Ordinal);
        Assert.EndsWith($"{lab.VM.Name} goes on here", refused, StringComparison.Ordinal);
        Assert.True(lab.VM.IsRunningOn(lab.A));
    }

    private static string To(Hypervisor host) => $"qemu+tcp://{host.Name}/system";
}
