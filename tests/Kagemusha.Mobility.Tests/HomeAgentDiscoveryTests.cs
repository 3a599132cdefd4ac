using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>Dynamic home agent address discovery (RFC 6275, section 11.4.1).</summary>
public class HomeAgentDiscoveryTests
{
    private const ushort Identifier = 0x4000;

    private static readonly Ipv6Address CareOfAddress = Ipv6Address.Parse("2001:db8:b::2");
    private static readonly Ipv6Address First = Ipv6Address.Parse("2001:db8:1::1");
    private static readonly Ipv6Address Second = Ipv6Address.Parse("2001:db8:1::2");
    private static readonly MobilityIcmpPacket Reply = new(Second, CareOfAddress, null, null, new HomeAgentAddressDiscoveryReply(Identifier, [First, Second]));

    private readonly HomeAgentDiscovery _discovery = new([Ipv6Prefix.Parse("2001:db8:1::/64"), Ipv6Prefix.Parse("2001:db8:2::/64")], () => 0.25);
    private TimeSpan _now = TimeSpan.FromHours(1);

    [Fact]
    public void The_anycast_address_of_each_home_prefix_is_asked_with_a_wait_that_doubles()
    {
        var began = _now;
        var sent = new List<(double, Ipv6Address)>();
        for (var effects = Begin(); ; effects = Wake())
        {
            if (effects is not [HomeAgentDiscoveryEffect.Send { Packet: var packet }])
            {
                Assert.Equal([new HomeAgentDiscoveryEffect.Failed()], effects);
                break;
            }

            Assert.Equal((CareOfAddress, null, null), (packet.Source, packet.HomeAddressOption, packet.Type2RoutingHeader));
            Assert.Equal(new HomeAgentAddressDiscoveryRequest(Identifier), packet.Message);
            sent.Add(((_now - began).TotalSeconds, packet.Destination));
        }

        var one = Ipv6Address.Parse("2001:db8:1:0:fdff:ffff:ffff:fffe");
        var two = Ipv6Address.Parse("2001:db8:2:0:fdff:ffff:ffff:fffe");
        Assert.Equal(
            [(0, one), (3, one), (9, one), (21, one), (45, one), (93, two), (96, two), (102, two), (114, two), (138, two)], sent);
        Assert.Null(_discovery.NextWakeUp);
        Assert.Single(Begin()); // And all over again when it is wanted again.
    }

    [Fact]
    public void A_reply_gives_the_home_agents_in_their_order_and_ends_it()
    {
        Begin();
        Assert.Equal([new HomeAgentDiscoveryEffect.Found([First, Second])], Receive(Reply));
        Assert.Null(_discovery.NextWakeUp);
        Assert.Empty(Receive(Reply));
    }

    [Fact]
    public void What_is_no_answer_changes_nothing()
    {
        Begin();
        var next = _discovery.NextWakeUp;
        foreach (var (what, packet) in new[]
        {
            ("another identifier", Reply with { Message = new HomeAgentAddressDiscoveryReply(Identifier + 1, [First]) }),
            ("another destination", Reply with { Destination = First }),
            ("a source off the home link", Reply with { Source = CareOfAddress }),
            ("a link-local source", Reply with { Source = Ipv6Address.Parse("fe80::1") }),
            ("a home address", Reply with { Type2RoutingHeader = First }),
            ("from a mobile node", Reply with { HomeAddressOption = First }),
            ("the request itself", Reply with { Message = new HomeAgentAddressDiscoveryRequest(Identifier) }),
            ("a prefix advertisement", Reply with { Message = new MobilePrefixAdvertisement(Identifier, 0, []) }),
        })
        {
            Assert.True(Receive(packet).Count == 0, what);
            Assert.True(next == _discovery.NextWakeUp, what);
        }

        Assert.Single(Receive(Reply));
    }

    [Fact]
    public void Before_anything_is_asked_nothing_is_an_answer() => Assert.Empty(Receive(Reply));

    [Fact]
    public void Who_names_none_is_one_itself_and_of_many_not_all_are_kept()
    {
        Begin();
        Assert.Equal(
            [new HomeAgentDiscoveryEffect.Found([Second])],
            Receive(Reply with { Message = new HomeAgentAddressDiscoveryReply(Identifier, [Ipv6Address.Unspecified, Ipv6Address.Parse("fe80::1")]) }));

        Begin();
        var many = Enumerable.Range(1, 90).Select(i => new Ipv6Address(First.Bits + (UInt128)(uint)i)).ToArray();
        var found = Assert.IsType<HomeAgentDiscoveryEffect.Found>(
            Assert.Single(Receive(Reply with { Message = new HomeAgentAddressDiscoveryReply(Identifier, [First, First, .. many]) })));
        Assert.Equal([First, .. many.Take(HomeAgentDiscovery.MostHomeAgents - 1)], found.HomeAgents);
    }

    [Fact]
    public void While_it_asks_it_is_not_begun_again()
    {
        Begin();
        var next = _discovery.NextWakeUp;
        _now += TimeSpan.FromSeconds(1);
        Assert.Empty(Begin());
        Assert.Equal(next, _discovery.NextWakeUp);
    }

    private IReadOnlyList<HomeAgentDiscoveryEffect> Begin() => _discovery.Handle(_now, new HomeAgentDiscoveryInput.Wanted(CareOfAddress));

    private IReadOnlyList<HomeAgentDiscoveryEffect> Receive(MobilityIcmpPacket packet) =>
        _discovery.Handle(_now, new HomeAgentDiscoveryInput.Received(packet));

    private IReadOnlyList<HomeAgentDiscoveryEffect> Wake()
    {
        _now = _discovery.NextWakeUp!.Value;
        return _discovery.Handle(_now, new HomeAgentDiscoveryInput.WakeUp());
    }
}
