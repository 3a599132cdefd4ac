using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>What comes from whom the home agent does not know.</summary>
public sealed class HomeAgentStrangerTests : HomeAgentRig
{
    private static readonly UnknownMobilityMessage Unknown = new(99, [0, 0]);

    // RFC 6275, section 6.3: only an update does.
    [Fact]
    public void A_home_address_option_binds_nothing()
    {
        foreach (var message in new MobilityMessage[]
        {
            Unknown,
            new BindingRefreshRequest([]),
            new BindingError(BindingErrorStatus.UnknownBinding, Home, []),
            new BindingAcknowledgement(BindingStatus.Accepted, 0, 1, 100, []),
        })
        {
            Receive(Update(1) with { Message = message });
            Assert.Empty(HomeAgent.Bindings);
            Assert.Null(HomeAgent.NextWakeUp);
        }
    }

    // RFC 6275, sections 9.3.3 and 9.5.4.
    [Theory]
    [InlineData("::")]
    [InlineData("ff02::1")]
    [InlineData("ff0e::1")]
    public void Who_cannot_be_answered_is_not(string source)
    {
        var update = Update(1, options: new AlternateCareOfAddress(CareOf)) with { Source = Ipv6Address.Parse(source) };
        foreach (var packet in new[] { update, update with { Message = Unknown } })
        {
            Assert.DoesNotContain(
                Receive(packet), effect => effect is HomeAgentEffect.Send or HomeAgentEffect.SendOnHomeLink);
        }

        Assert.Null(HomeAgent.NextWakeUp);
    }

    // RFC 6275, section 9.3.3.
    [Fact]
    public void Without_an_option_the_error_is_about_no_home_address() => Assert.Equal(
        [
            new HomeAgentEffect.Send(new MobilityPacket(AgentAddress, CareOf, null, null, new BindingError(
                BindingErrorStatus.UnrecognizedMobilityHeaderType, Ipv6Address.Unspecified, []))),
        ],
        Receive(Update(1) with { HomeAddressOption = null, Message = Unknown }));

    // RFC 6275, section 9.5.1.
    [Theory]
    [InlineData(0)]
    [InlineData(32768)]
    [InlineData(65535)]
    public void A_first_registration_may_have_any_number(ushort sequence)
    {
        Receive(Update(sequence));
        Pass(1);
        AssertBound(CareOf, sequence);
    }

    // Such as another home agent that begins again with a binding of before.
    [Fact]
    public void Another_that_speaks_for_a_bound_home_address_is_contradicted_once_a_second()
    {
        var other = LinkLayerAddress.Parse("52:54:00:00:00:02");
        var claim = new HomeAgentInput.SeenOnHomeLink(new(Router, Ipv6Address.AllNodes, new NeighbourAdvertisement(
            Home, NeighbourAdvertisementFlags.Override, [new TargetLinkLayerAddress(other)])));
        Assert.Empty(Handle(claim));
        Register();
        Pass(1);
        Pass(1);
        Assert.Empty(Pass(0.5));

        for (var i = 0; i < 3; i++)
        {
            Assert.Empty(Handle(claim));
            Assert.Empty(Handle(claim));
            Assert.Empty(Pass(0.5));
            Assert.Equal([Multicast(Advertisement)], Pass(0.5));
        }

        Assert.Empty(Pass(5));
        Assert.Empty(Handle(new HomeAgentInput.SeenOnHomeLink(Advertisement))); // Its own.
        Assert.Empty(Handle(new HomeAgentInput.SeenOnHomeLink(claim.Packet with { Source = Home }))); // The guest's own.
        Assert.Empty(Pass(5));
        AssertBound(CareOf, 1);
    }

    // Its de-registration was lost, and it is away again.
    [Fact]
    public void A_guest_that_says_to_be_at_home_is_contradicted_when_it_is_registered_away_again()
    {
        Register();
        Pass(1);
        Pass(1);
        var says = new HomeAgentInput.SeenOnHomeLink(new(Home, Ipv6Address.AllNodes, new NeighbourAdvertisement(
            Home, NeighbourAdvertisementFlags.Override, [new TargetLinkLayerAddress(GuestLink)])));
        Assert.Empty(Handle(says));
        Assert.Empty(Pass(5));

        Assert.Contains(Multicast(Advertisement), Receive(Update(2)));
        Assert.Equal([Multicast(Advertisement)], Pass(1));
        Assert.Equal([Multicast(Advertisement)], Pass(1));
        Assert.DoesNotContain(Multicast(Advertisement), Receive(Update(3)));
    }
}
