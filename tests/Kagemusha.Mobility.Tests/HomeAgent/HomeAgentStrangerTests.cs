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
}
