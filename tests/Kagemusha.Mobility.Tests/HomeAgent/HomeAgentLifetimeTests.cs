using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>RFC 6275, section 10.3.1: how long a binding lasts in a prefix that does not last for ever.</summary>
public sealed class HomeAgentLifetimeTests : HomeAgentRig
{
    private const BindingStatus Deprecated = BindingStatus.AcceptedPrefixDiscoveryNecessary;

    [Theory]
    [InlineData(10_000, 10_000, 100, BindingStatus.Accepted)]
    [InlineData(10_000, 401, 100, BindingStatus.Accepted)] // deprecated as the binding ends, not before
    [InlineData(10_000, 400, 100, Deprecated)] // less than 100 units are left when it is accepted
    [InlineData(10_000, 0, 100, Deprecated)]
    [InlineData(405, 405, 100, BindingStatus.Accepted)]
    [InlineData(404, 404, 100, Deprecated)] // invalid as the binding ends
    [InlineData(401, 401, 100, Deprecated)]
    [InlineData(400, 400, 99, Deprecated)]
    [InlineData(40, 20, 9, Deprecated)]
    [InlineData(uint.MaxValue, uint.MaxValue, 100, BindingStatus.Accepted)]
    public void A_binding_ends_before_its_prefix(uint valid, uint preferred, ushort granted, BindingStatus status)
    {
        Restart(Learning);
        Advertise(Prefix(valid, preferred));
        Receive(Update(1));
        Assert.Contains(Acknowledgement(status, 1, granted), Pass(1));
        Assert.Equal(Now + 4 * TimeSpan.FromSeconds(granted), Assert.Single(HomeAgent.Bindings).Expires);
    }

    [Fact]
    public void A_refresh_is_capped_by_what_is_left_then()
    {
        Restart(Learning);
        Advertise(Prefix(500, 500));
        Register();
        Pass(300);
        Assert.Contains(Acknowledgement(Deprecated, 2, 49), Receive(Update(2)));
    }

    [Fact]
    public void A_flood_of_advertisements_is_said_once_a_second()
    {
        Restart(Learning);
        var said = 0;
        for (var i = 0; i < 1000; i++)
        {
            said += Advertise(Prefix((uint)(i % 2), 0)).Concat(Pass(0.001)).Count(e => e is HomeAgentEffect.HomePrefixesChanged);
        }

        Assert.InRange(said, 0, 1);
    }

    [Fact]
    public void A_binding_ends_with_its_prefix_when_that_ends_earlier_than_it_had_said()
    {
        Restart(Learning);
        Advertise(Prefix(10_000, 10_000));
        Register();
        Advertise(Prefix(10, 10));
        Pass(9.999);
        AssertBound(CareOf, 1);
        Assert.Equal(Now + TimeSpan.FromMilliseconds(1), HomeAgent.NextWakeUp);
        Assert.Contains(Pass(0.001), e => e is HomeAgentEffect.BindingChanged { Change: BindingCacheChange.Expired });
        Assert.Empty(HomeAgent.Bindings);
        Assert.Contains(Acknowledgement(BindingStatus.HomeRegistrationNotSupported, 2), Receive(Update(2)));
    }

    [Fact]
    public void A_prefix_that_is_withdrawn_takes_its_bindings_with_it()
    {
        Restart(Learning);
        Advertise(Prefix(10_000, 10_000), Prefix(10_000, 10_000, "2001:db8:2::"));
        Register();
        Register(homeAddress: Ipv6Address.Parse("2001:db8:2::b"));
        Pass(1);
        Assert.Equal(Home, Assert.Single(Advertise(Prefix(0, 0)).OfType<HomeAgentEffect.BindingChanged>()).Binding.HomeAddress);
        Assert.Equal("2001:db8:2::/64", Assert.Single(Assert.Single(Pass(1).OfType<HomeAgentEffect.HomePrefixesChanged>()).Prefixes).Prefix.ToString());
        Assert.Single(HomeAgent.Bindings);
        Assert.Contains(Acknowledgement(BindingStatus.NotHomeSubnet, 2), Receive(Update(2)));
    }

    [Fact]
    public void A_binding_is_not_ended_with_a_prefix_when_another_one_holds_its_address()
    {
        Restart(Learning);
        Advertise(new PrefixInformation(48, PrefixFlags.OnLink, 10_000, 10_000, Ipv6Address.Parse("2001:db8:1::")), Prefix(10_000, 10_000));
        Register();
        Advertise(Prefix(0, 0));
        AssertBound(CareOf, 1);
    }

    [Fact]
    public void A_prefix_that_is_about_to_end_takes_no_registration()
    {
        Restart(Learning);
        Advertise(Prefix(4, 4));
        Pass(0.5);
        Assert.Contains(Acknowledgement(BindingStatus.NotHomeSubnet, 1), Receive(Update(1)));
    }

    [Fact]
    public void Until_the_routers_have_said_what_there_is_an_unknown_home_address_is_not_refused()
    {
        Restart(Learning with { HomePrefixes = [] });
        var solicitation = Multicast(new(Ipv6Address.Unspecified, Ipv6Address.AllRouters, new RouterSolicitation([])));
        Assert.Contains(solicitation, Handle(new HomeAgentInput.Started()));
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(Update(1))));
        Assert.Equal([solicitation], Pass(4));
        Assert.Equal([solicitation], Pass(4));
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(Update(1))));
        Assert.Empty(Pass(4));
        Assert.Contains(Acknowledgement(BindingStatus.HomeRegistrationNotSupported, 2), Receive(Update(2)));
        Advertise(Prefix(1000, 1000));
        Register(3);
    }

    [Fact]
    public void A_router_that_has_spoken_is_asked_no_more()
    {
        Restart(Learning);
        Handle(new HomeAgentInput.Started());
        Advertise();
        Assert.Null(HomeAgent.NextWakeUp);
        Assert.Empty(Pass(100));
    }

    [Fact]
    public void Bindings_of_an_earlier_run_are_kept_before_a_router_has_said_their_prefix_again()
    {
        var home = Ipv6Address.Parse("2001:db8:2::a");
        Restart(Learning, new BindingSnapshot(home, CareOf, 7, TimeSpan.FromSeconds(100)));
        Assert.Equal(home, Assert.Single(HomeAgent.Bindings).HomeAddress);
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 8, 0, home), Receive(Update(8, 0, home)));
        Assert.Empty(HomeAgent.Bindings);
    }

    [Fact]
    public void It_says_which_prefixes_there_are_at_the_start_and_when_that_changes()
    {
        // Changes are said together, once a second at most.
        string Told(IEnumerable<HomeAgentEffect> effects) => string.Join("; ", effects.Concat(Pass(1)).OfType<HomeAgentEffect.HomePrefixesChanged>()
            .Select(e => string.Join(", ", e.Prefixes.Select(p => $"{p.Prefix} {p.Origin}"))));

        Assert.Equal("2001:db8:1::/64 Configuration", Told(Handle(new HomeAgentInput.Started())));
        Restart(Learning);
        Assert.Equal("2001:db8:1::/64 OwnAddress", Told(Handle(new HomeAgentInput.Started())));
        Assert.Equal("2001:db8:1::/64 RouterAdvertisement", Told(Advertise(Prefix(1000, 500))));
        Assert.Equal("", Told(Advertise(Prefix(2000, 500))));
        Assert.Equal(
            "2001:db8:1::/64 RouterAdvertisement, 2001:db8:2::/64 RouterAdvertisement", Told(Advertise(Prefix(100, 50, "2001:db8:2::"))));
        Assert.Equal("2001:db8:1::/64 RouterAdvertisement", Told(Pass(100)));
        Assert.Empty(Pass(1900).Concat(Pass(1)).OfType<HomeAgentEffect.HomePrefixesChanged>().Single().Prefixes);
    }

    // RFC 6275, section 10.3.1, the L bit.
    [Fact]
    public void With_L_the_link_local_address_is_tested_and_defended_too()
    {
        var linkLocal = Ipv6Address.Parse("fe80::a");
        var update = Update(1, flags: HomeRegistration | BindingUpdateFlags.LinkLocalAddressCompatibility);
        Assert.Equal([Multicast(Solicitation(Home)), Multicast(Solicitation(linkLocal))], Receive(update));
        var effects = Pass(1);
        Assert.Contains(Multicast(Advertisement), effects);
        Assert.Contains(
            Multicast(Advertisement with { Message = ((NeighbourAdvertisement)Advertisement.Message) with { Target = linkLocal } }), effects);
        Assert.Equal(linkLocal, Assert.Single(HomeAgent.Bindings).LinkLocalAddress);
        Assert.Equal(linkLocal, Assert.Single(HomeAgent.TakeSnapshot(Now)).LinkLocalAddress);
        Restart(Configuration, [.. HomeAgent.TakeSnapshot(Now)]);
        Assert.Equal(linkLocal, Assert.Single(HomeAgent.Bindings).LinkLocalAddress);
        Pass(0);
        var seen = new HomeAgentInput.SeenOnHomeLink(Solicitation(linkLocal), GuestLink);
        Assert.Single(Handle(seen));
        Receive(Update(2, lifetime: 0));
        Assert.Empty(Handle(seen));
    }

    [Fact]
    public void With_L_a_link_local_address_in_use_is_a_duplicate()
    {
        Receive(Update(1, flags: HomeRegistration | BindingUpdateFlags.LinkLocalAddressCompatibility));
        var linkLocal = Ipv6Address.Parse("fe80::a");
        Assert.Contains(
            Acknowledgement(BindingStatus.DuplicateAddressDetectionFailed, 1),
            Handle(new HomeAgentInput.SeenOnHomeLink(new(linkLocal, Ipv6Address.AllNodes, new NeighbourAdvertisement(linkLocal, 0, [])), GuestLink)));
        Assert.Empty(Pass(1));
    }

    [Fact]
    public void With_L_this_nodes_own_link_local_address_is_a_duplicate() => Assert.Contains(
        Acknowledgement(BindingStatus.DuplicateAddressDetectionFailed, 1, homeAddress: Ipv6Address.Parse("2001:db8:1::77")),
        Receive(Update(
            1, homeAddress: Ipv6Address.Parse("2001:db8:1::77"), flags: HomeRegistration | BindingUpdateFlags.LinkLocalAddressCompatibility)));

    [Fact]
    public void Without_L_nothing_is_derived()
    {
        Assert.Equal([Multicast(Solicitation(Home))], Receive(Update(1)));
        Pass(1);
        Assert.Null(Assert.Single(HomeAgent.Bindings).LinkLocalAddress);
        // What was not tested is not defended later either.
        Receive(Update(2, flags: HomeRegistration | BindingUpdateFlags.LinkLocalAddressCompatibility));
        Assert.Null(Assert.Single(HomeAgent.Bindings).LinkLocalAddress);
    }

    // RFC 6275, section 10.3.1: K is cleared where keys are not managed; R is a mobile router's (RFC 3963), which this is no home agent for.
    [Theory]
    [InlineData(0x1000)]
    [InlineData(0x0800)]
    [InlineData(0x07ff)]
    public void Flags_that_ask_for_what_there_is_not_are_not_returned(int flags)
    {
        Receive(Update(1, flags: HomeRegistration | (BindingUpdateFlags)flags));
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 1, 100), Pass(1));
    }

    // RFC 6275, section 10.3.2: for MAX_DELETE_BCE_TIMEOUT.
    [Fact]
    public void An_update_that_was_sent_before_a_de_registration_and_comes_after_it_begins_nothing()
    {
        Register(5);
        Receive(UpdateFromHome(7), GuestLink);
        Assert.Contains(Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, 7), Receive(Update(6)));
        Assert.Contains(Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, 7), Receive(Update(7)));
        Pass(9.999);
        Assert.Contains(Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, 7), Receive(Update(6)));
        Pass(0.001);
        Assert.Equal([Multicast(Solicitation(Home))], Receive(Update(6)));
    }

    [Fact]
    public void After_a_de_registration_a_newer_update_is_a_first_one()
    {
        Register(5);
        Receive(UpdateFromHome(7), GuestLink);
        Assert.Equal([Multicast(Solicitation(Home))], Receive(Update(8)));
        Pass(1);
        AssertBound(CareOf, 8);
        Assert.Contains(Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, 8), Receive(Update(8)));
    }

    [Fact]
    public void Of_ended_bindings_no_more_are_remembered_than_there_may_be_bindings()
    {
        for (var i = 1; i <= Configuration.MaximumBindings + 1; i++)
        {
            var home = new Ipv6Address(Home.Bits + (UInt128)i);
            Register(5, home);
            Receive(Update(7, 0, home));
        }

        Assert.Equal([Multicast(Solicitation(new(Home.Bits + 1)))], Receive(Update(6, homeAddress: new(Home.Bits + 1))));
        Assert.Contains(
            Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, 7, homeAddress: new(Home.Bits + 2)),
            Receive(Update(6, homeAddress: new(Home.Bits + 2))));
    }
}
