using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>RFC 6275, section 10.6: mobile prefix advertisements.</summary>
public sealed class PrefixDeliveryTests : HomeAgentRig
{
    private static readonly HomeAgentConfiguration Advertising = Learning with
    {
        MaximumLifetime = TimeSpan.FromDays(2),
        PrefixAdvertisements = new(TimeSpan.FromSeconds(600), TimeSpan.FromSeconds(86_400)),
    };

    public PrefixDeliveryTests()
    {
        Restart(Advertising);
        Advertise(Prefix(200_000, 150_000));
        Pass(1);
    }

    private static IEnumerable<MobilityIcmpPacket> Advertisements(IEnumerable<HomeAgentEffect> effects) =>
        effects.OfType<HomeAgentEffect.Send>().Select(send => send.Packet).OfType<MobilityIcmpPacket>();

    private IReadOnlyList<HomeAgentEffect> Solicit(Ipv6Address? source = null, Ipv6Address? homeAddress = null, bool hasOption = true) =>
        Handle(new HomeAgentInput.Asked(
            new(source ?? CareOf, AgentAddress, hasOption ? homeAddress ?? Home : null, null, new MobilePrefixSolicitation(42))));

    /// <summary>When advertisements are sent from now on, in seconds.</summary>
    private List<double> Times(double seconds)
    {
        var times = new List<double>();
        var (begin, end) = (Now, Now + TimeSpan.FromSeconds(seconds));
        while (HomeAgent.NextWakeUp is { } next && next <= end)
        {
            Now = next;
            times.AddRange(Advertisements(Handle(new HomeAgentInput.WakeUp())).Select(_ => (Now - begin).TotalSeconds));
        }

        Now = end;
        return times;
    }

    private void RegisterForLong(ushort sequence = 1)
    {
        Receive(Update(sequence, 40_000));
        Pass(1);
        AssertBound(CareOf, sequence);
    }

    [Fact]
    public void A_solicitation_is_answered_at_once_with_all_prefixes_and_a_type_2_routing_header()
    {
        Advertise(Prefix(100, 50, "2001:db8:2::", PrefixFlags.OnLink));
        RegisterForLong();
        Pass(9);
        Assert.Equal(
            [
                new HomeAgentEffect.Send(new MobilityIcmpPacket(AgentAddress, CareOf, null, Home, new MobilePrefixAdvertisement(
                    42, 0, [Prefix(199_989, 149_989), Prefix(90, 40, "2001:db8:2::", PrefixFlags.OnLink)]))),
            ],
            Solicit());
    }

    // RFC 6275, section 6.8: DHCPv6 does not go through the tunnel.
    [Fact]
    public void Managed_and_other_stay_clear()
    {
        Handle(new HomeAgentInput.Advertised(
            Router, new(64, RouterAdvertisementFlags.Managed | RouterAdvertisementFlags.Other, 1800, 0, 0, [Prefix(100, 50, "2001:db8:2::")])));
        RegisterForLong();
        Assert.Equal(
            MobilePrefixFlags.None, Assert.IsType<MobilePrefixAdvertisement>(Assert.Single(Advertisements(Solicit())).Message).Flags);
    }

    [Fact]
    public void A_mobile_node_is_not_sent_more_than_one_in_a_second()
    {
        RegisterForLong();
        Assert.Single(Solicit());
        Assert.Empty(Solicit());
        Pass(0.999);
        Assert.Empty(Solicit());
        Pass(0.001);
        Assert.Single(Solicit());
    }

    [Fact]
    public void A_solicitation_of_who_is_not_bound_there_is_a_binding_error()
    {
        HomeAgentEffect Error(Ipv6Address careOf) => new HomeAgentEffect.Send(
            new MobilityPacket(AgentAddress, careOf, null, null, new BindingError(BindingErrorStatus.UnknownBinding, Home, [])));

        Assert.Equal([Error(CareOf)], Solicit());
        RegisterForLong();
        Assert.Equal([Error(OtherCareOf)], Solicit(OtherCareOf));
        Assert.Empty(Solicit(hasOption: false));
    }

    // No advertisement has been sent in MaxMobPfxAdvInterval: RAND_ADV_DELAY after the registration, then until it is acknowledged.
    [Theory]
    [InlineData(0, 600)]
    [InlineData(0.5, 43_500)]
    [InlineData(0.999, 86_314.2)]
    public void A_mobile_node_is_told_by_itself_at_a_random_time_and_again_after_3_6_and_12_seconds(double random, double delay)
    {
        Chance = random;
        RegisterForLong();
        Assert.Equal([delay, delay + 3, delay + 9, delay + 21], Times(86_400), (one, other) => Math.Abs(one - other) < 0.001);
    }

    [Fact]
    public void An_advertisement_that_was_not_asked_for_goes_to_the_care_of_address_of_then()
    {
        RegisterForLong();
        Receive(Update(2, 40_000, careOfAddress: OtherCareOf));
        var packet = Assert.Single(Advertisements(Pass(600)));
        Assert.Equal((AgentAddress, OtherCareOf, Home), (packet.Source, packet.Destination, packet.Type2RoutingHeader));
        Assert.Equal(
            Assert.IsType<MobilePrefixAdvertisement>(packet.Message), new MobilePrefixAdvertisement(0, 0, [Prefix(199_398, 149_398)]));
    }

    [Fact]
    public void A_solicitation_acknowledges_and_then_there_is_rest_for_MaxMobPfxAdvInterval()
    {
        RegisterForLong();
        Assert.Equal([600, 603], Times(604));
        Assert.Single(Advertisements(Solicit()));
        Assert.Equal([86_400 + 600], Times(86_400 + 600));
    }

    [Fact]
    public void A_short_preferred_lifetime_brings_it_forward()
    {
        Advertise(Prefix(200_000, 1000));
        Pass(1);
        Chance = 0.999;
        RegisterForLong();
        Assert.InRange(Times(86_400)[0], 996, 998);
    }

    [Fact]
    public void News_of_the_home_addresss_prefix_are_told_once_and_an_advertisement_unchanged_is_none()
    {
        RegisterForLong();
        Times(604);
        Solicit();
        Advertise(Prefix(200_000, 150_000));
        Advertise(Prefix(200_000, 150_000));
        Times(10);
        Advertise(Prefix(300_000, 150_000));
        Assert.Equal([601, 604, 610, 622], Times(10_000));
    }

    [Fact]
    public void A_new_prefix_is_told_to_everybody_and_changes_of_others_to_nobody()
    {
        RegisterForLong();
        Times(604);
        Solicit();
        Advertise(Prefix(200_000, 150_000, "2001:db8:2::"));
        Assert.Equal(601, Times(604)[0]);
        Solicit();
        Advertise(Prefix(300_000, 150_000, "2001:db8:2::"));
        Assert.Empty(Times(10_000));
    }

    [Fact]
    public void What_is_scheduled_stays_so_unless_the_prefix_is_deprecated_before()
    {
        Chance = 0.5;
        RegisterForLong();
        Times(1000);
        Advertise(Prefix(300_000, 250_000));
        Times(1000);
        Assert.Equal(43_500 - 2000, Times(43_000)[0]);
        Solicit();
        Receive(Update(2, 40_000));
        Advertise(Prefix(300_000, 400_000 - 200_000));
        Times(1);
        Advertise(Prefix(100_000, 1600));
        Assert.InRange(Times(10_000)[0], 1099, 1102);
    }

    [Fact]
    public void An_ended_binding_gets_none()
    {
        RegisterForLong();
        Times(601);
        Receive(Update(2, 0));
        Assert.Empty(Times(100_000));
    }

    [Fact]
    public void After_a_restart_everybody_is_told_at_a_random_time()
    {
        RegisterForLong();
        Restart(Advertising, [.. HomeAgent.TakeSnapshot(Now)]);
        Assert.NotEmpty(Times(90_000));
    }

    [Fact]
    public void Switched_off_only_solicitations_are_answered()
    {
        Restart(Advertising with { PrefixAdvertisements = null });
        Advertise(Prefix(200_000, 150_000));
        RegisterForLong();
        Advertise(Prefix(300_000, 150_000));
        Assert.Single(Advertisements(Solicit()));
        Assert.Empty(Times(150_000));
    }

    [Fact]
    public void Intervals_of_no_width_are_exact()
    {
        Restart(Advertising with { PrefixAdvertisements = new(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60)) });
        Advertise(Prefix(200_000, 150_000));
        Chance = 0.9;
        RegisterForLong();
        Assert.Equal(60, Times(61)[0]);
    }
}
