using Kagemusha.Control;
using Kagemusha.Linux.Tests;

namespace Kagemusha.Agent.Tests;

/// <summary>What <c>recover</c> finds, says and does, with libvirt's test driver on a host in a network namespace of its own.</summary>
public sealed class RecoveryTests
{
    private static readonly Guid Clone = Guid.Parse("c0ffee00-0000-4000-8000-00000000000c");

    [Fact]
    public async Task It_is_refused_with_one_line_and_the_right_code() => await OnHost(async (host, _) =>
    {
        await RefusedAsync(host, "nobody", ExitCode.NotFound, "there is no domain 'nobody' on this host");
        await RefusedAsync(host, "plain", ExitCode.NotFound, "plain is not enrolled");
        await host.Adoption.LookAsync(host.Uuid);
        await RefusedAsync(host, "clone", ExitCode.Refused, "2001:db8:1::42 is already used on this host, by vm");
        await RefusedAsync(host, "vm", ExitCode.Refused, "vm is running on this host: to let go of it would cut it off", RecoverAs.Release);
        await RefusedAsync(
            host, "vm", ExitCode.Refused, "this host has no bridge of br0, on which 52:54:00:00:00:01 is at home: it is away here", RecoverAs.Home);
        await host.Domain(domain => domain.Destroy());
        await RefusedAsync(host, "vm", ExitCode.Refused, "vm is shut off on this host: recover it where it runs");
        await RefusedAsync(host, host.Uuid.ToString(), ExitCode.Refused, "vm is shut off on this host: recover it where it runs");
    });

    [Fact]
    public async Task A_dry_run_says_what_is_wrong_and_changes_nothing() => await OnHost(async (host, _) =>
    {
        Assert.Equal(
            [
                "vm: wrong: the agent has not taken it up",
                "vm: would do: it is taken up again from what libvirt and the state file say; the kernel is made to match, and its home agents are told again",
            ],
            await host.Recovery.RecoverAsync("vm", RecoverAs.Found, isDryRun: true));
        Assert.Empty(host.Table.All);

        await host.Adoption.LookAsync(host.Uuid);
        var guest = Assert.Single(host.Table.All);
        Assert.Equal("vm: nothing is wrong as far as this host can tell", (await host.Recovery.RecoverAsync("vm", RecoverAs.Found, isDryRun: true))[0]);
        Assert.Equal(
            "vm: wrong: 2001:db8:1::42: it is taken for one on its home link", (await host.Recovery.RecoverAsync("vm", RecoverAs.Away, isDryRun: true))[0]);
        Assert.Same(guest, Assert.Single(host.Table.All));
    });

    [Fact]
    public async Task What_is_left_of_a_guest_that_runs_elsewhere_is_let_go_of_by_name_or_uuid() => await OnHost(async (host, _) =>
    {
        await host.Domain(domain => domain.Destroy());
        await host.Domain(domain => domain.Undefine());
        host.Table.Put(Guests.Make(Guests.AtHome));
        Assert.Contains(
            "vm: wrong: it is not on this host, and this host serves it", await host.Recovery.RecoverAsync("vm", RecoverAs.Release, isDryRun: true));
        Assert.Single(host.Table.All);
        Assert.Contains(
            $"vm: {Environment.MachineName} has let go of it", await host.Recovery.RecoverAsync(Guests.Uuid.ToString(), RecoverAs.Release, isDryRun: false));
        Assert.Empty(host.Table.All);
        await RefusedAsync(host, "vm", ExitCode.NotFound, "there is no domain 'vm' on this host", RecoverAs.Release);
    });

    [Fact]
    public async Task All_are_those_that_run_here_each_with_its_own_outcome() => await OnHost(async (host, _) =>
    {
        await host.Adoption.LookAsync(host.Uuid);
        var all = Assert.IsType<RecoverReply>(await host.Recovery.AnswerAsync(new(null, DryRun: true))).Domains;
        Assert.Equal(
            ["clone: wrong: the agent has not taken it up", "vm: nothing is wrong as far as this host can tell"], all.Select(each => each.Notes[0]));
        Assert.All(all, each => Assert.Null(each.Error));

        await host.Domain(domain => domain.Destroy());
        all = Assert.IsType<RecoverReply>(await host.Recovery.AnswerAsync(new(null, DryRun: true))).Domains;
        Assert.StartsWith("clone: ", Assert.Single(all).Notes[0], StringComparison.Ordinal);
    });

    [Fact]
    [Trait("Needs", "kernel")]
    public async Task A_guest_that_is_said_to_be_at_home_is_put_on_its_bridge() => await OnHost(async (host, space) =>
    {
        space.Ip("link add br0 type bridge");
        space.Ip("link add testnet0 type veth peer name inside");
        // That this host's agent may send nothing is not the question.
        await Record.ExceptionAsync(() => host.Recovery.RecoverAsync("vm", RecoverAs.Home, isDryRun: false));
        Assert.Equal(new Attachment.Home("br0", "testnet0") { IsGiven = true }, Assert.Single(host.Table.All).Links[0].Attachment);
        var tap = Assert.Single(space.Json("link show testnet0"));
        Assert.Equal(("br0", "fe:54:00:00:00:01"), (tap.GetProperty("master").GetString(), tap.GetProperty("address").GetString()));
    });

    private static async Task RefusedAsync(LibvirtHost host, string name, ExitCode code, string line, RecoverAs asWhat = RecoverAs.Found)
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => host.Recovery.RecoverAsync(name, asWhat, isDryRun: false));
        Assert.Equal((code, line), (refused.ExitCode, refused.Message));
    }

    private static Task OnHost(Func<LibvirtHost, NetworkNamespace, Task> main)
    {
        var uuid = Guid.NewGuid();
        NetworkNamespace? space = null;
        return LibvirtHost.RunAsync(
            uuid,
            [
                Domain("vm", uuid),
                Domain("clone", Clone),
                Domain("plain", Guid.NewGuid()).Replace(MobilityProfile.Namespace, "urn:example", StringComparison.Ordinal),
            ],
            host => main(host, space!),
            made => space = made);
    }

    private static string Domain(string name, Guid uuid) => Guests.Xml(
        new([Guests.Enrolled]),
        "    <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/></interface>",
        name,
        uuid);
}
