using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>RFC 6275, section 10.5: dynamic home agent address discovery.</summary>
public sealed class HomeAgentsListTests : HomeAgentRig
{
    private static readonly Ipv6Address Anycast = Ipv6Address.Parse("2001:db8:1:0:fdff:ffff:ffff:fffe");

    private static PrefixInformation RouterAddress(string address) =>
        Prefix(1000, 1000, address, PrefixFlags.OnLink | PrefixFlags.RouterAddress);

    private void Hear(
        string source, ushort routerLifetime, RouterAdvertisementFlags flags, params NeighbourDiscoveryOption[] options) =>
        Handle(new HomeAgentInput.Advertised(
            Ipv6Address.Parse(source), new(64, flags, routerLifetime, 0, 0, WireArray.Create<NeighbourDiscoveryOption>(options))));

    private void HearHomeAgent(string source, string address, ushort? preference = null, ushort lifetime = 1800) =>
        Hear(source, lifetime, RouterAdvertisementFlags.HomeAgent, [
            RouterAddress(address), .. preference is { } p ? [new HomeAgentInformation(p, lifetime)] : Array.Empty<NeighbourDiscoveryOption>()]);

    private MobilityIcmpPacket? Ask(Ipv6Address? source = null, Ipv6Address? destination = null, ushort identifier = 7) => Handle(
        new HomeAgentInput.Asked(new(source ?? CareOf, destination ?? Anycast, null, null, new HomeAgentAddressDiscoveryRequest(identifier))))
        .OfType<HomeAgentEffect.Send>().SingleOrDefault()?.Packet as MobilityIcmpPacket;

    private string Listed() => string.Join(' ', Assert.IsType<HomeAgentAddressDiscoveryReply>(Ask()!.Message).HomeAgents);

    [Fact]
    public void A_request_to_the_anycast_address_is_answered_from_the_home_agents_own() => Assert.Equal(
        new MobilityIcmpPacket(AgentAddress, CareOf, null, null, new HomeAgentAddressDiscoveryReply(7, [AgentAddress])), Ask());

    [Theory]
    [InlineData("2001:db8:1::1")]
    [InlineData("2001:db8:2:0:fdff:ffff:ffff:fffe")]
    [InlineData("2001:db8:1:0:fdff:ffff:ffff:ffff")]
    public void A_request_to_any_other_address_is_not(string destination) => Assert.Null(Ask(destination: Ipv6Address.Parse(destination)));

    [Theory]
    [InlineData("::")]
    [InlineData("ff02::1")]
    [InlineData("fe80::1")]
    public void Nor_is_one_from_nobody(string source) => Assert.Null(Ask(Ipv6Address.Parse(source)));

    [Fact]
    public void A_reply_to_this_node_is_ignored() => Assert.Empty(Handle(new HomeAgentInput.Asked(
        new(CareOf, Anycast, null, null, new HomeAgentAddressDiscoveryReply(7, [OtherCareOf])))));

    [Fact]
    public void Home_agents_are_listed_by_preference()
    {
        HearHomeAgent("fe80::11", "2001:db8:1::11", 10);
        HearHomeAgent("fe80::12", "2001:db8:1::12", 0xffff);
        HearHomeAgent("fe80::13", "2001:db8:1::13", 20);
        Assert.Equal("2001:db8:1::12 2001:db8:1::13 2001:db8:1::11 2001:db8:1::1", Listed());
    }

    [Fact]
    public void This_home_agent_has_the_preference_that_is_advertised_with_its_address()
    {
        HearHomeAgent("fe80::11", "2001:db8:1::11", 10);
        HearHomeAgent("fe80::1", "2001:db8:1::1", 11);
        Assert.Equal("2001:db8:1::1 2001:db8:1::11", Listed());
    }

    [Fact]
    public void Equally_preferred_ones_are_in_random_order()
    {
        HearHomeAgent("fe80::11", "2001:db8:1::11");
        var seen = new HashSet<string>();
        for (var i = 0; i < 4; i++)
        {
            // Places of both home agents, then of the one address of each.
            var numbers = new Queue<double>([i % 2 * 0.5, i / 2 * 0.5, 0, 0]);
            Chances = () => numbers.Dequeue();
            seen.Add(Listed());
        }

        Assert.Equal(["2001:db8:1::1 2001:db8:1::11", "2001:db8:1::11 2001:db8:1::1"], seen.Order());
    }

    [Fact]
    public void So_are_the_addresses_of_one()
    {
        Hear(
            "fe80::11", 1800, RouterAdvertisementFlags.HomeAgent, RouterAddress("2001:db8:1::11"), RouterAddress("2001:db8:1::12"),
            new HomeAgentInformation(5, 1800));
        var seen = new HashSet<string>();
        for (var i = 0; i < 2; i++)
        {
            var numbers = new Queue<double>([0, 0, i * 0.5, 0.25, 0]);
            Chances = () => numbers.Dequeue();
            seen.Add(Listed());
        }

        Assert.Equal(["2001:db8:1::11 2001:db8:1::12 2001:db8:1::1", "2001:db8:1::12 2001:db8:1::11 2001:db8:1::1"], seen.Order());
    }

    [Fact]
    public void Without_the_information_option_the_routers_lifetime_counts_and_the_preference_is_zero()
    {
        HearHomeAgent("fe80::11", "2001:db8:1::11", lifetime: 30);
        Assert.Contains("2001:db8:1::11", Listed(), StringComparison.Ordinal);
        Pass(29.9);
        Assert.Contains("2001:db8:1::11", Listed(), StringComparison.Ordinal);
        Pass(0.1);
        Assert.Equal("2001:db8:1::1", Listed());
    }

    [Fact]
    public void The_lifetime_of_the_information_option_goes_before_the_routers()
    {
        Hear("fe80::11", 0, RouterAdvertisementFlags.HomeAgent, RouterAddress("2001:db8:1::11"), new HomeAgentInformation(1, 100));
        Pass(99);
        Assert.Equal("2001:db8:1::11 2001:db8:1::1", Listed());
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1800)]
    public void One_that_is_none_any_more_is_taken_off(bool isHomeAgent, ushort lifetime)
    {
        HearHomeAgent("fe80::11", "2001:db8:1::11", 10);
        Hear("fe80::11", lifetime, isHomeAgent ? RouterAdvertisementFlags.HomeAgent : 0, RouterAddress("2001:db8:1::11"));
        Assert.Equal("2001:db8:1::1", Listed());
    }

    [Fact]
    public void Only_addresses_that_are_the_routers_are_listed_and_those_of_before_stay()
    {
        Hear("fe80::11", 1800, RouterAdvertisementFlags.HomeAgent, RouterAddress("2001:db8:1::11"), Prefix(1000, 1000, "2001:db8:2::"));
        Hear("fe80::11", 1800, RouterAdvertisementFlags.HomeAgent, RouterAddress("2001:db8:2::11"), new HomeAgentInformation(5, 1800));
        Assert.Equal("2001:db8:2::11 2001:db8:1::11 2001:db8:1::1", Listed());
    }

    [Fact]
    public void The_list_and_the_reply_are_bounded()
    {
        for (var i = 0; i < 100; i++)
        {
            Hear(
                $"fe80::{i + 1:x}",
                1800,
                RouterAdvertisementFlags.HomeAgent,
                [new HomeAgentInformation(9, 1800), .. Enumerable.Range(1, 20).Select(j => RouterAddress($"2001:db8:1::{i:x}:{j:x}"))]);
        }

        var reply = Ask();
        Assert.Equal(77, Assert.IsType<HomeAgentAddressDiscoveryReply>(reply!.Message).HomeAgents.Count);
        Assert.InRange(reply.Length, 1265, 1280);
    }

    [Fact]
    public void A_flood_of_requests_is_answered_a_hundred_times_a_second()
    {
        Assert.Equal(100, Enumerable.Range(0, 1000).Count(_ => Ask() is not null));
        Pass(0.5);
        Assert.Equal(50, Enumerable.Range(0, 1000).Count(_ => Ask() is not null));
    }

    [Fact]
    public void A_prefix_without_room_for_anycast_addresses_has_none()
    {
        Restart(Configuration with { HomePrefixes = [new(Home, 128)] });
        Assert.Null(Ask(destination: new Ipv6Prefix(Home, 128).HomeAgentsAnycast));
        Register();
    }

    [Fact]
    public void A_home_address_is_never_an_anycast_address() => Assert.All(
        [Anycast, HomePrefix.Address],
        address => Assert.Contains(
            Acknowledgement(BindingStatus.DuplicateAddressDetectionFailed, 1, homeAddress: address), Receive(Update(1, homeAddress: address))));
}
