using CsCheck;
using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

public class HomeRouterDoubleTests
{
    private const string Router = "fe80::1";
    private const string RouterGlobal = "2001:db8:1::1";
    private const string Neighbour = "2001:db8:1::99";
    private const string Guest = "2001:db8:1::10";
    private const string GuestLinkLocal = "fe80::5054:ff:fe00:10";

    private static readonly LinkLayerAddress RouterMac = LinkLayerAddress.Parse("02:00:00:00:00:01");
    private static readonly LinkLayerAddress GuestMac = LinkLayerAddress.Parse("52:54:00:00:00:10");
    private static readonly LinkLayerAddress AllNodesMac = LinkLayerAddress.Parse("33:33:00:00:00:01");

    private static readonly PrefixInformation Prefix = new(
        64, PrefixFlags.OnLink | PrefixFlags.Autonomous | PrefixFlags.RouterAddress, 86400, 14400, Ipv6Address.Parse(RouterGlobal));

    private static readonly UnknownNeighbourDiscoveryOption NameServer = new(25, [0, 0, 0, 0, 1, 44, .. Ipv6Address.Parse(Neighbour).ToArray()]);

    private static readonly RouterAdvertisement Advertisement = new(
        64,
        RouterAdvertisementFlags.HomeAgent,
        1800,
        30000,
        1000,
        [new SourceLinkLayerAddress(RouterMac), Prefix, NameServer, new HomeAgentInformation(10, 1800)]);

    private static readonly TimeSpan Now = TimeSpan.FromHours(3);

    public static TheoryData<string, string, NeighbourAdvertisementFlags?> Solicitations => new()
    {
        { "the router's link-local address", Router, NeighbourAdvertisementFlags.Router },
        { "the router's global address", RouterGlobal, NeighbourAdvertisementFlags.Router },
        { "a neighbour on the home link", Neighbour, NeighbourAdvertisementFlags.None },
        { "the last address of the prefix", "2001:db8:1:0:ffff:ffff:ffff:ffff", NeighbourAdvertisementFlags.None },
        { "the guest's own address", Guest, null },
        { "the guest's own link-local address", GuestLinkLocal, null },
        { "an address in no home prefix", "2001:db8:1:1::1", null },
    };

    [Theory]
    [MemberData(nameof(Solicitations))]
    public void A_solicitation_is_answered_as_the_home_link_would(string what, string target, NeighbourAdvertisementFlags? flags)
    {
        var address = Ipv6Address.Parse(target);
        var guest = Ipv6Address.Parse(Guest);

        var frames = Solicit(MakeDouble(), target, Guest, new SourceLinkLayerAddress(GuestMac));

        NeighbourDiscoveryFrame[] expected = flags is not { } expectedFlags ? [] :
        [
            new(GuestMac, RouterMac, new(address, guest, new NeighbourAdvertisement(
                address,
                expectedFlags | NeighbourAdvertisementFlags.Solicited | NeighbourAdvertisementFlags.Override,
                [new TargetLinkLayerAddress(RouterMac)]))),
        ];
        Assert.True(expected.SequenceEqual(frames), what);
        Assert.All(frames, IsValid);
    }

    [Theory]
    [MemberData(nameof(Solicitations))]
    public void Duplicate_address_detection_fails_for_the_routers_addresses_only(
        string what, string target, NeighbourAdvertisementFlags? flags)
    {
        var address = Ipv6Address.Parse(target);

        var frames = Solicit(MakeDouble(), target, "::");

        NeighbourDiscoveryFrame[] expected = flags is not NeighbourAdvertisementFlags.Router ? [] :
        [
            new(AllNodesMac, RouterMac, new(address, Ipv6Address.AllNodes, new NeighbourAdvertisement(
                address,
                NeighbourAdvertisementFlags.Router | NeighbourAdvertisementFlags.Override,
                [new TargetLinkLayerAddress(RouterMac)]))),
        ];
        Assert.True(expected.SequenceEqual(frames), what);
        Assert.All(frames, IsValid);
    }

    [Fact]
    public void An_answer_goes_where_the_solicitation_says_else_where_it_came_from()
    {
        var other = LinkLayerAddress.Parse("52:54:00:00:00:99");

        Assert.Equal(other, Assert.Single(Solicit(MakeDouble(), Router, Guest, new SourceLinkLayerAddress(other))).Destination);
        Assert.Equal(GuestMac, Assert.Single(Solicit(MakeDouble(), Router, Guest)).Destination);
    }

    [Fact]
    public void Without_the_R_flag_the_routers_global_address_is_a_neighbours()
    {
        var prefix = Prefix with { Flags = PrefixFlags.OnLink, Prefix = Ipv6Address.Parse("2001:db8:1::") };
        var frames = Solicit(MakeDouble(Advertisement with { Options = [prefix] }), RouterGlobal, Guest);

        var answer = Assert.IsType<NeighbourAdvertisement>(Assert.Single(frames).Packet.Message);
        Assert.Equal(NeighbourAdvertisementFlags.Solicited | NeighbourAdvertisementFlags.Override, answer.Flags);
    }

    [Fact]
    public void What_the_double_itself_sent_is_not_answered()
    {
        var frames = MakeDouble().Handle(Now, new HomeRouterDoubleInput.Received(Solicitation(Router, Guest), RouterMac));

        Assert.Empty(frames);
    }

    [Fact]
    public void Advertisements_of_the_guest_are_ignored()
    {
        var guest = Ipv6Address.Parse(Guest);
        var homeRouter = MakeDouble();
        homeRouter.Handle(Now, new HomeRouterDoubleInput.Resumed());
        var next = homeRouter.NextWakeUp;
        NeighbourDiscoveryMessage[] messages = [new NeighbourAdvertisement(guest, NeighbourAdvertisementFlags.Override, []), Advertisement];

        foreach (var message in messages)
        {
            var packet = new NeighbourDiscoveryPacket(Ipv6Address.Parse(GuestLinkLocal), Ipv6Address.AllNodes, message);
            Assert.Empty(homeRouter.Handle(Now, new HomeRouterDoubleInput.Received(packet, GuestMac)));
        }

        Assert.Equal(next, homeRouter.NextWakeUp);
    }

    [Fact]
    public void The_double_is_silent_until_the_guest_resumes_and_then_advertises_at_once_and_every_five_minutes()
    {
        var homeRouter = MakeDouble();
        Assert.Null(homeRouter.NextWakeUp);
        Assert.Empty(homeRouter.Handle(Now, new HomeRouterDoubleInput.WakeUp()));

        AssertAdvertises(homeRouter.Handle(Now, new HomeRouterDoubleInput.Resumed()));

        for (var i = 1; i <= 3; i++)
        {
            var due = Now + i * TimeSpan.FromMinutes(5);
            Assert.Equal(due, homeRouter.NextWakeUp);
            Assert.Empty(homeRouter.Handle(due - TimeSpan.FromTicks(1), new HomeRouterDoubleInput.WakeUp()));
            AssertAdvertises(homeRouter.Handle(due, new HomeRouterDoubleInput.WakeUp()));
        }
    }

    [Fact]
    public void A_router_solicitation_from_nobody_is_answered_at_once_but_not_within_three_seconds_of_the_last_advertisement()
    {
        var homeRouter = MakeDouble();
        AssertAdvertises(SolicitRouter(homeRouter, Now));

        Assert.Empty(SolicitRouter(homeRouter, Now + TimeSpan.FromSeconds(1)));
        Assert.Empty(SolicitRouter(homeRouter, Now + TimeSpan.FromSeconds(2)));

        Assert.Equal(Now + TimeSpan.FromSeconds(3), homeRouter.NextWakeUp);
        AssertAdvertises(homeRouter.Handle(Now + TimeSpan.FromSeconds(3), new HomeRouterDoubleInput.WakeUp()));
        AssertAdvertises(SolicitRouter(homeRouter, Now + TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_router_solicitation_brings_the_next_advertisement_forward_and_its_successor_with_it()
    {
        var homeRouter = MakeDouble();
        homeRouter.Handle(Now, new HomeRouterDoubleInput.Resumed());

        AssertAdvertises(SolicitRouter(homeRouter, Now + TimeSpan.FromMinutes(4)));

        Assert.Equal(Now + TimeSpan.FromMinutes(9), homeRouter.NextWakeUp);
    }

    [Fact]
    public void Who_says_who_it_is_gets_an_advertisement_of_its_own_at_once_whatever_was_sent_before()
    {
        var homeRouter = MakeDouble();
        var other = LinkLayerAddress.Parse("52:54:00:00:00:99");
        homeRouter.Handle(Now, new HomeRouterDoubleInput.Resumed());
        var next = homeRouter.NextWakeUp;
        (NeighbourDiscoveryPacket Asked, LinkLayerAddress Answered)[] solicitations =
        [
            (RouterSolicitation(GuestLinkLocal, new SourceLinkLayerAddress(other)), other),
            (RouterSolicitation(GuestLinkLocal), GuestMac),
            (RouterSolicitation(Guest), GuestMac),
            (RouterSolicitation(GuestLinkLocal) with { Destination = Ipv6Address.Parse(Router) }, GuestMac),
        ];

        foreach (var (asked, answered) in solicitations)
        {
            var frame = Assert.Single(homeRouter.Handle(Now, new HomeRouterDoubleInput.Received(asked, GuestMac)));
            Assert.IsType<RouterAdvertisement>(frame.Packet.Message);
            Assert.Equal((answered, RouterMac), (frame.Destination, frame.Source));
            Assert.Equal((Ipv6Address.Parse(Router), asked.Source), (frame.Packet.Source, frame.Packet.Destination));
            IsValid(frame);
        }

        Assert.Equal(next, homeRouter.NextWakeUp);
    }

    [Fact]
    public void The_advertisement_is_the_routers_own()
    {
        var frame = Assert.Single(MakeDouble().Handle(Now, new HomeRouterDoubleInput.Resumed()));

        Assert.Equal(
            new(AllNodesMac, RouterMac, new(Ipv6Address.Parse(Router), Ipv6Address.AllNodes, RepeatedAdvertisement.Create(Advertisement, 1460))),
            frame);
        IsValid(frame);
    }

    [Fact]
    public void Every_answer_is_one_that_a_host_accepts() =>
        Gen.Select(Gen.OneOf(Router, RouterGlobal, Neighbour, Guest, GuestLinkLocal), Gen.OneOf(Guest, GuestLinkLocal, "::"), Gen.ULong)
            .Sample((target, source, salt) =>
            {
                // Half of the targets are the well-known ones, half anywhere near them.
                var near = new Ipv6Address(Ipv6Address.Parse(target).Bits ^ (salt % 2 == 0 ? 0 : (UInt128)salt << (int)(salt >> 8 & 63)));
                foreach (var frame in near.IsMulticast ? [] : Solicit(MakeDouble(), near.ToString(), source))
                {
                    IsValid(frame);
                    var answer = Assert.IsType<NeighbourAdvertisement>(frame.Packet.Message);
                    Assert.NotEqual(Ipv6Address.Parse(Guest), answer.Target);
                    Assert.Equal(near, answer.Target);
                    Assert.True(source != "::" || near.ToString() is Router or RouterGlobal);
                    Assert.Equal(near.ToString() is Router or RouterGlobal, answer.Flags.HasFlag(NeighbourAdvertisementFlags.Router));
                    Assert.Equal(source != "::", answer.Flags.HasFlag(NeighbourAdvertisementFlags.Solicited));
                }
            });

    [Fact]
    public void What_the_home_agent_says_is_told_at_once_and_counts_down()
    {
        var homeRouter = MakeDouble();
        var other = new PrefixInformation(64, PrefixFlags.OnLink, uint.MaxValue, 60, Ipv6Address.Parse("2001:db8:2::"));
        WireArray<PrefixInformation> told = [Prefix with { Flags = PrefixFlags.OnLink, ValidLifetime = 100, PreferredLifetime = 0, Prefix = Ipv6Address.Parse("2001:db8:1::") }, other];

        AssertTold(homeRouter.Handle(Now, new HomeRouterDoubleInput.Advertised(told, MobilePrefixFlags.Managed)), 100, 60);
        AssertTold(homeRouter.Handle(Now + TimeSpan.FromSeconds(40), new HomeRouterDoubleInput.Received(RouterSolicitation(GuestLinkLocal), GuestMac)), 60, 20);
        AssertTold(homeRouter.Handle(Now + TimeSpan.FromSeconds(300), new HomeRouterDoubleInput.WakeUp()), 0, 0);

        // Its addresses are neighbours now.
        Assert.Single(Solicit(homeRouter, "2001:db8:2::5", Guest));

        void AssertTold(IReadOnlyList<NeighbourDiscoveryFrame> frames, uint valid, uint preferred)
        {
            var advertisement = Assert.IsType<RouterAdvertisement>(Assert.Single(frames).Packet.Message);
            Assert.Equal(
                [Prefix with { Flags = PrefixFlags.OnLink | PrefixFlags.RouterAddress, ValidLifetime = valid, PreferredLifetime = 0 }, other with { PreferredLifetime = preferred }],
                advertisement.Options.OfType<PrefixInformation>());
            Assert.Equal(RouterAdvertisementFlags.HomeAgent | RouterAdvertisementFlags.Managed, advertisement.Flags);
        }
    }

    [Fact]
    public void What_the_home_agent_says_waits_for_the_least_time_between_advertisements()
    {
        var homeRouter = MakeDouble();
        Assert.Single(homeRouter.Handle(Now, new HomeRouterDoubleInput.Resumed()));
        Assert.Empty(homeRouter.Handle(Now, new HomeRouterDoubleInput.Advertised([Prefix], MobilePrefixFlags.None)));
        Assert.Equal(Now + HomeRouterDouble.MinDelayBetweenAdvertisements, homeRouter.NextWakeUp);
    }

    private static HomeRouterDouble MakeDouble(RouterAdvertisement? advertisement = null, int mtu = 1460) =>
        new(new(Ipv6Address.Parse(Router), RouterMac, advertisement ?? Advertisement, [Ipv6Address.Parse(Guest)], mtu));

    private static NeighbourDiscoveryPacket Solicitation(string target, string source, params NeighbourDiscoveryOption[] options)
    {
        var address = Ipv6Address.Parse(target);
        return new(Ipv6Address.Parse(source), address.SolicitedNode, new NeighbourSolicitation(address, [.. options]));
    }

    private static IReadOnlyList<NeighbourDiscoveryFrame> Solicit(
        HomeRouterDouble homeRouter, string target, string source, params NeighbourDiscoveryOption[] options) =>
        homeRouter.Handle(Now, new HomeRouterDoubleInput.Received(Solicitation(target, source, options), GuestMac));

    private static NeighbourDiscoveryPacket RouterSolicitation(string source, params NeighbourDiscoveryOption[] options) =>
        new(Ipv6Address.Parse(source), Ipv6Address.AllRouters, new RouterSolicitation([.. options]));

    private static IReadOnlyList<NeighbourDiscoveryFrame> SolicitRouter(HomeRouterDouble homeRouter, TimeSpan now) =>
        homeRouter.Handle(now, new HomeRouterDoubleInput.Received(RouterSolicitation("::"), GuestMac));

    private static void AssertAdvertises(IReadOnlyList<NeighbourDiscoveryFrame> frames)
    {
        var packet = Assert.Single(frames).Packet;
        Assert.IsType<RouterAdvertisement>(packet.Message);
        Assert.Equal(Ipv6Address.AllNodes, packet.Destination);
    }

    /// <summary>The checks of RFC 4861, sections 6.1.2 and 7.1.2, by reading what goes on the wire.</summary>
    private static void IsValid(NeighbourDiscoveryFrame frame)
    {
        Assert.True(NeighbourDiscoveryPacket.TryParse(frame.Packet.ToArray(), out var read, out var error), error.ToString());
        Assert.Equal(frame.Packet, read);
    }
}
