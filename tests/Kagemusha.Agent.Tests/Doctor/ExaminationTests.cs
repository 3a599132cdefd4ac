using Kagemusha.Control;
using Kagemusha.Linux.Tests;

namespace Kagemusha.Agent.Tests;

/// <summary>
/// The agent's part of an examination on a host with libvirt's test driver.
/// <code>
///   vm  away, home agent 2001:db8:1::2
///   wan (veth)  2001:db8:f4::2 -- 2001:db8:f4::1  the home agent's host, or nobody
/// </code>
/// </summary>
public sealed class ExaminationTests
{
    [Fact]
    public async Task What_is_wrong_on_a_host_is_found()
    {
        var findings = await LookAsync(prepare: space => space.Ip("link add kgold type veth peer name other"));

        Assert.Equal(["Error this host has no route to the home agent 2001:db8:1::2"], findings["home agent"]);
        Assert.Equal(["Error there is none to other agents: /nowhere is not there"], findings["channel"]);
        Assert.Equal(["Error /nowhere is not there"], findings["certificate"]);
        Assert.Equal([$"Error {Guid.Empty} runs here and is not served: its bridge is another's"], findings["VM"]);
        Assert.StartsWith("Error the kernel lacks: ", Assert.Single(findings["data path"]), StringComparison.Ordinal);
        Assert.StartsWith($"Error vm: {Guests.Home}: ", Assert.Single(findings["home address"]), StringComparison.Ordinal);
        Assert.Contains("Warning links that no enrolled VM needs: kgold", findings["leftovers"]);
        // Guests.Configuration has no care-of address: that of the route counts.
        Assert.Empty(findings["care-of address"]);
    }

    [Fact]
    public async Task A_home_agent_answers_an_echo()
    {
        using var home = new NetworkNamespace();
        var findings = await LookAsync(space =>
        {
            space.Ip($"link add wan type veth peer name far netns {home.Name}");
            space.Ip("link set wan up");
            space.Ip("address add 2001:db8:f4::2/64 dev wan nodad");
            space.Ip("-6 route add 2001:db8:1::/64 via 2001:db8:f4::1 dev wan");
            home.Ip("link set far up");
            home.Ip("address add 2001:db8:f4::1/64 dev far nodad");
            home.Ip("address add 2001:db8:1::2/128 dev lo nodad");
        });

        Assert.Equal(["Ok 2001:db8:1::2 answers an echo: from 2001:db8:f4::2 by wan, MTU 1500"], findings["home agent"]);
    }

    [Fact]
    public async Task A_home_agent_may_be_on_the_host_itself_as_long_as_its_vms_are_at_home()
    {
        static void Prepare(NetworkNamespace space) => space.Ip("address add 2001:db8:1::2/128 dev lo nodad");

        var atHome = await LookAsync(Prepare, place: Guests.AtHome);
        Assert.Equal(["Ok 2001:db8:1::2 is this host itself"], atHome["home agent"]);
        Assert.Equal(["Ok the kernel has all that the VMs need"], atHome["data path"]);
        Assert.StartsWith("Error ", Assert.Single((await LookAsync(Prepare))["home agent"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_a_vm_moves_nothing_is_tried()
    {
        var findings = await LookAsync(_ => { }, Presence.Incoming);

        Assert.Equal(["Unknown nothing was tried: a VM is moving"], findings["kernel"]);
        Assert.Empty(findings["home address"]);
    }

    private static async Task<ILookup<string, string>> LookAsync(Action<NetworkNamespace> prepare, Presence presence = Presence.Running, Attachment? place = null)
    {
        DoctorReply? reply = null;
        await LibvirtHost.RunAsync(
            Guests.Uuid,
            [Guests.Xml(new([Guests.Enrolled]), "")],
            async host =>
            {
                host.Table.Put(Guests.Make(place ?? Guests.Away, presence, host.Uuid));
                reply = await host.Examination.AnswerAsync();
            },
            prepare);
        Assert.Equal("0.1.0", reply!.Version);
        return reply.Findings.ToLookup(finding => finding.Check, finding => $"{finding.Result} {finding.What}");
    }
}
