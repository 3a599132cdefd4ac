using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>What the agent makes of libvirt's word, with libvirt's test driver on a host in a network namespace of its own.</summary>
public sealed class AdoptionTests
{
    private static readonly Guid Clone = Guid.Parse("c0ffee00-0000-4000-8000-00000000000c");
    private static readonly Guid Damaged = Guid.Parse("c0ffee00-0000-4000-8000-00000000000d");

    [Fact]
    public async Task All_that_run_here_are_taken_up_but_for_what_cannot_be() => await OnHost(async host =>
    {
        // The original first.
        await host.Adoption.LookAsync(host.Uuid);
        await host.Adoption.AdoptAllAsync();

        var guest = Assert.Single(host.Table.All);
        Assert.Equal((host.Uuid, Presence.Running), (guest.Uuid, guest.Presence));
        Assert.Equal(new Attachment.Home("br0", "testnet0"), guest.Links[0].Attachment);
        Assert.Equal([Clone, Damaged], host.Adoption.Problems.Keys.Order());
        Assert.Equal("2001:db8:1::42 is already used on this host, by vm", host.Adoption.Problems[Clone]);
        Assert.Contains("home-address", host.Adoption.Problems[Damaged], StringComparison.Ordinal);
        Assert.NotNull(host.Adoption.NextWakeUp);
        Assert.True(host.Adoption.Completed.IsCompleted);
    });

    [Fact]
    public async Task A_guest_that_has_gone_is_forgotten_and_one_that_is_still_to_come_is_not() => await OnHost(async host =>
    {
        var gone = Make(Presence.Running, "2001:db8:1::a");
        var coming = Make(Presence.Incoming, "2001:db8:1::b");
        host.Table.Put(gone);
        host.Table.Put(coming);
        await host.Adoption.AdoptAllAsync();
        Assert.False(host.Table.TryFind(gone.Uuid, out _));
        Assert.True(host.Table.TryFind(coming.Uuid, out _));

        // Its time is up, and libvirt knows nothing of it.
        await host.Adoption.LookAsync(coming.Uuid);
        Assert.False(host.Table.TryFind(coming.Uuid, out _));
    });

    [Fact]
    public async Task One_that_came_while_libvirt_was_asked_is_not_taken_for_one_that_has_gone() => await OnHost(async host =>
    {
        var old = Make(Presence.Running, "2001:db8:1::a");
        var looking = Pending(() => host.Table.Put(old), () => host.Adoption.LookAsync(old.Uuid));
        var adopting = Pending(() => host.Table.Put(old), host.Adoption.AdoptAllAsync);
        var again = Guests.Make(Guests.AtHome, Presence.Incoming, old.Uuid, old.Links[0].Enrolled);
        var other = Make(Presence.Running, "2001:db8:1::b");
        host.Table.Put(again);
        host.Table.Put(other);

        await looking;
        await adopting;
        Assert.True(host.Table.TryFind(old.Uuid, out var present) && present == again);
        Assert.True(host.Table.TryFind(other.Uuid, out present) && present == other);
    });

    [Fact]
    public async Task An_answer_that_an_event_has_overtaken_is_asked_again() => await OnHost(async host =>
    {
        // In one turn of the loop: no answer is used before the event is heard.
        var looking = Pending(() => host.Table.Remove(host.Uuid), () => host.Adoption.LookAsync(host.Uuid));
        host.DomainAtOnce(domain => domain.Destroy());
        host.Adoption.Overtake();
        await looking;
        Assert.Empty(host.Table.All);
    });

    [Fact]
    public async Task Libvirts_word_on_who_runs_here_counts() => await OnHost(async host =>
    {
        // Suspended to leave and incoming, as far as the agent has heard: it runs.
        foreach (var presence in (Presence[])[Presence.Leaving, Presence.Incoming])
        {
            host.Table.Put(Guests.Make(Guests.AtHome, presence, host.Uuid));
            await host.Adoption.LookAsync(host.Uuid);
            Assert.True(host.Table.TryFind(host.Uuid, out var guest));
            Assert.Equal(Presence.Running, guest.Presence);
        }

        await host.Domain(domain => domain.Suspend());
        host.Table.TryFind(host.Uuid, out var before);
        await host.Adoption.LookAsync(host.Uuid);
        Assert.True(host.Table.TryFind(host.Uuid, out var after));
        Assert.Same(before, after);
    });

    [Fact]
    public async Task What_hindered_is_tried_again_and_no_problem_outlives_its_domain() => await OnHost(async host =>
    {
        await host.Adoption.LookAsync(host.Uuid);
        await host.Adoption.AdoptAllAsync();
        await host.Domain(domain => domain.Destroy());
        await host.Adoption.LookAsync(host.Uuid);
        Assert.Empty(host.Table.All);

        await host.Adoption.LookAsync(Clone);
        Assert.Equal(Clone, Assert.Single(host.Table.All).Uuid);
        Assert.Equal([Damaged], host.Adoption.Problems.Keys);

        await host.Domain(domain => domain.Destroy(), Damaged);
        await host.Adoption.LookAsync(Damaged);
        Assert.Empty(host.Adoption.Problems);
        Assert.Null(host.Adoption.NextWakeUp);
    });

    /// <summary>Asks until libvirt is slower than this thread, and the answer still to come.</summary>
    private static Task Pending(Action prepare, Func<Task> ask)
    {
        while (true)
        {
            prepare();
            var pending = ask();
            if (!pending.IsCompleted)
            {
                return pending;
            }
        }
    }

    private static Guest Make(Presence presence, string home) => Guests.Make(
        Guests.AtHome,
        presence,
        Guid.NewGuid(),
        Guests.Enrolled with { Addresses = [new(Ipv6Address.Parse(home), 0, BindingPossible: false)] });

    private static Task OnHost(Func<LibvirtHost, Task> main)
    {
        var uuid = Guid.NewGuid();
        return LibvirtHost.RunAsync(
            uuid,
            [
                Domain("vm", uuid),
                Domain("clone", Clone),
                Domain("damaged", Damaged).Replace("2001:db8:1::42", "nonsense", StringComparison.Ordinal),
                Domain("plain", Guid.NewGuid()).Replace(MobilityProfile.Namespace, "urn:example", StringComparison.Ordinal),
            ],
            main);
    }

    private static string Domain(string name, Guid uuid) => Guests.Xml(
        new([Guests.Enrolled]),
        "    <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/></interface>",
        name,
        uuid);
}
