using Kagemusha.Control;

namespace Kagemusha.Agent.Tests;

public sealed class HomeAgentWayTests
{
    private const string Way = "from 2001:db8:f4::2 by eth0, MTU 1500";

    /// <summary>The MTU of the way, or none; whether it serves; what it has answered; what is said of it.</summary>
    public static TheoryData<int?, bool, string?, FindingResult, string> Ways => new()
    {
        { 1500, false, "an echo", FindingResult.Ok, $"2001:db8:1::2 answers an echo: {Way}" },
        { 1500, true, "a home agent discovery", FindingResult.Ok, $"2001:db8:1::2 answers a home agent discovery: {Way}" },
        { 1500, true, null, FindingResult.Ok, $"2001:db8:1::2 has acknowledged a binding, and answers no echo: {Way}" },
        { 1500, false, null, FindingResult.Warning, $"2001:db8:1::2 answers neither an echo nor a home agent discovery: {Way}" },
        { 1320, false, "an echo", FindingResult.Ok, "2001:db8:1::2 answers an echo: from 2001:db8:f4::2 by eth0, MTU 1320" },
        { 1319, true, "an echo", FindingResult.Error, "2001:db8:1::2: from 2001:db8:f4::2 by eth0, MTU 1319" },
        { null, false, null, FindingResult.Error, "this host has no route to the home agent 2001:db8:1::2" },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_home_agent_has_a_way_that_is_wide_enough_and_answers(int? mtu, bool isRegistered, string? answer, FindingResult result, string what)
    {
        var found = new HomeAgentWay(
            Guests.HomeAgent, mtu is { } size ? Guests.CareOf with { Mtu = size } : null, "this host has no route to the home agent 2001:db8:1::2", isRegistered, answer).Judge();

        Assert.Equal((result, what, result != FindingResult.Ok), (found.Result, found.What, found.Remedy is not null));
    }
}
