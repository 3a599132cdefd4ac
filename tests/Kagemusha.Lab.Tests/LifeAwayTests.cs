using System.Text.RegularExpressions;

namespace Kagemusha.Lab.Tests;

/// <summary>What may happen to a guest besides moves, most of it while it is away.</summary>
[Trait("Takes", "long")]
public sealed partial class LifeAwayTests(Lab lab)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [GeneratedRegex("<interface type.*?</interface>", RegexOptions.Singleline)]
    private static partial Regex Interface { get; }

    [Fact]
    public void An_interface_that_was_plugged_in_anew_at_home_leaves_with_its_guest()
    {
        lab.VM.BeAt(lab.A);
        var taps = Taps();
        Replug(lab.A);
        Assert.NotEqual(taps, Taps());
        lab.VM.Move(lab.A, lab.B).Succeed();
        AssertAway(lab.B);
        Wait.Until("nothing of the guest is left on hv-a", Patience, () => lab.A.Links("kg").Count == 0);

        string Taps() => lab.A.Virsh("domiflist", lab.VM.Domain).Succeed().Output;
    }

    [Fact]
    public void An_interface_that_is_plugged_out_and_in_again_is_reached_again()
    {
        lab.VM.BeAt(lab.B);
        Replug(lab.B);
        AssertAway(lab.B);
        Assert.Contains(" 0% packet loss", lab.VM.Shell($"ping -c 2 -W 2 {Lab.CorrespondentAddress}"), StringComparison.Ordinal);
        lab.B.WaitForLog(lab.VM, $"{lab.VM.Mac} is plugged out");
        lab.B.WaitForLog(lab.VM, $"{lab.VM.Mac} is plugged in again");
    }

    [Fact]
    public void An_interface_that_is_not_enrolled_comes_and_goes_without_a_trace()
    {
        lab.VM.BeAt(lab.B);
        lab.B.WaitForHandOversToEnd();
        var links = lab.B.Links("kg");
        using var ping = new Command(lab.Correspondent.Line("ping", "-n", "-q", "-i", "0.05", "-c", "60", lab.VM.Address));
        const string Other = "<interface type='ethernet'><mac address='52:54:00:00:00:77'/><model type='virtio'/></interface>";
        Plug(lab.B, "attach-device", Other);
        Plug(lab.B, "detach-device", Other);
        Assert.Contains(" 0% packet loss", ping.Finish().Output, StringComparison.Ordinal);
        Assert.Equal(links, lab.B.Links("kg"));
        AssertAway(lab.B);
    }

    [Fact]
    public void A_guest_that_is_suspended_for_a_while_answers_all_that_came_meanwhile()
    {
        lab.VM.BeAt(lab.B);
        lab.B.Virsh("suspend", lab.VM.Domain).Succeed();
        using var tap = lab.B.Capture(lab.VM.AwayTap, "icmp6");
        using var ping = new Command(lab.Correspondent.Line("ping", "-n", "-q", "-i", "0.05", "-c", "40", "-W", "30", lab.VM.Address));
        Wait.Until("all of them wait for it", Patience, () => tap.Lines.Count(line => line.Has("echo request")) == 40);
        Assert.DoesNotContain(tap.Lines, line => line.Has("echo reply"));
        Assert.Equal("paused", lab.B.Status(lab.VM.Name).GetProperty("state").GetString());
        lab.B.Virsh("resume", lab.VM.Domain).Succeed();
        Assert.Contains(" 0% packet loss", ping.Finish().Output, StringComparison.Ordinal);
        AssertAway(lab.B);
    }

    [Fact]
    public void A_guest_that_was_saved_is_restored_where_it_was_by_another_agent_too()
    {
        lab.VM.BeAt(lab.B);
        Persist(lab.B);
        var boots = lab.VM.Boots;
        lab.B.Virsh("managedsave", lab.VM.Domain).Succeed();
        AssertNothingLeft(lab.B);
        lab.B.KillAgent();
        lab.B.StartAgent();
        lab.B.Virsh("start", lab.VM.Domain).Succeed();
        AssertAway(lab.B);
        Assert.Equal(boots, lab.VM.Boots);
    }

    [Fact]
    public void A_guest_that_is_restored_from_a_file_is_where_it_was()
    {
        lab.VM.BeAt(lab.B);
        var boots = lab.VM.Boots;
        lab.B.Virsh("save", lab.VM.Domain, "/tmp/saved").Succeed();
        AssertNothingLeft(lab.B);
        lab.B.Virsh("restore", "/tmp/saved").Succeed();
        AssertAway(lab.B);
        Assert.Equal(boots, lab.VM.Boots);
    }

    [Fact]
    public void A_guest_that_reboots_takes_its_address_again()
    {
        lab.VM.BeAt(lab.B);
        lab.VM.Boot(() => lab.VM.Shell("(sleep 1; reboot -f) >/dev/null 2>&1 &"));
        AssertAway(lab.B);
    }

    [Fact]
    public void A_guest_that_is_started_from_its_definition_away_is_registered_again()
    {
        lab.VM.BeAt(lab.B);
        Persist(lab.B);
        lab.B.Virsh("destroy", lab.VM.Domain).Succeed();
        AssertNothingLeft(lab.B);
        lab.VM.Boot(() => lab.B.Virsh("start", lab.VM.Domain).Succeed());
        AssertAway(lab.B);
    }

    [Fact]
    public void A_guest_whose_host_died_is_started_from_its_definition_at_another_and_then_at_home()
    {
        lab.VM.BeAt(lab.B);
        var definition = lab.A.Virsh("dumpxml", "--inactive", "--security-info", lab.VM.Domain).Succeed().Output;
        Assert.Contains("<source bridge='br-home'/>", definition, StringComparison.Ordinal);
        lab.B.KillAgent();
        lab.B.KillLibvirtd();
        lab.B.Shell($"kill -KILL $(cat /run/libvirt/qemu/{lab.VM.Name}.pid)");
        try
        {
            Command.Run(lab.C.Line("virsh", "-q", "define", "/dev/stdin"), definition).Succeed();
            Wait.Until("the definition fits hv-c", Patience, () =>
                lab.C.Virsh("dumpxml", "--inactive", lab.VM.Domain).Succeed().Output.Has($"<target dev='{lab.VM.AwayTap}'/>"));
            lab.VM.Boot(() => lab.C.Virsh("start", lab.VM.Domain).Succeed());
            AssertAway(lab.C);
        }
        finally
        {
            lab.B.Restore();
        }

        AssertNothingLeft(lab.B);

        // Nobody has told its home agent that this host is gone, too.
        lab.C.Virsh("destroy", lab.VM.Domain).Succeed();
        lab.C.Virsh("undefine", lab.VM.Domain).Succeed();
        AssertNothingLeft(lab.C);
        lab.VM.Boot(() => lab.A.Virsh("start", lab.VM.Domain).Succeed());
        lab.A.WaitForBinding(lab.VM.Name, "at home");
        lab.VM.WaitUntilReachable();
        Assert.Empty(lab.Home.Links("kg"));
    }

    [Fact]
    public void An_agent_that_is_started_while_the_interface_is_plugged_out_does_not_take_it_for_home()
    {
        lab.VM.BeAt(lab.B);
        var plugged = PlugOut(lab.B);
        lab.B.KillAgent();
        lab.B.StartAgent();

        lab.B.WaitForBinding(lab.VM.Name, "severed");
        Assert.Contains(
            lab.B.Status(lab.VM.Name).GetProperty("problems").EnumerateArray(), problem => problem.GetString()!.Has($"{lab.VM.Mac} is severed: it is plugged out"));
        Assert.True(lab.Home.Defends(lab.VM.Address), "it was de-registered");

        Plug(lab.B, "attach-device", plugged);
        AssertAway(lab.B);
    }

    [Fact]
    public void A_definition_that_was_made_while_the_agent_was_dead_is_made_to_fit_when_it_starts()
    {
        SwitchOffAndKillAgent();
        DefineAsAtHome();
        lab.B.StartAgent();
        Wait.Until("the definition fits hv-b", Patience, () => Definition(lab.B).Has($"<target dev='{lab.VM.AwayTap}'/>"));
        lab.VM.Boot(() => lab.B.Virsh("start", lab.VM.Domain).Succeed());
        AssertAway(lab.B);
    }

    [Fact]
    public void A_guest_that_was_started_on_a_foreign_bridge_of_its_home_bridges_name_is_taken_from_there()
    {
        SwitchOffAndKillAgent();
        using (var bridge = new ForeignBridge(lab.B))
        {
            DefineAsAtHome();
            lab.VM.Boot(() =>
            {
                lab.B.Virsh("start", lab.VM.Domain).Succeed();
                Assert.Equal(2, bridge.Ports.Count);
                lab.B.StartAgent();
                lab.B.WaitForLog(lab.VM, "was on br-home, which is not its home link here");
                Assert.Single(bridge.Ports);
            });
            AssertAway(lab.B);
            Wait.Until("its definition fits hv-b", Patience, () => Definition(lab.B).Has($"<target dev='{lab.VM.AwayTap}'/>"));

            // The next agent finds it where it is.
            lab.B.KillAgent();
            lab.B.StartAgent();
            AssertAway(lab.B);
            Assert.Single(bridge.Ports);
            lab.VM.Move(lab.B, lab.A).Succeed();
        }

        lab.A.WaitForBinding(lab.VM.Name, "at home");
        lab.VM.WaitUntilReachable();
        AssertNothingLeft(lab.B);
    }

    /// <summary>The guest is switched off on hv-b, where its definition stays, and there is no agent.</summary>
    private void SwitchOffAndKillAgent()
    {
        lab.VM.BeAt(lab.B);
        Persist(lab.B);
        lab.B.Virsh("destroy", lab.VM.Domain).Succeed();
        AssertNothingLeft(lab.B);
        lab.B.KillAgent();
    }

    /// <summary>The guest's definition on hv-b becomes the one that it has on hv-a.</summary>
    private void DefineAsAtHome()
    {
        Assert.Contains("<source bridge='br-home'/>", Definition(lab.A), StringComparison.Ordinal);
        Command.Run(lab.B.Line("virsh", "-q", "define", "/dev/stdin"), lab.A.Virsh("dumpxml", "--inactive", "--security-info", lab.VM.Domain).Succeed().Output).Succeed();
    }

    private string Definition(Hypervisor host) => host.Virsh("dumpxml", "--inactive", lab.VM.Domain).Succeed().Output;

    private void AssertAway(Hypervisor host)
    {
        host.WaitForBinding(lab.VM.Name, "registered");
        lab.VM.WaitUntilReachable();
        var status = host.Status(lab.VM.Name);
        Assert.Equal(
            (lab.VM.Address, host.CareOfAddress, "home-agent-tunnel", "running"),
            (Word("home_address"), Word("care_of_address"), Word("data_path"), Word("state")));
        Assert.Empty(status.GetProperty("problems").EnumerateArray());

        string? Word(string name) => status.GetProperty(name).GetString();
    }

    private static void AssertNothingLeft(Hypervisor host) =>
        Wait.Until($"nothing of the guest is left on {host}", Patience, () => host.Links("kg").Count == 0);

    private void Replug(Hypervisor host)
    {
        Plug(host, "attach-device", PlugOut(host));
        lab.VM.WaitUntilReachable();
    }

    /// <summary>Plugs the enrolled interface out, and ends when the guest has let go of it; which is told beforehand to take it up again.</summary>
    /// <returns>The interface's XML.</returns>
    private string PlugOut(Hypervisor host)
    {
        lab.VM.Shell("(until ! ip link show eth0; do sleep 1; done; until ip link set eth0 up; do sleep 1; done) >/dev/null 2>&1 &");
        var plugged = Interface.Match(host.Virsh("dumpxml", lab.VM.Domain).Succeed().Output).Value;
        Plug(host, "detach-device", plugged);
        Wait.Until("the interface has gone", Patience, () => !host.Virsh("domiflist", lab.VM.Domain).Succeed().Output.Has(lab.VM.Mac));
        return plugged;
    }

    private void Plug(Hypervisor host, string verb, string device) =>
        Command.Run(host.Line("virsh", "-q", verb, lab.VM.Domain, "/dev/stdin", "--live"), device).Succeed();

    /// <summary>The guest's definition is to outlive it, as an administrator has it who does not call migrate with --persistent.</summary>
    private void Persist(Hypervisor host) =>
        host.Shell($"virsh -q dumpxml --security-info --migratable {lab.VM.Domain} | virsh -q define /dev/stdin");
}
