using CsCheck;
using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class GuestTests
{
    private static readonly MobileNodeSnapshot Own = new(100, Guests.CareOf.Address, TimeSpan.FromSeconds(300), TimeSpan.FromSeconds(400));

    private static readonly PeerEndpoint To = new(Ipv6Address.Parse("2001:db8:f3::2"), 6275, "hv-a");

    private static readonly HandOverTunnel There = new(Guests.CareOf.Address, To.Address, "eth0");

    [Fact]
    public void A_taps_name_is_the_guests_address_in_15_bytes_under_our_own_prefix()
    {
        Assert.Equal("kg525400abcdef", GuestLink.TapName(LinkLayerAddress.Parse("52:54:00:AB:cd:ef")));
        Gen.Byte.Array[6].Sample(bytes =>
        {
            var mac = LinkLayerAddress.Read(bytes);
            Assert.Equal(14, GuestLink.TapName(mac).Length);
            Assert.Equal(Convert.ToHexString(bytes), GuestLink.TapName(mac)[2..], ignoreCase: true);
        });
    }

    [Theory]
    [InlineData(100, 100)]
    [InlineData(100, 99)]
    [InlineData(164, 100)]
    [InlineData(10, 65500)]
    [InlineData(32867, 100)]
    public void A_state_file_that_is_not_older_than_the_metadata_counts(int file, int metadata) => Assert.Equal(
        Own with { ReservedThrough = (ushort)file }, Newest((ushort)file, new(Guests.Home, (ushort)metadata, BindingPossible: true)));

    [Theory]
    [InlineData(100, 101)]
    [InlineData(100, 164)]
    [InlineData(65500, 10)]
    [InlineData(32868, 100)]
    public void Metadata_that_is_newer_than_the_state_file_counts(int file, int metadata)
    {
        // 262140 s: the longest lifetime that a Binding Update can ask for (RFC 6275, section 6.1.7).
        Assert.Equal(
            new((ushort)metadata, null, TimeSpan.Zero, TimeSpan.FromSeconds(262_140)),
            Newest((ushort)file, new(Guests.Home, (ushort)metadata, BindingPossible: true)));
        Assert.Equal(
            new((ushort)metadata, null, TimeSpan.Zero, TimeSpan.Zero),
            Newest((ushort)file, new(Guests.Home, (ushort)metadata, BindingPossible: false)));
    }

    [Fact]
    public void Without_a_state_file_or_with_one_of_other_addresses_the_metadata_counts()
    {
        var address = new EnrolledAddress(Guests.Home, 7, BindingPossible: false);
        var other = new Dictionary<Ipv6Address, MobileNodeSnapshot> { [Ipv6Address.Parse("2001:db8:1::43")] = Own };
        Assert.Equal(7, GuestLifecycle.Newest(address, new Dictionary<Ipv6Address, MobileNodeSnapshot>()).ReservedThrough);
        Assert.Equal(7, GuestLifecycle.Newest(address, other).ReservedThrough);
    }

    [Fact]
    public void Of_two_numbers_one_is_newer_whichever_of_them_is_in_the_file() => Gen.Select(Gen.UShort, Gen.UShort).Sample((a, b) =>
    {
        var (one, other) = (Newest(a, new(Guests.Home, b, false)).ReservedThrough, Newest(b, new(Guests.Home, a, false)).ReservedThrough);
        Assert.True(one == other || (ushort)(a - b) == 0x8000);
    });

    [Fact]
    public void A_guests_metadata_has_the_numbers_of_its_nodes()
    {
        var guest = Guests.Make(Guests.Away, interfaces: [Guests.Enrolled, Guests.Second]);
        Assert.Equal(new MobilityProfile([Guests.Enrolled, Guests.Second]), guest.Profile);

        guest.Registrations.First().Node.Handle(Clock.Now, new MobileNodeInput.Away(Guests.CareOf.Address));
        Assert.Equal(
            new MobilityProfile([Guests.Enrolled with { Addresses = [new(Guests.Home, 128, BindingPossible: true)] }, Guests.Second]), guest.Profile);
    }

    [Fact]
    public void Only_guests_that_are_away_want_something_of_the_kernel()
    {
        var table = new GuestTable();
        table.Put(Guests.Make(Guests.AtHome));
        Assert.Empty(table.AwayLinks);
        table.Put(Guests.Make(Guests.Away));
        var link = Assert.Single(table.AwayLinks);
        Assert.Equal(("kg525400000001", Guests.Mac, Guests.HomeAgent, Guests.CareOf), (link.Tap, link.Mac, link.HomeAgent, link.CareOf));
        Assert.Equal([Guests.Home], link.HomeAddresses);
        table.Remove(Guests.Uuid);
        Assert.Empty(table.AwayLinks);
        Assert.Empty(table.All);
    }

    [Fact]
    public void From_each_tap_a_guest_may_send_from_all_of_its_home_addresses_that_are_away()
    {
        var third = Guests.Second with { Mac = LinkLayerAddress.Parse("52:54:00:00:00:03"), Addresses = [new(Ipv6Address.Parse("2001:db8:1::44"), 0, BindingPossible: false)] };
        var guest = Guests.Make(Guests.Away, interfaces: [Guests.Enrolled, Guests.Second, third]);
        guest.Links[2].Attachment = Guests.AtHome;
        var paths = guest.Links.Select(guest.AwayPath).ToList();
        Assert.Equal([[Guests.Home], [Guests.Second.Addresses[0].Address], null], paths.Select(path => path?.HomeAddresses));
        Assert.Null(paths[2]);
        Assert.All(paths[..2], path => Assert.Equal([Guests.Home, Guests.Second.Addresses[0].Address], path!.Sources));
    }

    [Fact]
    public void A_severed_interface_wants_nothing_but_that_nothing_passes_its_tap()
    {
        var table = new GuestTable();
        var third = Guests.Second with { Mac = LinkLayerAddress.Parse("52:54:00:00:00:03"), Addresses = [new(Ipv6Address.Parse("2001:db8:1::44"), 0, BindingPossible: false)] };
        var guest = Guests.Make(Guests.Away, interfaces: [Guests.Enrolled, Guests.Second, third]);
        guest.Links[1].Attachment = new Attachment.Severed(GuestLink.TapName(Guests.Second.Mac), "no way");
        guest.Links[2].Attachment = new Attachment.Severed(null, "it is plugged out");
        table.Put(guest);

        Assert.Equal([Guests.Mac], table.AwayLinks.Select(link => link.Mac));
        Assert.Empty(table.HomeLinkPaths);
        Assert.Equal([GuestLink.TapName(Guests.Second.Mac)], table.SeveredTaps);
        Assert.Equal([Guests.Home], guest.ServedRegistrations.Select(registration => registration.Address));
        Assert.Equal([Guests.Home], Assert.Single(table.AwayLinks).Sources);
        Assert.Same(guest, table.OtherWith(Guid.NewGuid(), Guests.Second.Mac));
        Assert.Null(table.OtherWith(Guid.NewGuid(), third.Mac));
        Assert.Equal(3, guest.Profile.Interfaces.Count);
    }

    [Fact]
    public void An_address_belongs_to_the_interface_at_which_it_was_seen_first_until_it_is_not_used_there_any_more()
    {
        var table = new GuestTable();
        var registrar = new Registrar(table, _ => { }, (_, _) => Task.FromResult<MobilityPacket?>(null), _ => { }, _ => [], TestLog.Log, _ => { }, (_, _, _, _) => { });
        var learning = new AddressLearning(Guests.Configuration, table, null!, registrar, TestLog.Log);
        var guest = Guests.Make(Guests.AtHome, interfaces: [Guests.Enrolled, Guests.Second with { Addresses = [] }]);
        table.Put(guest);
        var (one, two) = (guest.Links[0], guest.Links[1]);

        learning.Follow(guest, two, new HomeAddressEffect.Learnt(Guests.Home));
        Assert.Empty(two.HomeAddresses);
        Assert.Equal($"{Guests.Home} is served at {one.Enrolled.Mac}, not at {two.Enrolled.Mac} too", two.Refused[Guests.Home]);

        learning.Follow(guest, one, new HomeAddressEffect.Gone(Guests.Home));
        Assert.Empty(one.HomeAddresses);
        Assert.Equal([Guests.Home], two.HomeAddresses);
        Assert.Empty(two.Refused);
    }

    [Fact]
    public void A_guest_that_has_gone_is_no_guest_any_more_but_is_served_until_nothing_comes_for_it()
    {
        var table = new GuestTable();
        var guest = Leaving(Guests.Away);
        table.Put(guest);
        table.Depart(guest);
        Assert.False(table.TryFind(Guests.Uuid, out _));
        Assert.Empty(table.All);
        Assert.Same(guest, Assert.Single(table.Departures));
        var link = Assert.Single(table.AwayLinks);
        Assert.Equal((There, true), (link.Departure, link.IsTurned));

        table.RemoveDeparted(guest);
        Assert.Empty(table.Departures);
        Assert.Empty(table.AwayLinks);
    }

    [Fact]
    public void A_guest_that_has_left_home_is_served_there()
    {
        var table = new GuestTable();
        var guest = Leaving(Guests.AtHome);
        table.Put(guest);
        var before = Assert.Single(table.HomeLinkPaths);
        Assert.Equal((There, true, "br0", "vnet0", false), (before.Departure, before.IsTurned, before.Bridge, before.Tap, before.IsQuiet));
        table.Depart(guest);
        Assert.Equal(before with { HomeAddresses = [] }, Assert.Single(table.HomeLinkPaths) with { HomeAddresses = [] });
        Assert.Empty(table.AwayLinks);
    }

    [Fact]
    public void At_home_a_guest_that_comes_is_quiet_until_it_runs()
    {
        var guest = Guests.Make(Guests.AtHome, Presence.Incoming);
        Assert.False(guest.HomePath(guest.Links[0])!.IsMoving);
        guest.Arrival = new(new(To, OneTimeToken.Create()), There);
        var path = guest.HomePath(guest.Links[0])!;
        Assert.Equal((true, There, null), (path.IsQuiet, path.Arrival, path.Departure));
        Assert.Null(guest.AwayPath(guest.Links[0]));

        guest.Presence = Presence.Running;
        Assert.False(guest.HomePath(guest.Links[0])!.IsQuiet);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_that_is_coming_back_is_served_once_with_what_is_still_done_for_it_and_as_before_if_it_does_not_come(bool isAway)
    {
        Attachment place = isAway ? Guests.Away : Guests.AtHome;
        var table = new GuestTable();
        var before = Leaving(place);
        table.Put(before);
        table.Depart(before);

        var back = Guests.Make(place, Presence.Incoming);
        table.Put(back);
        Assert.Same(before, Assert.Single(table.Departures));
        Assert.Equal((There, true, true), Assert.Single(Ways()));

        table.Remove(Guests.Uuid);
        Assert.Equal((There, true, false), Assert.Single(Ways()));

        table.Put(back);
        table.RemoveDeparted(before);
        Assert.Equal((null, false, false), Assert.Single(Ways()));
        Assert.Empty(table.Departures);

        IEnumerable<(HandOverTunnel?, bool, bool)> Ways() =>
        [
            .. table.AwayLinks.Select(link => (link.Departure, link.IsTurned, link.IsReturning)),
            .. table.HomeLinkPaths.Select(path => (path.Departure, path.IsTurned, path.IsReturning)),
        ];
    }

    [Fact]
    public void One_that_is_started_here_anew_has_no_past()
    {
        var table = new GuestTable();
        var before = Leaving(Guests.Away);
        table.Put(before);
        table.Depart(before);
        table.Put(Guests.Make(Guests.Away));
        Assert.Empty(table.Departures);
        Assert.False(Assert.Single(table.AwayLinks).IsReturning);
    }

    [Theory]
    [InlineData(false, false, true)]
    [InlineData(false, true, true)]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    public void A_return_that_its_home_agent_did_not_notice_leads_out_as_before_and_never_through_where_it_was(bool isReturn, bool hasEarlier, bool isThroughAHost)
    {
        var earlier = new Arrival(new(new(There.Remote, 6275, "hv-c"), OneTimeToken.Create()), There with { Remote = Ipv6Address.Parse("2001:db8:f5::2") });
        var arrival = new Arrival(earlier.From, There) { IsReturn = isReturn, Earlier = hasEarlier ? earlier : null };
        Assert.Equal(!isThroughAHost ? null : isReturn ? earlier.Tunnel : There, arrival.Through);
    }

    [Theory]
    [InlineData("52:54:00:00:00:09", "2001:db8:1::42", true, "2001:db8:1::42")]
    [InlineData("52:54:00:00:00:09", "2001:db8:1::42", false, "2001:db8:1::42")]
    [InlineData("52:54:00:00:00:01", "2001:db8:1::99", true, "52:54:00:00:00:01")]
    [InlineData("52:54:00:00:00:01", "2001:db8:1::99", false, null)]
    [InlineData("52:54:00:00:00:09", "2001:db8:1::99", true, null)]
    public void A_clones_addresses_are_refused_but_not_a_guests_own(string mac, string home, bool isAway, string? used)
    {
        var table = new GuestTable();
        table.Put(Guests.Make(isAway ? Guests.Away : Guests.AtHome));
        var lifecycle = new GuestLifecycle(Guests.Configuration, table, null!, null!, null!, null!, null!, null!, null!, new(), null!, TestLog.Log);
        MobilityProfile profile = new(
            [Guests.Enrolled with { Mac = LinkLayerAddress.Parse(mac), Addresses = [new(Ipv6Address.Parse(home), 0, BindingPossible: false)] }]);

        lifecycle.RefuseDuplicates(Guests.Uuid, profile);
        var refused = Record.Exception(() => lifecycle.RefuseDuplicates(Guid.NewGuid(), profile));
        Assert.Equal(used is null ? null : $"{used} is already used on this host, by vm", (refused as RefusedException)?.Message);
    }

    [Theory]
    [InlineData(HomeAddressOrigin.Given, HomeAddressOrigin.Learnt, true)]
    [InlineData(HomeAddressOrigin.Learnt, HomeAddressOrigin.Given, false)]
    [InlineData(HomeAddressOrigin.Learnt, HomeAddressOrigin.Learnt, false)]
    public void Of_two_guests_with_one_address_who_was_given_it_has_it_else_the_first(HomeAddressOrigin second, HomeAddressOrigin first, bool isTheSeconds)
    {
        var table = new GuestTable();
        var registrar = new Registrar(table, _ => { }, (_, _) => Task.FromResult<MobilityPacket?>(null), _ => { }, _ => [], TestLog.Log, _ => { }, (_, _, _, _) => { });
        var learning = new AddressLearning(Guests.Configuration, table, null!, registrar, TestLog.Log);
        var lifecycle = new GuestLifecycle(
            Guests.Configuration, table, null!, null!, registrar, null!, null!, null!, new(Guests.Configuration.Peer, _ => null, null!, TestLog.Log), new(), learning, TestLog.Log);
        Guest Take(Guid uuid, string name, HomeAddressOrigin origin) => lifecycle.Take(
            uuid,
            name,
            new([Guests.Enrolled with { Addresses = [new(Guests.Home, 64, BindingPossible: false, origin)] }]),
            _ => Guests.AtHome,
            Presence.Running,
            new Dictionary<Ipv6Address, MobileNodeSnapshot>());

        var holder = Take(Guests.Uuid, "first", first);
        var claimant = Take(Guid.NewGuid(), "second", second);

        var (winner, loser) = isTheSeconds ? (claimant, holder) : (holder, claimant);
        Assert.Equal([Guests.Home], winner.Links[0].HomeAddresses);
        Assert.Empty(winner.Links[0].Refused);
        Assert.Empty(loser.Links[0].HomeAddresses);
        Assert.Equal($"{Guests.Home} is not served: {winner.Name} has it on this host", loser.Links[0].Refused[Guests.Home]);

        table.Remove(winner.Uuid);
        learning.Retry();
        Assert.Equal([Guests.Home], loser.Links[0].HomeAddresses);
        Assert.Empty(loser.Links[0].Refused);
    }

    private static MobileNodeSnapshot Newest(ushort file, EnrolledAddress address) =>
        GuestLifecycle.Newest(address, new Dictionary<Ipv6Address, MobileNodeSnapshot> { [Guests.Home] = Own with { ReservedThrough = file } });

    /// <summary>A guest whose packets go to another host already.</summary>
    private static Guest Leaving(Attachment place)
    {
        var guest = Guests.Make(place);
        guest.Departure = new(There, TimeSpan.MaxValue) { IsTurned = true };
        return guest;
    }
}
