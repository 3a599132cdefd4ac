using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>RFC 6275, sections 9.2, 9.3.1 and 9.3.3: what cannot be understood, and who is not bound.</summary>
public sealed class BindingErrorTests : HomeAgentRig
{
    private static HomeAgentEffect.Send Error(BindingErrorStatus status, Ipv6Address to, Ipv6Address homeAddress, Ipv6Address? from = null) =>
        new(new MobilityPacket(from ?? AgentAddress, to, null, null, new BindingError(status, homeAddress, [])));

    private IReadOnlyList<HomeAgentEffect> Use(Ipv6Address source, Ipv6Address homeAddress, Ipv6Address? destination = null) =>
        Handle(new HomeAgentInput.HomeAddressUsed(new(source, destination ?? AgentAddress, homeAddress, NextHeader.Icmpv6)));

    [Fact]
    public void A_home_address_without_a_binding_is_a_binding_error() =>
        Assert.Equal([Error(BindingErrorStatus.UnknownBinding, CareOf, Home)], Use(CareOf, Home));

    [Fact]
    public void So_is_one_that_is_bound_elsewhere_but_not_one_that_is_bound_there()
    {
        Register();
        Assert.Equal([Error(BindingErrorStatus.UnknownBinding, OtherCareOf, Home)], Use(OtherCareOf, Home));
        Assert.Empty(Use(CareOf, Home));
    }

    [Fact]
    public void The_error_comes_from_where_the_packet_was_sent_to()
    {
        var other = Configuration.OtherAddresses[0];
        Assert.Equal([Error(BindingErrorStatus.UnknownBinding, CareOf, Home, other)], Use(CareOf, Home, other));
        Assert.Empty(Use(CareOf, Home, OtherCareOf));
    }

    [Theory]
    [InlineData("::")]
    [InlineData("ff02::1")]
    [InlineData("fe80::a")]
    public void Nobody_is_told_who_cannot_be(string source)
    {
        Assert.Empty(Use(Ipv6Address.Parse(source), Home));
        Assert.Empty(Receive(new(Ipv6Address.Parse(source), AgentAddress, Home, null, new UnknownMobilityMessage(99, [0, 0]))));
    }

    [Theory]
    [InlineData(1)] // HoTI and CoTI: this home agent is nobody's correspondent node.
    [InlineData(2)]
    [InlineData(99)]
    public void An_unknown_message_is_a_binding_error_with_the_home_address_if_there_is_one(byte type)
    {
        var message = new UnknownMobilityMessage(type, [0, 0]);
        Assert.Equal(
            [Error(BindingErrorStatus.UnrecognizedMobilityHeaderType, CareOf, Home)], Receive(new(CareOf, AgentAddress, Home, null, message)));
        Assert.Equal(
            [Error(BindingErrorStatus.UnrecognizedMobilityHeaderType, CareOf, Ipv6Address.Unspecified)],
            Receive(new(CareOf, AgentAddress, null, null, message)));
    }

    [Fact]
    public void A_binding_error_is_never_answered() => Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(
        new(CareOf, AgentAddress, Home, null, new BindingError(BindingErrorStatus.UnknownBinding, Home, [])))));

    [Fact]
    public void A_header_that_cannot_be_read_is_a_parameter_problem_where_the_RFC_says_so()
    {
        var packet = new MobilityPacket(CareOf, AgentAddress, null, null, new BindingRefreshRequest([])).ToArray();
        HomeAgentInput.Unreadable Unreadable(bool needsParameterProblem) =>
            new(CareOf, AgentAddress, [.. packet], new WireError("mobility header is shorter than its type", 41) { NeedsParameterProblem = needsParameterProblem });

        Assert.Equal(
            [new HomeAgentEffect.Send(new ParameterProblemPacket(AgentAddress, CareOf, 41, [.. packet]))], Handle(Unreadable(true)));
        Assert.Empty(Handle(Unreadable(false)));
        Assert.Empty(Handle(Unreadable(true) with { Source = Ipv6Address.Parse("ff02::1") }));
        Assert.Empty(Handle(Unreadable(true) with { Destination = OtherCareOf }));
    }

    [Fact]
    public void All_answers_together_are_a_hundred_in_a_second()
    {
        var unknown = new MobilityPacket(CareOf, AgentAddress, null, null, new UnknownMobilityMessage(99, [0, 0]));
        Assert.Equal(100, Enumerable.Range(0, 300).Sum(_ => Use(CareOf, Home).Count + Receive(unknown).Count));
        Pass(1);
        Assert.Single(Use(CareOf, Home));
    }

    // RFC 6275, section 10.4.5: in a tunnel there are a mobile node's own packets; what they hold is believed no more than elsewhere.
    [Fact]
    public void An_update_out_of_a_tunnel_is_not_one_from_home()
    {
        Register();
        Assert.IsType<HomeAgentEffect.Discarded>(Assert.Single(Receive(UpdateFromHome(2), homeLinkSender: null)));
        AssertBound(CareOf, 1);
    }
}
