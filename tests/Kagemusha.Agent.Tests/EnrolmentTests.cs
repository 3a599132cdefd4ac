using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>
/// What is enrolled of a domain with several interfaces, with libvirt's test driver.
/// <code>
///   vm  52:54:00:00:00:01 == br0 (home link 2001:db8:1::/64)
///       52:54:00:00:00:02 == br0
///       52:54:00:00:00:03 == br1 (home link 2001:db8:2::/64)
///       52:54:00:00:00:04 == libvirt's user network
/// </code>
/// </summary>
public sealed class EnrolmentTests
{
    private const string One = "52:54:00:00:00:01";
    private const string Two = "52:54:00:00:00:02";
    private const string Three = "52:54:00:00:00:03";
    private const string Four = "52:54:00:00:00:04";

    private static readonly EnrollRequest All = new("vm", [], null, null);

    [Fact]
    public Task All_interfaces_that_are_on_a_home_link_are_enrolled_and_of_the_others_it_is_told_why_not() => OnHost(async host =>
    {
        var done = await host.Enrolment.EnrollAsync(All);

        var profile = (await host.XmlAsync()).ReadProfile()!;
        Assert.Equal(
            [
                (One, "br0", "2001:db8:1::1", "2001:db8:1::/64"),
                (Two, "br0", "2001:db8:1::1", "2001:db8:1::/64"),
                (Three, "br1", "2001:db8:2::1", "2001:db8:2::/64"),
            ],
            profile.Interfaces.Select(each => ($"{each.Mac}", each.Source.Name, $"{each.HomeAgent}", $"{Assert.Single(each.Link.Prefixes)}")));
        Assert.Equal(
            [
                $"vm is mobile by its interface {One} on br0, home agent 2001:db8:1::1",
                $"vm is mobile by its interface {Two} on br0, home agent 2001:db8:1::1",
                $"vm is mobile by its interface {Three} on br1, home agent 2001:db8:2::1",
            ],
            done.Notes.Where(note => note.StartsWith("vm is mobile", StringComparison.Ordinal)));
        Assert.StartsWith($"stays where it is: vm's interface {Four} is of type 'user'", done.Notes[^1], StringComparison.Ordinal);
        var guest = Assert.Single(host.Table.All);
        Assert.Equal([One, Two, Three], guest.Links.Select(link => $"{link.Enrolled.Mac}"));
        Assert.All(guest.Links, link => Assert.IsType<Attachment.Home>(link.Attachment));
    });

    [Fact]
    public Task One_interface_after_the_other_is_enrolled_and_unenrolled() => OnHost(async host =>
    {
        await host.Enrolment.EnrollAsync(Only(Two, "2001:db8:1::42"));
        await Refused(host, All, "vm is enrolled already: unenroll it first, or add an interface by --interface");
        await Refused(host, Only(Two), $"vm's interface {Two} is enrolled already: unenroll it first");
        await Refused(host, Only(One, "2001:db8:1::42"), "2001:db8:1::42 is vm's already, on another interface");
        await host.Enrolment.EnrollAsync(Only(Three, "2001:db8:2::42"));
        Assert.Equal([(Two, "2001:db8:1::42"), (Three, "2001:db8:2::42")], await EnrolledAsync(host));

        var unknown = await Assert.ThrowsAsync<RefusedException>(() => host.Enrolment.UnenrollAsync(Without(One)));
        Assert.Equal((ExitCode.NotFound, $"vm's interface {One} is not enrolled, only {Two}, {Three}"), (unknown.ExitCode, unknown.Message));

        Assert.Equal([$"vm's interface {Two} is not mobile any more"], (await host.Enrolment.UnenrollAsync(Without(Two))).Notes);
        Assert.Equal([(Three, "2001:db8:2::42")], await EnrolledAsync(host));
        Assert.Equal([Three], Assert.Single(host.Table.All).Links.Select(link => $"{link.Enrolled.Mac}"));

        Assert.Equal(["vm is not mobile any more"], (await host.Enrolment.UnenrollAsync(Without(Three))).Notes);
        Assert.False((await host.XmlAsync()).IsEnrolled);
        Assert.Empty(host.Table.All);
    });

    [Fact]
    public Task Two_that_enroll_at_the_same_time_do_not_overwrite_each_other() => OnHost(async host =>
    {
        Task[] both = [host.Enrolment.EnrollAsync(Only(One, "2001:db8:1::42")), host.Enrolment.EnrollAsync(Only(Three, "2001:db8:2::42"))];
        await Task.WhenAll(both);
        Assert.Equal([(One, "2001:db8:1::42"), (Three, "2001:db8:2::42")], (await EnrolledAsync(host)).Order());
    });

    [Fact]
    public Task A_guest_that_is_away_is_enrolled_and_unenrolled_at_home_and_one_that_moves_only_as_a_whole() => OnHost(async host =>
    {
        await host.Enrolment.EnrollAsync(Only(One, "2001:db8:1::42"));
        var guest = Assert.Single(host.Table.All);
        guest.Departure = new(new(Guests.CareOf.Address, Guests.HomeAgent, "eth0"), TimeSpan.MaxValue);
        await Refused(host, Only(Two), "a migration of vm has not ended yet: try again when nothing comes through its other host any more");
        guest.Departure = null;

        var home = guest.Links[0].Attachment;
        guest.Links[0].Attachment = Guests.Away;
        await Refused(host, Only(Two), "vm is away: enroll its interfaces at home");
        var away = await Assert.ThrowsAsync<RefusedException>(() => host.Enrolment.UnenrollAsync(new("vm", null)));
        Assert.Equal("vm is away and would be unreachable: move it to a host on its home link first", away.Message);
        guest.Links[0].Attachment = home;
        Assert.Equal([(One, "2001:db8:1::42")], await EnrolledAsync(host));
    });

    private static EnrollRequest Only(string mac, params string[] addresses) =>
        new("vm", [.. addresses.Select(Ipv6Address.Parse)], null, LinkLayerAddress.Parse(mac));

    private static UnenrollRequest Without(string mac) => new("vm", LinkLayerAddress.Parse(mac));

    private static async Task Refused(LibvirtHost host, EnrollRequest request, string line) =>
        Assert.Equal(line, (await Assert.ThrowsAsync<RefusedException>(() => host.Enrolment.EnrollAsync(request))).Message);

    private static async Task<IEnumerable<(string, string)>> EnrolledAsync(LibvirtHost host) =>
        from enrolled in (await host.XmlAsync()).ReadProfile()!.Interfaces
        from address in enrolled.Addresses
        select ($"{enrolled.Mac}", $"{address.Address}");

    private static Task OnHost(Func<LibvirtHost, Task> main)
    {
        var uuid = Guid.NewGuid();
        return LibvirtHost.RunAsync(
            uuid,
            [
                $"""
                <domain type='test'>
                  <name>vm</name>
                  <uuid>{uuid}</uuid>
                  <memory>65536</memory>
                  <os><type>hvm</type></os>
                  <devices>
                    <interface type='bridge'><mac address='{One}'/><source bridge='br0'/></interface>
                    <interface type='bridge'><mac address='{Two}'/><source bridge='br0'/></interface>
                    <interface type='bridge'><mac address='{Three}'/><source bridge='br1'/></interface>
                    <interface type='user'><mac address='{Four}'/></interface>
                  </devices>
                </domain>
                """,
            ],
            async host =>
            {
                using var first = new ScriptedRouter("br0", "2001:db8:1::1");
                using var second = new ScriptedRouter("br1", "2001:db8:2::1");
                await main(host);
            },
            space =>
            {
                ScriptedRouter.Make(space, "br0");
                ScriptedRouter.Make(space, "br1");
            });
    }
}
