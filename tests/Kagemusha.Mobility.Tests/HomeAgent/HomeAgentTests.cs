using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

public sealed class HomeAgentTests : HomeAgentRig
{
    [Fact]
    public void A_first_registration_is_acknowledged_after_duplicate_address_detection_and_defended()
    {
        var solicitation = new NeighbourDiscoveryPacket(Ipv6Address.Unspecified, Home.SolicitedNode, new NeighbourSolicitation(Home, []));
        Assert.Equal([Multicast(solicitation)], Receive(Update(1)));
        Assert.Empty(HomeAgent.Bindings);
        Assert.Equal(TimeSpan.FromSeconds(1), HomeAgent.NextWakeUp);
        Assert.Empty(Pass(0.999));

        var binding = new BindingCacheEntry(Home, CareOf, 1, TimeSpan.FromSeconds(401));
        Assert.Equal(
            [
                new HomeAgentEffect.BindingChanged(binding, BindingCacheChange.Registered, TimeSpan.FromSeconds(400)),
                Multicast(Advertisement),
                Acknowledgement(BindingStatus.Accepted, 1, 100),
            ],
            Pass(0.001));
        Assert.Equal([binding], HomeAgent.Bindings);
    }

    [Fact]
    public void The_advertisement_is_repeated_twice()
    {
        Register();
        Assert.Equal([Multicast(Advertisement)], Pass(1));
        Assert.Equal([Multicast(Advertisement)], Pass(1));
        Assert.Equal(TimeSpan.FromSeconds(401), HomeAgent.NextWakeUp);
    }

    [Fact]
    public void Repeats_during_detection_are_silent_and_the_latest_is_acknowledged()
    {
        Receive(Update(7));
        Assert.Empty(Receive(Update(9, careOfAddress: OtherCareOf)));
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(Update(8))));
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 9, 100, careOfAddress: OtherCareOf), Pass(1));
        AssertBound(OtherCareOf, 9);
    }

    [Fact]
    public void An_address_that_answers_is_a_duplicate()
    {
        Receive(Update(1));
        var answer = new NeighbourDiscoveryPacket(Home, Ipv6Address.AllNodes, new NeighbourAdvertisement(Home, 0, []));
        Assert.Contains(
            Acknowledgement(BindingStatus.DuplicateAddressDetectionFailed, 1),
            HomeAgent.Handle(Now, new HomeAgentInput.SeenOnHomeLink(answer)));
        Assert.Empty(Pass(1));
        Assert.Empty(HomeAgent.Bindings);
        Assert.Null(HomeAgent.NextWakeUp);
    }

    [Theory]
    [InlineData("::", "2001:db8:1::a", true)]
    [InlineData("fe80::2", "2001:db8:1::a", false)]
    [InlineData("::", "2001:db8:1::b", false)]
    public void Only_somebody_elses_detection_of_the_same_address_makes_a_duplicate(string source, string target, bool isDuplicate)
    {
        Receive(Update(1));
        var address = Ipv6Address.Parse(target);
        var solicitation = new NeighbourDiscoveryPacket(
            Ipv6Address.Parse(source), address.SolicitedNode, new NeighbourSolicitation(address, []));
        Assert.Equal(isDuplicate, HomeAgent.Handle(Now, new HomeAgentInput.SeenOnHomeLink(solicitation)).Count > 0);
        Pass(1);
        Assert.Equal(isDuplicate ? 0 : 1, HomeAgent.Bindings.Count);
    }

    [Theory]
    [InlineData("2001:db8:f1::a", BindingCacheChange.Refreshed)]
    [InlineData("2001:db8:f2::a", BindingCacheChange.Moved)]
    public void An_update_of_a_binding_is_acknowledged_at_once(string careOf, BindingCacheChange change)
    {
        Register();
        var careOfAddress = Ipv6Address.Parse(careOf);
        Assert.Equal(
            [
                new HomeAgentEffect.BindingChanged(
                    new(Home, careOfAddress, 2, Now + TimeSpan.FromSeconds(200)), change, TimeSpan.FromSeconds(200)),
                Acknowledgement(BindingStatus.Accepted, 2, 50, careOfAddress: careOfAddress),
            ],
            Receive(Update(2, 50, careOfAddress: careOfAddress)));
        AssertBound(careOfAddress, 2);
    }

    [Fact]
    public void The_alternate_care_of_address_is_bound_and_the_source_is_answered()
    {
        Receive(Update(1, options: new AlternateCareOfAddress(OtherCareOf)));
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 1, 100), Pass(1));
        AssertBound(OtherCareOf, 1);
    }

    [Fact]
    public void An_update_that_asks_for_no_acknowledgement_gets_one()
    {
        Receive(Update(1, flags: BindingUpdateFlags.HomeRegistration));
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 1, 100), Pass(1));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(105, 105)]
    [InlineData(106, 105)]
    [InlineData(65535, 105)]
    public void Lifetimes_are_capped(int asked, int granted)
    {
        Receive(Update(1, (ushort)asked));
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 1, (ushort)granted), Pass(1));
        Pass(4 * granted - 0.001);
        AssertBound(CareOf, 1);
        Pass(0.001);
        Assert.Empty(HomeAgent.Bindings);
    }

    [Fact]
    public void A_binding_that_is_not_refreshed_expires()
    {
        Register();
        Pass(1);
        Pass(1);
        Assert.Equal(TimeSpan.FromSeconds(401), HomeAgent.NextWakeUp);
        Assert.Equal(
            [
                new HomeAgentEffect.BindingChanged(
                    new(Home, CareOf, 1, TimeSpan.FromSeconds(401)), BindingCacheChange.Expired, TimeSpan.Zero),
            ],
            Pass(398));
        Assert.Null(HomeAgent.NextWakeUp);
    }

    // RFC 6275, section 9.5.1: of the numbers modulo 2^16, 32767 are newer.
    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(1, 0, false)]
    [InlineData(1, 2, true)]
    [InlineData(1, 32768, true)]
    [InlineData(1, 32769, false)]
    [InlineData(65535, 0, true)]
    [InlineData(65535, 32766, true)]
    [InlineData(65535, 32767, false)]
    [InlineData(0, 65535, false)]
    public void Sequence_numbers_are_compared_in_a_window(int last, int next, bool isAccepted)
    {
        Register((ushort)last);
        Assert.Contains(
            isAccepted
                ? Acknowledgement(BindingStatus.Accepted, (ushort)next, 100, careOfAddress: OtherCareOf)
                : Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, (ushort)last, careOfAddress: OtherCareOf),
            Receive(Update((ushort)next, careOfAddress: OtherCareOf)));
        AssertBound(isAccepted ? OtherCareOf : CareOf, (ushort)(isAccepted ? next : last));
    }

    [Fact]
    public void A_de_registration_is_subject_to_the_sequence_number()
    {
        Register(5);
        Assert.Contains(Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, 5), Receive(Update(5, lifetime: 0)));
        AssertBound(CareOf, 5);
    }

    [Fact]
    public void A_de_registration_from_a_care_of_address_ends_the_binding()
    {
        Register();
        Assert.Equal(
            [
                new HomeAgentEffect.BindingChanged(
                    new(Home, CareOf, 1, TimeSpan.FromSeconds(401)), BindingCacheChange.Deregistered, TimeSpan.FromSeconds(400)),
                Acknowledgement(BindingStatus.Accepted, 2),
            ],
            Receive(Update(2, lifetime: 0)));
        Assert.Null(HomeAgent.NextWakeUp);
    }

    [Fact]
    public void A_care_of_address_that_is_the_home_address_ends_the_binding()
    {
        Register();
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 2), Receive(Update(2, options: new AlternateCareOfAddress(Home))));
        Assert.Empty(HomeAgent.Bindings);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public void A_de_registration_from_home_is_acknowledged_to_the_home_address_on_the_home_link(ushort lifetime)
    {
        Register();
        Assert.Contains(
            new HomeAgentEffect.SendOnHomeLink(
                new MobilityPacket(AgentAddress, Home, null, null, new BindingAcknowledgement(BindingStatus.Accepted, 0, 2, 0, [])), GuestLink),
            Receive(UpdateFromHome(2, lifetime), GuestLink));
        Assert.Empty(HomeAgent.Bindings);
    }

    [Fact]
    public void A_refusal_of_a_de_registration_from_home_goes_the_same_way()
    {
        Assert.Contains(
            new HomeAgentEffect.SendOnHomeLink(
                new MobilityPacket(AgentAddress, Home, null, null, new BindingAcknowledgement(BindingStatus.NotHomeAgentForThisMobileNode, 0, 2, 0, [])),
                GuestLink),
            Receive(UpdateFromHome(2), GuestLink));
    }

    [Fact]
    public void A_home_address_as_source_is_believed_on_the_home_link_only()
    {
        Register();
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(UpdateFromHome(2))));
        AssertBound(CareOf, 1);
    }

    [Fact]
    public void From_home_nothing_can_be_registered()
    {
        var packet = new MobilityPacket(Home, AgentAddress, null, null, new BindingUpdate(
            1, HomeRegistration, 100, [new AlternateCareOfAddress(CareOf)]));
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(packet, GuestLink)));
        Assert.Null(HomeAgent.NextWakeUp);
    }

    [Fact]
    public void A_de_registration_ends_a_detection_too()
    {
        Receive(Update(1));
        Assert.Contains(Acknowledgement(BindingStatus.NotHomeAgentForThisMobileNode, 2), Receive(Update(2, lifetime: 0)));
        Assert.Empty(Pass(1));
        Assert.Empty(HomeAgent.Bindings);
    }

    [Theory]
    [InlineData("2001:db8:2::a", "2001:db8:f1::a", BindingStatus.NotHomeSubnet)]
    [InlineData("2001:db8:1::1", "2001:db8:f1::a", BindingStatus.DuplicateAddressDetectionFailed)]
    [InlineData("2001:db8:1::2", "2001:db8:f1::a", BindingStatus.DuplicateAddressDetectionFailed)]
    [InlineData("2001:db8:1::a", "2001:db8:1::1", BindingStatus.AdministrativelyProhibited)]
    [InlineData("2001:db8:1::a", "2001:db8:1::2", BindingStatus.AdministrativelyProhibited)]
    public void What_is_not_served_is_refused_and_nothing_changes(string home, string careOf, BindingStatus status)
    {
        var homeAddress = Ipv6Address.Parse(home);
        Assert.Contains(
            Acknowledgement(status, 1, homeAddress: homeAddress),
            Receive(Update(1, homeAddress: homeAddress, options: new AlternateCareOfAddress(Ipv6Address.Parse(careOf)))));
        Assert.Null(HomeAgent.NextWakeUp);
    }

    [Fact]
    public void Without_a_home_prefix_no_home_registration_is_supported()
    {
        var agent = new HomeAgent(Configuration with { HomePrefixes = [] }, [], Now, () => 0);
        Assert.Contains(
            Acknowledgement(BindingStatus.HomeRegistrationNotSupported, 1),
            agent.Handle(Now, new HomeAgentInput.Received(Update(1), null)));
    }

    [Fact]
    public void A_refused_update_leaves_the_binding_as_it_is()
    {
        Register();
        Receive(Update(2, options: new AlternateCareOfAddress(AgentAddress)));
        AssertBound(CareOf, 1);
    }

    [Fact]
    public void Tunnels_do_not_end_in_tunnels()
    {
        Register();
        Assert.Contains(
            Acknowledgement(BindingStatus.AdministrativelyProhibited, 1, homeAddress: OtherHome, careOfAddress: Home),
            Receive(Update(1, homeAddress: OtherHome, careOfAddress: Home)));
        Receive(Update(2, careOfAddress: OtherHome));
        Assert.Contains(
            Acknowledgement(BindingStatus.AdministrativelyProhibited, 1, homeAddress: OtherHome),
            Receive(Update(1, homeAddress: OtherHome)));
    }

    [Fact]
    public void Two_that_would_meet_are_not_both_accepted_after_their_detection()
    {
        Receive(Update(1));
        Receive(Update(1, homeAddress: OtherHome, careOfAddress: Home));
        Assert.Contains(Pass(1), e => e is HomeAgentEffect.Refused { Status: BindingStatus.AdministrativelyProhibited });
        Assert.Single(HomeAgent.Bindings);
    }

    [Fact]
    public void Detections_and_bindings_are_bounded()
    {
        Ipv6Address HomeAddress(int i) => new(Home.Bits + (UInt128)i);
        var refused = Acknowledgement(BindingStatus.InsufficientResources, 1, homeAddress: HomeAddress(9));
        Receive(Update(1, homeAddress: HomeAddress(1)));
        Receive(Update(1, homeAddress: HomeAddress(2)));
        Assert.Contains(refused, Receive(Update(1, homeAddress: HomeAddress(9))));
        Pass(1);
        Register(homeAddress: HomeAddress(3));
        Assert.Contains(refused, Receive(Update(1, homeAddress: HomeAddress(9))));
        // Who is there already is served.
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 2, 100, HomeAddress(1)), Receive(Update(2, homeAddress: HomeAddress(1))));
    }

    [Theory]
    [InlineData(0, "2001:db8:1::a")] // no home registration, and no binding to change
    [InlineData(0xc000, "ff02::1")]
    [InlineData(0xc000, "fe80::1")]
    [InlineData(0xc000, "::")]
    public void An_invalid_update_is_discarded_in_silence(int flags, string home)
    {
        Assert.IsType<HomeAgentEffect.Discarded>(
            Assert.Single(Receive(Update(1, homeAddress: Ipv6Address.Parse(home), flags: (BindingUpdateFlags)flags))));
        Assert.Null(HomeAgent.NextWakeUp);
    }

    // RFC 6275, section 6.1.7; whether it begins a binding, changes one or ends it.
    [Theory]
    [InlineData("ff02::1", 100)]
    [InlineData("fe80::1", 100)]
    [InlineData("::", 100)]
    [InlineData("::ffff:192.0.2.1", 100)]
    [InlineData("fe80::1", 0)]
    public void An_update_whose_care_of_address_can_be_none_is_discarded_in_silence(string careOf, ushort lifetime)
    {
        var update = Update(2, lifetime, options: new AlternateCareOfAddress(Ipv6Address.Parse(careOf)));
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(update)));
        Assert.Null(HomeAgent.NextWakeUp);
        Register();
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(update)));
        AssertBound(CareOf, 1);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void Options_of_return_routability_make_a_home_registration_invalid(byte type)
    {
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(Update(1, options: new UnknownMobilityOption(type, [0, 0, 0, 0])))));
    }

    [Fact]
    public void Other_unknown_options_are_skipped()
    {
        Receive(Update(1, options: new UnknownMobilityOption(200, [1, 2])));
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, 1, 100), Pass(1));
    }

    [Fact]
    public void A_home_registration_stays_one()
    {
        Register();
        Assert.Contains(
            Acknowledgement(BindingStatus.RegistrationTypeChangeDisallowed, 2), Receive(Update(2, flags: BindingUpdateFlags.Acknowledge)));
        AssertBound(CareOf, 1);
    }

    [Fact]
    public void An_unknown_type_is_answered_by_a_binding_error()
    {
        Assert.Equal(
            [
                new HomeAgentEffect.Send(new MobilityPacket(
                    AgentAddress, CareOf, null, null, new BindingError(BindingErrorStatus.UnrecognizedMobilityHeaderType, Home, []))),
            ],
            Receive(new(CareOf, AgentAddress, Home, null, new UnknownMobilityMessage(99, [0, 0]))));
    }

    [Fact]
    public void A_binding_whose_data_path_cannot_be_made_is_refused()
    {
        Receive(Update(1));
        var acknowledgement = Assert.Single(Pass(1).OfType<HomeAgentEffect.Send>()).Packet as MobilityPacket;
        var effects = HomeAgent.Handle(Now, new HomeAgentInput.DataPathFailed(Home, acknowledgement!));
        Assert.Contains(Acknowledgement(BindingStatus.ReasonUnspecified, 1), effects);
        Assert.Contains(effects, e => e is HomeAgentEffect.BindingChanged { Change: BindingCacheChange.Abandoned });
        Assert.Null(HomeAgent.NextWakeUp);
    }

    [Fact]
    public void A_snapshot_keeps_bindings_sequence_numbers_and_remaining_lifetimes()
    {
        Register(5);
        Pass(100);
        var snapshot = HomeAgent.TakeSnapshot(Now);
        Assert.Equal([new BindingSnapshot(Home, CareOf, 5, TimeSpan.FromSeconds(300))], snapshot);

        // Another clock.
        var next = new HomeAgent(Configuration, snapshot, TimeSpan.FromSeconds(10), () => 0);
        Assert.Equal([new BindingCacheEntry(Home, CareOf, 5, TimeSpan.FromSeconds(310))], next.Bindings);
        Assert.Equal(
            [Multicast(Advertisement)], next.Handle(TimeSpan.FromSeconds(10), new HomeAgentInput.WakeUp()));
        Assert.Contains(
            Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, 5),
            next.Handle(TimeSpan.FromSeconds(11), new HomeAgentInput.Received(Update(5), null)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(32768)]
    [InlineData(65535)]
    public void Of_a_binding_whose_number_is_not_known_any_next_update_counts_and_is_answered_at_once(int sequence)
    {
        Restart(Configuration, new BindingSnapshot(Home, CareOf, null, TimeSpan.FromSeconds(400)));
        var effects = Receive(Update((ushort)sequence, careOfAddress: OtherCareOf));
        Assert.Contains(Acknowledgement(BindingStatus.Accepted, (ushort)sequence, 100, careOfAddress: OtherCareOf), effects);
        Assert.Equal((OtherCareOf, (ushort?)sequence), HomeAgent.Bindings.Select(b => (b.CareOfAddress, b.Sequence)).Single());
        Assert.Contains(
            Acknowledgement(BindingStatus.SequenceNumberOutOfWindow, (ushort)sequence, careOfAddress: OtherCareOf),
            Receive(Update((ushort)sequence, careOfAddress: OtherCareOf)));
    }

    [Fact]
    public void A_snapshot_of_what_has_ended_or_is_served_no_more_is_forgotten()
    {
        var agent = new HomeAgent(
            Configuration,
            [new(Home, CareOf, 1, TimeSpan.Zero), new(Ipv6Address.Parse("2001:db8:9::1"), CareOf, 1, TimeSpan.FromSeconds(100))],
            Now,
            () => 0);
        Assert.Empty(agent.Bindings);
        Assert.Null(agent.NextWakeUp);
    }
}
