using Kagemusha.Control;
using Kagemusha.Linux.Tests;

namespace Kagemusha.Agent.Tests;

/// <summary>
/// Where interfaces end on a host with libvirt's test driver.
/// <code>
///   vm  52:54:00:00:00:01 at a tap of its own, home agent 2001:db8:1::2
///       52:54:00:00:00:02 plugged out
///   wan (veth)  2001:db8:f4::2, with a route to the home agent or without
/// </code>
/// </summary>
public sealed class SeveredTests
{
    private const string NoRoute = "this host has no route to the home agent 2001:db8:1::2";

    [Fact]
    public Task An_interface_ends_where_its_XML_says_and_nowhere_if_it_is_plugged_out_or_has_no_way() => OnHost(async (host, space) =>
    {
        var xml = await host.XmlAsync();
        Assert.Equal(new Attachment.Severed(null, "it is plugged out"), host.Attachments.Read(xml, Guests.Second));
        Assert.Equal(new Attachment.Severed(GuestLink.TapName(Guests.Mac), NoRoute), host.Attachments.Read(xml, Guests.Enrolled));
        Assert.Equal(new Attachment.Severed(GuestLink.TapName(Guests.Mac), NoRoute), await host.Attachments.ChooseAsync(Guests.Enrolled));
        Assert.Equal(NoRoute, (await Assert.ThrowsAsync<UnreachableException>(() => host.Attachments.ChooseForStartAsync(Guests.Enrolled))).Message);

        Connect(space);
        var away = Assert.IsType<Attachment.Away>(host.Attachments.Read(xml, Guests.Enrolled));
        Assert.Equal((GuestLink.TapName(Guests.Mac), Guests.CareOf.Address, "wan"), (away.Tap, away.CareOf.Address, away.CareOf.Interface));
        Assert.Equal(away, await host.Attachments.ChooseAsync(Guests.Enrolled));
    });

    [Fact]
    public Task Status_says_that_an_interface_is_severed_and_shows_the_care_of_address_of_one_without_a_home_address() => OnHost(async (host, _) =>
    {
        var unused = Guests.Second with { Addresses = [] };
        var guest = Guests.Make(Guests.Away, Presence.Running, host.Uuid, Guests.Enrolled, unused);
        guest.Links[0].Attachment = new Attachment.Severed(GuestLink.TapName(Guests.Mac), NoRoute);
        host.Table.Put(guest);

        var status = (await host.Status.AnswerAsync(new("vm"))).Domains;
        Assert.Equal(
            [(Guests.Mac, Guests.Home, null, "severed", DataPath.None), (unused.Mac, null, Guests.CareOf.Address, "none", DataPath.None)],
            status.Select(each => (each.Interface, each.HomeAddress, each.CareOfAddress, each.Binding, each.DataPath)));
        Assert.Equal([$"{Guests.Mac} is severed: {NoRoute}"], status[0].Problems);
        Assert.Equal([$"no home address of {unused.Mac} is known yet: it is learnt when the VM uses it"], status[1].Problems);
    });

    [Fact]
    public Task As_soon_as_there_is_a_way_an_interface_is_severed_no_more_but_not_in_the_middle_of_a_move() => OnHost((host, space) =>
    {
        var guest = Guests.Make(Guests.Away, Presence.Incoming, host.Uuid, Guests.Enrolled, Guests.Second);
        guest.Links[0].Attachment = new Attachment.Severed(GuestLink.TapName(Guests.Mac), NoRoute);
        guest.Links[1].Attachment = new Attachment.Severed(null, "it is plugged out");
        host.Table.Put(guest);
        host.CareOfAddresses.Follow();
        Assert.IsType<Attachment.Severed>(guest.Links[0].Attachment);
        Assert.True(host.CareOfAddresses.NextWakeUp > Clock.Now);

        Connect(space);
        guest.Departure = new(new(Guests.CareOf.Address, Guests.HomeAgent, "wan"), TimeSpan.MaxValue);
        host.CareOfAddresses.Follow();
        Assert.IsType<Attachment.Severed>(guest.Links[0].Attachment);

        guest.Departure = null;
        host.CareOfAddresses.Follow();
        Assert.Equal(Guests.CareOf.Address, Assert.IsType<Attachment.Away>(guest.Links[0].Attachment).CareOf.Address);
        Assert.IsType<Attachment.Severed>(guest.Links[1].Attachment);
        Assert.Null(host.CareOfAddresses.NextWakeUp);
        return Task.CompletedTask;
    });

    [Fact]
    public Task A_definition_that_was_made_while_nobody_heard_of_it_is_made_to_fit() => OnHost(async (host, space) =>
    {
        await host.ColdDefinition.FitAllAsync();
        await host.Domain(domain => domain.Destroy());
        await host.ColdDefinition.FitAllAsync();
        Assert.Equal("other0", (await host.XmlAsync()).Interface(Guests.Mac)!.TargetDevice);

        Connect(space);
        await host.ColdDefinition.FitAllAsync();
        var fitting = (await host.XmlAsync()).Interface(Guests.Mac)!;
        Assert.Equal(("ethernet", GuestLink.TapName(Guests.Mac)), (fitting.Type, fitting.TargetDevice));
    }, tap: "other0");

    [Fact]
    public Task A_definition_is_looked_at_again_when_a_bridge_leads_somewhere() => OnHost(async (host, space) =>
    {
        await host.Domain(domain => domain.Destroy());
        await host.ColdDefinition.FollowAsync();
        Connect(space);
        await host.ColdDefinition.FollowAsync();
        Assert.Equal("other0", (await host.XmlAsync()).Interface(Guests.Mac)!.TargetDevice);

        space.Ip("link add br-late type bridge");
        space.Ip("link set br-late up");
        await host.ColdDefinition.FollowAsync();
        Assert.Equal("other0", (await host.XmlAsync()).Interface(Guests.Mac)!.TargetDevice);

        space.Ip("link add port type veth peer name uplink");
        space.Ip("link set uplink up");
        space.Ip("link set port up master br-late");
        await host.ColdDefinition.FollowAsync();
        Assert.Equal(GuestLink.TapName(Guests.Mac), (await host.XmlAsync()).Interface(Guests.Mac)!.TargetDevice);
    }, tap: "other0");

    [Fact]
    public Task Recover_does_not_end_a_hand_over() => OnHost(async (host, _) =>
    {
        var guest = Guests.Make(Guests.Away, Presence.Running, host.Uuid);
        guest.Arrival = new(new(new(Guests.HomeAgent, 6275, "hv-a"), OneTimeToken.Create()), new(Guests.CareOf.Address, Guests.HomeAgent, "wan"));
        host.Table.Put(guest);
        // What a kernel without tunnels refuses is not the question.
        await Record.ExceptionAsync(() => host.Recovery.RecoverAsync("vm", RecoverAs.Found, isDryRun: false));
        Assert.Same(guest, Assert.Single(host.Table.All));
        Assert.NotNull(guest.Arrival);
    });

    private static void Connect(NetworkNamespace space) => space.Ip("-6 route add default via 2001:db8:f4::1 dev wan");

    private static Task OnHost(Func<LibvirtHost, NetworkNamespace, Task> main, string? tap = null)
    {
        var uuid = Guid.NewGuid();
        NetworkNamespace? space = null;
        return LibvirtHost.RunAsync(
            uuid,
            [
                Guests.Xml(
                    new([Guests.Enrolled, Guests.Second]),
                    $"    <interface type='ethernet'><mac address='{Guests.Mac}'/><target dev='{tap ?? GuestLink.TapName(Guests.Mac)}'/></interface>",
                    "vm",
                    uuid),
            ],
            host => main(host, space!),
            made =>
            {
                space = made;
                made.Ip("link add wan type veth peer name far");
                made.Ip("link set far up");
                made.Ip("link set wan addrgenmode none");
                made.Ip("link set wan up");
                made.Ip("address add 2001:db8:f4::2/64 dev wan nodad");
            });
    }
}
