using System.Text.Json;
using Kagemusha.Probe;

namespace Kagemusha.Lab.Tests;

/// <summary>What a move must not lose, whatever happens meanwhile and however it was called.</summary>
[Trait("Takes", "long")]
public sealed class LossTests(Lab lab)
{
    private const string Broadcast = "192.0.2.255";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void A_home_router_that_has_forgotten_the_guest_at_the_switch_is_answered()
    {
        LeaveHomeWith($"del {lab.VM.Address} dev lan", isAsked: true);
    }

    [Fact]
    public void Broadcasts_do_not_fill_the_queue_of_a_guest_that_is_copied_home()
    {
        lab.VM.BeAt(lab.B);
        using var traffic = new Traffic(lab, lab.VM);
        using var move = new SlowMove(lab.VM, lab.B, lab.A);
        // "vnet1 bridge br-home virtio 52:54:00:00:00:10"
        var tap = lab.A.Virsh("domiflist", lab.VM.Domain).Succeed().Output.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        using var link = lab.HomeLink.Capture("hv-a", "ether broadcast");
        using var queue = lab.A.Capture(tap, "ether broadcast");
        lab.Home.Shell("ip address add 192.0.2.1/24 dev lan");
        try
        {
            using var broadcasts = new Command(lab.Home.Line("ping", "-n", "-q", "-b", "-i", "0.02", Broadcast));
            Wait.Until("2 s of broadcasts have passed", Patience, () => link.Lines.Count >= 100);
            Assert.True(lab.VM.IsRunningOn(lab.B));
            Assert.Empty(queue.Lines);

            move.Hasten();
            move.Finish().Succeed();
            queue.WaitFor("a broadcast, now that the guest runs", line => line.Has(Broadcast));
            lab.A.WaitForBinding(lab.VM.Name, "at home");
        }
        finally
        {
            lab.Home.Shell("ip address del 192.0.2.1/24 dev lan");
        }

        traffic.AssertWhole(lab.B, lab.A);
    }

    [Fact]
    public void A_home_router_whose_entry_is_stale_at_the_switch_goes_on_sending()
    {
        LeaveHomeWith($"replace {lab.VM.Address} lladdr {lab.VM.Mac} dev lan nud stale", isAsked: false);
    }

    [Fact]
    public void A_migration_from_libvirtd_to_libvirtd_loses_nothing()
    {
        lab.VM.BeAt(lab.B);
        using var traffic = new Traffic(lab, lab.VM);
        lab.VM.Move(lab.B, lab.A, "--p2p").Succeed();
        lab.A.WaitForBinding(lab.VM.Name, "at home");
        traffic.AssertWhole(lab.B, lab.A);
    }

    [Fact]
    public void A_home_router_that_probes_the_guest_at_the_switch_is_answered()
    {
        LeaveHomeWith($"replace {lab.VM.Address} lladdr {lab.VM.Mac} dev lan nud probe", isAsked: true);
    }

    [Fact]
    public void A_guest_that_runs_before_its_memory_has_come_loses_nothing()
    {
        lab.VM.BeAt(lab.B);
        using var traffic = new Traffic(lab, lab.VM);
        using var move = new SlowMove(lab.VM, lab.B, lab.C, "--postcopy");
        move.SwitchToPostCopy();
        move.Finish().Succeed();
        lab.C.WaitForBinding(lab.VM.Name, "registered");
        traffic.AssertWhole(lab.B, lab.C);
    }

    [Fact]
    public void A_definition_that_moves_with_its_guest_loses_nothing()
    {
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);
        Move(lab.A, lab.B, "registered");
        Move(lab.B, lab.A, "at home");
        traffic.AssertWhole(lab.A, lab.B, lab.A);

        void Move(Hypervisor from, Hypervisor to, string binding)
        {
            lab.VM.Move(from, to, "--persistent", "--undefinesource").Succeed();
            to.WaitForBinding(lab.VM.Name, binding);
            traffic.Flow();
            Assert.DoesNotContain(lab.VM.Name, from.Virsh("list", "--all", "--name").Succeed().Lines);
            Assert.Contains(lab.VM.Address, to.Virsh("dumpxml", "--inactive", lab.VM.Domain).Succeed().Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_guest_whose_destination_dies_in_the_pause_goes_on_at_home()
    {
        lab.VM.BeAt(lab.A);
        var story = new Story(lab.VM, lab.A, lab.B);
        using var traffic = new Traffic(lab, lab.VM);
        using var move = new SlowMove(lab.VM, lab.A, lab.B);
        lab.B.Shell("pkill -STOP -x libvirtd"); // which would let it run there
        try
        {
            move.Hasten();
            Wait.Until("the guest is paused", Patience, () => lab.A.Virsh("domstate", lab.VM.Domain).Output.Trim() == "paused");
            lab.B.Shell($"kill -KILL $(cat /run/libvirt/qemu/{lab.VM.Name}.pid)");
        }
        finally
        {
            lab.B.Shell("pkill -CONT -x libvirtd");
        }

        Assert.NotEqual(0, move.Finish().ExitCode);
        Assert.True(lab.VM.IsRunningOn(lab.A));
        traffic.Flow();
        Wait.Until("nothing of the guest is left on hv-b", Patience, () => lab.B.Links("kg").Count == 0);

        // What waited in the queue of the one that died is gone with it, nothing else.
        var lost = traffic.Stop(lab.A);
        var suspended = At("suspended");
        var takenBack = At("taken-back");
        Assert.All(lost, probe =>
        {
            Assert.Equal((ProbeDirection.ToGuest, 0), (probe.Direction, probe.Copies));
            Assert.InRange(probe.SentAt!.Value, suspended - TimeSpan.FromMilliseconds(50), takenBack);
        });

        // Who has only the logs knows what happened.
        story.Tells(
            (lab.A, "handed over to the agent of hv-b"),
            (lab.B, "hook migrate begin: hv-b away at"),
            (lab.B, "hook started begin: hv-b away at"),
            (lab.A, "suspended to leave hv-a"),
            (lab.A, "its migration failed, it goes on: hv-a at home"));
        story.Tells((lab.A, "suspended to leave hv-a"), (lab.B, "is removed"));

        DateTimeOffset At(string step) => JsonDocument.Parse(lab.A.Hook("history", "--json", "--", lab.VM.Name).Succeed().Output).RootElement
            .EnumerateArray().Last().GetProperty("events").EnumerateArray()
            .Single(happened => happened.GetProperty("step").GetString() == step).GetProperty("at").GetDateTimeOffset();
    }

    /// <summary>Moves the guest from home to hv-b, and changes the home router's neighbour entry of it as soon as libvirt tells the suspension.</summary>
    private void LeaveHomeWith(string change, bool isAsked)
    {
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);
        using var changed = new Command(
            ["sh", "-ec", $"on hv-a virsh -q event --domain {lab.VM.Name} --event lifecycle --timeout 60; ip -n home -6 neigh {change}"]);
        lab.VM.Move(lab.A, lab.B).Succeed();
        Assert.Contains("Suspended Migrated", changed.Finish().Succeed().Output, StringComparison.Ordinal);
        if (isAsked)
        {
            Wait.Until("the home router has its answer", Patience, () => lab.Home.Neighbour(lab.VM.Address).Has("REACHABLE"));
        }

        lab.B.WaitForBinding(lab.VM.Name, "registered");
        traffic.AssertWhole(lab.A, lab.B);
    }
}
