using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>What nodes on the way say of an update (RFC 6275, section 11.3.5), and what a node says of a message that it does not know (section 9.2).</summary>
public class MobileNodeErrorTests
{
    private static readonly Ipv6Address OnTheWay = Ipv6Address.Parse("2001:db8:f::1");

    public static TheoryData<string, Func<MobilityErrorPacket, MobilityErrorPacket>> Strangers => new()
    {
        { "a number never sent", error => About(error, packet => packet with { Message = (BindingUpdate)packet.Message with { Sequence = 7 } }) },
        { "another home agent", error => About(error, packet => packet with { Destination = OnTheWay }) },
        { "another home address", error => About(error, packet => packet with { HomeAddressOption = OnTheWay }) },
        { "another care-of address", error => About(error, packet => packet with { Source = OtherCareOfAddress }) },
        { "to another address", error => error with { Destination = OtherCareOfAddress } },
        { "another message", error => About(error, packet => packet with { Message = new BindingRefreshRequest([]) }) },
    };

    [Theory]
    [InlineData(IcmpErrorType.DestinationUnreachable, 0, "has no route to it")]
    [InlineData(IcmpErrorType.DestinationUnreachable, 1, "is not allowed to forward to it")]
    [InlineData(IcmpErrorType.DestinationUnreachable, 3, "finds nobody at its address")]
    [InlineData(IcmpErrorType.DestinationUnreachable, 6, "cannot deliver to it (ICMPv6 code 6)")]
    [InlineData(IcmpErrorType.TimeExceeded, 0, "says that the way to it is too long, or goes round")]
    [InlineData(IcmpErrorType.ParameterProblem, 1, "knows no mobility header: it is no home agent")]
    [InlineData(IcmpErrorType.ParameterProblem, 2, "knows no Home Address option: it is no home agent")]
    [InlineData(IcmpErrorType.ParameterProblem, 0, "finds fault with the update (ICMPv6 type 4, code 0)")]
    public void It_is_said_with_the_silence_once(IcmpErrorType type, byte code, string says)
    {
        var rig = new MobileNodeRig();
        var error = ErrorAbout(rig.GoAway()) with { Type = type, Code = code };
        rig.Do(new MobileNodeInput.Undelivered(error));
        rig.Wake();
        rig.Wake();

        var change = ChangeIn(rig.Wake());

        Assert.Equal(
            (BindingChange.Unanswered, $"the home agent does not answer, and {OnTheWay} {says}; the update is repeated"), (change.Change, change.Explanation));
        for (var i = 0; i < 5; i++)
        {
            var again = rig.Wake();
            Assert.DoesNotContain(again, effect => effect is MobileNodeEffect.BindingChanged);
            Assert.Empty(rig.Do(new MobileNodeInput.Undelivered(ErrorAbout(again) with { Type = type, Code = code })));
        }
    }

    // Anybody can send one; and a home agent's kernel may, beside the home agent's own answer.
    [Fact]
    public void It_changes_nothing_else()
    {
        var rig = new MobileNodeRig();
        var effects = rig.GoAway();
        var before = rig.Observe();

        Assert.Empty(rig.Do(new MobileNodeInput.Undelivered(ErrorAbout(effects) with { Type = IcmpErrorType.ParameterProblem, Code = 2 })));

        Assert.Equal(before, rig.Observe());
        rig.Receive(AwayAcknowledgement(UpdateIn(effects).Sequence));
        Assert.Equal((MobileNodePhase.Registered, null), (rig.State.Phase, rig.State.Problem));
    }

    [Theory]
    [MemberData(nameof(Strangers), DisableDiscoveryEnumeration = true)]
    public void One_that_is_not_about_an_outstanding_update_is_not_believed(string what, Func<MobilityErrorPacket, MobilityErrorPacket> change)
    {
        var rig = new MobileNodeRig();
        rig.Do(new MobileNodeInput.Undelivered(change(ErrorAbout(rig.GoAway()))));
        rig.Wake();
        rig.Wake();

        Assert.True(ChangeIn(rig.Wake()).Explanation == "the home agent does not answer; the update is repeated", what);
    }

    [Fact]
    public void What_was_said_of_the_last_care_of_address_is_forgotten()
    {
        var rig = new MobileNodeRig();
        rig.Do(new MobileNodeInput.Undelivered(ErrorAbout(rig.GoAway())));
        rig.Do(new MobileNodeInput.Away(OtherCareOfAddress));
        rig.Wake();
        rig.Wake();

        Assert.DoesNotContain("and ", ChangeIn(rig.Wake()).Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_of_the_home_agent_that_is_not_known_is_answered_by_a_binding_error_once_a_second()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var unknown = Unknown(HomeAgentAddress);

        MobileNodeEffect answer = new MobileNodeEffect.AnswerFromCareOfAddress(new MobilityPacket(CareOfAddress, HomeAgentAddress, null, null, new BindingError(
            BindingErrorStatus.UnrecognizedMobilityHeaderType, Ipv6Address.Unspecified, [])));
        Assert.Equal([answer], rig.Receive(unknown));
        rig.Pass(Seconds(0.999));
        Assert.Empty(rig.Receive(unknown));
        rig.Pass(Seconds(0.001));
        Assert.Equal([answer], rig.Receive(unknown));
    }

    [Fact]
    public void Nobody_else_is_answered_and_nobody_for_a_guest_that_is_not_away()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        Assert.Empty(rig.Receive(Unknown(OnTheWay)));
        Assert.Empty(rig.Receive(Unknown(HomeAgentAddress) with { Type2RoutingHeader = null }));
        rig.Do(new MobileNodeInput.Passive());
        Assert.Empty(rig.Receive(Unknown(HomeAgentAddress)));
    }

    // RFC 6275, section 9.2.
    [Fact]
    public void A_message_of_the_home_agent_that_cannot_be_read_is_a_parameter_problem_where_the_RFC_says_so_once_a_second()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var unreadable = Unreadable(HomeAgentAddress);

        MobileNodeEffect answer = new MobileNodeEffect.AnswerFromCareOfAddress(
            new ParameterProblemPacket(CareOfAddress, HomeAgentAddress, 65, unreadable.Packet));
        Assert.Equal([answer], rig.Do(unreadable));
        rig.Pass(Seconds(0.999));
        Assert.Empty(rig.Do(unreadable));
        rig.Pass(Seconds(0.001));
        Assert.Empty(rig.Do(unreadable with { Error = unreadable.Error with { NeedsParameterProblem = false } }));
        Assert.Equal([answer], rig.Do(unreadable));
    }

    [Fact]
    public void Nobody_else_is_told_so_and_nobody_for_a_guest_that_is_not_away()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        Assert.Empty(rig.Do(Unreadable(OnTheWay)));
        Assert.Empty(rig.Do(Unreadable(HomeAgentAddress) with { Destination = OtherCareOfAddress }));
        rig.Do(new MobileNodeInput.Passive());
        Assert.Empty(rig.Do(Unreadable(HomeAgentAddress)));
    }

    private static MobileNodeInput.Unreadable Unreadable(Ipv6Address source) => new(
        source, CareOfAddress, [.. Unknown(source).ToArray()], new("mobility header is shorter than its type", 65) { NeedsParameterProblem = true });

    private static MobilityPacket Unknown(Ipv6Address source) => new(source, CareOfAddress, null, HomeAddress, new UnknownMobilityMessage(99, [0, 0]));

    private static MobilityErrorPacket ErrorAbout(IEnumerable<MobileNodeEffect> effects) => new(
        OnTheWay, CareOfAddress, IcmpErrorType.DestinationUnreachable, 0, Assert.Single(effects.OfType<MobileNodeEffect.SendFromCareOfAddress>()).Packet);

    private static MobilityErrorPacket About(MobilityErrorPacket error, Func<MobilityPacket, MobilityPacket> change) =>
        error with { Invoking = change(error.Invoking) };
}
