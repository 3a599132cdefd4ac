using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

public sealed class AccessListTests : HomeAgentRig
{
    public AccessListTests() => Restart(Configuration with
    {
        AccessList = [Rule("2001:db8:1::a from 2001:db8:f1::/48"), Rule("2001:db8:1::a from 2001:db8:f3::7"), Rule("2001:db8:1::8:0/112")],
    });

    private static AccessRule Rule(string text) => AccessRule.TryParse(text, out var rule) ? rule : throw new FormatException(text);

    [Theory]
    [InlineData("2001:db8:1::a", "2001:db8:f1::a", null)]
    [InlineData("2001:db8:1::a", "2001:db8:f3::7", null)]
    [InlineData(
        "2001:db8:1::a", "2001:db8:f2::a", "the access list has the home address from 2001:db8:f1::/48 and 2001:db8:f3::7/128 only, not from 2001:db8:f2::a")]
    [InlineData("2001:db8:1::b", "2001:db8:f1::a", "the access list does not have the home address")]
    [InlineData("2001:db8:1::8:1", "2001:db8:f9::a", null)]
    public void Who_is_not_on_it_is_refused(string home, string careOf, string? reason)
    {
        var (homeAddress, careOfAddress) = (Ipv6Address.Parse(home), Ipv6Address.Parse(careOf));
        var effects = Receive(Update(1, homeAddress: homeAddress, careOfAddress: careOfAddress));
        Assert.Equal(reason, effects.OfType<HomeAgentEffect.Refused>().SingleOrDefault()?.Reason);
        Assert.Equal(
            reason is not null,
            effects.Contains(Acknowledgement(BindingStatus.AdministrativelyProhibited, 1, homeAddress: homeAddress, careOfAddress: careOfAddress)));
        Assert.Equal(reason is null, HomeAgent.NextWakeUp is not null);
    }

    [Fact]
    public void What_counts_is_where_the_packets_would_go() => Assert.Contains(
        Acknowledgement(BindingStatus.AdministrativelyProhibited, 1), Receive(Update(1, options: new AlternateCareOfAddress(OtherCareOf))));

    [Fact]
    public void A_binding_is_not_moved_to_where_it_may_not_be()
    {
        Register();
        Assert.Contains(Acknowledgement(BindingStatus.AdministrativelyProhibited, 2, careOfAddress: OtherCareOf), Receive(Update(2, careOfAddress: OtherCareOf)));
        AssertBound(CareOf, 1);
    }

    [Fact]
    public void A_binding_is_ended_from_where_it_may_be_or_from_home()
    {
        Register();
        Assert.Contains(
            Acknowledgement(BindingStatus.AdministrativelyProhibited, 2, careOfAddress: OtherCareOf), Receive(Update(2, 0, careOfAddress: OtherCareOf)));
        AssertBound(CareOf, 1);
        Receive(Update(3, 0));
        Assert.Empty(HomeAgent.Bindings);
        Register(4);
        Receive(UpdateFromHome(5), GuestLink);
        Assert.Empty(HomeAgent.Bindings);
    }

    [Fact]
    public void Bindings_of_an_earlier_run_that_may_no_longer_be_are_forgotten()
    {
        Restart(
            Configuration with { AccessList = [Rule("2001:db8:1::a from 2001:db8:f1::/48")] },
            new(Home, OtherCareOf, 1, TimeSpan.FromSeconds(100)),
            new(OtherHome, CareOf, 1, TimeSpan.FromSeconds(100)));
        Assert.Empty(HomeAgent.Bindings);
    }

    [Fact]
    public void Nobody_is_on_an_empty_one()
    {
        Restart(Configuration with { AccessList = [] });
        Assert.Contains(Acknowledgement(BindingStatus.AdministrativelyProhibited, 1), Receive(Update(1)));
    }

    [Theory]
    [InlineData("2001:db8:1::a", "2001:db8:1::a/128", "::/0")]
    [InlineData("2001:db8:1::/64", "2001:db8:1::/64", "::/0")]
    [InlineData("2001:db8:1::/64 from 2001:db8:f1::/48", "2001:db8:1::/64", "2001:db8:f1::/48")]
    [InlineData("2001:db8:1::a from 2001:db8:f1::a", "2001:db8:1::a/128", "2001:db8:f1::a/128")]
    public void A_rule_is_a_home_address_or_prefix_and_perhaps_where_it_may_be(string text, string home, string careOf)
    {
        Assert.True(AccessRule.TryParse(text, out var rule));
        Assert.Equal((home, careOf), (rule.HomeAddresses.ToString(), rule.CareOfAddresses.ToString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("from 2001:db8:f1::/48")]
    [InlineData("2001:db8:1::a from ")]
    [InlineData("2001:db8:1::a from")]
    [InlineData("2001:db8:1::a/129")]
    [InlineData("192.0.2.1")]
    [InlineData("2001:db8:1::a from 2001:db8:f1::/48 from 2001:db8:f2::/48")]
    public void Anything_else_is_none(string? text) => Assert.False(AccessRule.TryParse(text, out _));

    // The home agent's address is set wrong on the hosts, or here.
    [Fact]
    public void An_update_to_another_address_of_this_node_is_refused_with_the_right_one()
    {
        var other = Configuration.OtherAddresses[0];
        var effects = Receive(Update(1) with { Destination = other });
        Assert.Equal(
            "it was sent to 2001:db8:1::2, which is not the home agent's address: that is 2001:db8:1::1",
            Assert.Single(effects.OfType<HomeAgentEffect.Refused>()).Reason);
        Assert.Contains(
            new HomeAgentEffect.Send(new MobilityPacket(
                other, CareOf, null, Home, new BindingAcknowledgement(BindingStatus.HomeRegistrationNotSupported, 0, 1, 0, []))),
            effects);
    }
}
