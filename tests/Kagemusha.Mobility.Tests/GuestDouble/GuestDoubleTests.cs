using CsCheck;
using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

public class GuestDoubleTests
{
    private const NeighbourAdvertisementFlags Override = NeighbourAdvertisementFlags.Override;

    private static readonly Ipv6Address Home = Ipv6Address.Parse("2001:db8:1::10");
    private static readonly Ipv6Address OtherHome = Ipv6Address.Parse("2001:db8:1::11");
    private static readonly Ipv6Address Neighbour = Ipv6Address.Parse("2001:db8:1::99");
    private static readonly Ipv6Address GuestLinkLocal = Ipv6Address.Parse("fe80::5054:ff:fe00:10");
    private static readonly Ipv6Address HomeAgent = Ipv6Address.Parse("fe80::1");

    private static readonly LinkLayerAddress GuestMac = LinkLayerAddress.Parse("52:54:00:00:00:10");
    private static readonly LinkLayerAddress NeighbourMac = LinkLayerAddress.Parse("52:54:00:00:00:99");
    private static readonly LinkLayerAddress OtherMac = LinkLayerAddress.Parse("52:54:00:00:00:77");
    private static readonly LinkLayerAddress HomeAgentMac = LinkLayerAddress.Parse("02:00:00:00:00:01");

    private static readonly Ipv6Address[] Addresses = [Home, OtherHome];

    public static TheoryData<string, NeighbourDiscoveryPacket, bool> Messages => new()
    {
        { "multicast", Solicitation(Home), true },
        { "multicast, for the other address", Solicitation(OtherHome), true },
        { "unicast, as unreachability detection is", Solicitation(Home) with { Destination = Home }, true },
        { "from a link-local address", Solicitation(Home) with { Source = HomeAgent }, true },
        { "duplicate address detection", new(Ipv6Address.Unspecified, Home.SolicitedNode, new NeighbourSolicitation(Home, [])), false },
        { "for the guest's link-local address", Solicitation(GuestLinkLocal), false },
        { "for an address that solicits at the same group", Solicitation(new(Home.Bits ^ (UInt128)1 << 64)), false },
        { "for a neighbour", Solicitation(Neighbour), false },
        { "an advertisement of a neighbour's", Advertisement(Neighbour, Override, NeighbourMac), false },
        { "a router solicitation", new(Neighbour, Ipv6Address.AllRouters, new RouterSolicitation([])), false },
        { "a router advertisement", new(HomeAgent, Ipv6Address.AllNodes, new RouterAdvertisement(64, 0, 1800, 0, 0, [])), false },
    };

    public static TheoryData<string, NeighbourDiscoveryPacket, LinkLayerAddress, bool> Ends => new()
    {
        { "the home agent's", Advertisement(Home, Override, HomeAgentMac), HomeAgentMac, true },
        { "the kernel's for it, solicited", Solicited(Home, HomeAgentMac), HomeAgentMac, true },
        { "sent by another than it names", Advertisement(Home, Override, HomeAgentMac), OtherMac, true },
        { "one that does not override", Advertisement(Home, NeighbourAdvertisementFlags.None, HomeAgentMac), HomeAgentMac, false },
        { "one for another address", Advertisement(Neighbour, Override, HomeAgentMac), HomeAgentMac, false },
        { "one without a link-layer address", Advertisement(Home, Override, null), HomeAgentMac, false },
        { "one with the guest's own", Advertisement(Home, Override, GuestMac), OtherMac, false },
        { "somebody's duplicate address detection",
            new(Ipv6Address.Unspecified, Home.SolicitedNode, new NeighbourSolicitation(Home, [])), HomeAgentMac, false },
        { "the router's own", new(HomeAgent, Ipv6Address.AllNodes, new RouterAdvertisement(64, 0, 1800, 0, 0, [])), HomeAgentMac, false },
    };

    [Theory]
    [MemberData(nameof(Messages), DisableDiscoveryEnumeration = true)]
    public void Who_asks_for_a_home_address_gets_the_guests_own_link_layer_address(
        string what, NeighbourDiscoveryPacket packet, bool isAnswered)
    {
        var frames = new GuestDouble(GuestMac, Addresses).Handle(packet, NeighbourMac);

        NeighbourDiscoveryFrame[] expected = isAnswered ? [Answer(packet, NeighbourMac)] : [];
        Assert.True(expected.SequenceEqual(frames), what);
        Assert.All(frames, IsValid);
    }

    [Fact]
    public void An_answer_goes_where_the_solicitation_says_else_where_it_came_from()
    {
        var guest = new GuestDouble(GuestMac, Addresses);
        var packet = Solicitation(Home);

        Assert.Equal([Answer(packet, OtherMac)], guest.Handle(packet, OtherMac));
        packet = packet with { Message = new NeighbourSolicitation(Home, [new SourceLinkLayerAddress(NeighbourMac)]) };
        Assert.Equal([Answer(packet, NeighbourMac)], guest.Handle(packet, OtherMac));
    }

    [Theory]
    [MemberData(nameof(Ends), DisableDiscoveryEnumeration = true)]
    public void It_is_silent_about_an_address_that_another_node_defends(
        string what, NeighbourDiscoveryPacket packet, LinkLayerAddress source, bool ends)
    {
        var guest = new GuestDouble(GuestMac, Addresses);

        Assert.Empty(guest.Handle(packet, source));

        Assert.True(ends != IsAnswered(guest, Home), what);
        Assert.True(IsAnswered(guest, OtherHome), what);
    }

    [Fact]
    public void It_is_silent_once_the_guest_itself_is_heard()
    {
        foreach (var packet in new[]
        {
            Solicitation(Home), Solicitation(Neighbour), Advertisement(Home, Override, GuestMac),
            new(GuestLinkLocal, Ipv6Address.AllRouters, new RouterSolicitation([])),
        })
        {
            var guest = new GuestDouble(GuestMac, Addresses);

            Assert.Empty(guest.Handle(packet, GuestMac));

            Assert.False(IsAnswered(guest, Home) || IsAnswered(guest, OtherHome));
        }
    }

    /// <summary>Each answer is one that a host accepts, and an address that was given up never comes back.</summary>
    [Fact]
    public void Whatever_is_said_on_the_link_the_rules_hold()
    {
        var address = Gen.OneOf(Home, OtherHome, Neighbour);
        var mac = Gen.Frequency((1, Gen.Const(GuestMac)), (9, Gen.OneOf(HomeAgentMac, NeighbourMac)));
        Gen.Select(Gen.Bool, Gen.Bool, address, mac, mac).Array[0, 30].Sample(messages =>
        {
            var guest = new GuestDouble(GuestMac, Addresses);
            var givenUp = new HashSet<Ipv6Address>();
            foreach (var (asks, flag, target, source, named) in messages)
            {
                var packet = asks
                    ? Solicitation(target) with { Source = flag ? Neighbour : Ipv6Address.Unspecified }
                    : Advertisement(target, flag ? Override : NeighbourAdvertisementFlags.None, named);
                if (source == GuestMac)
                {
                    givenUp.UnionWith(Addresses);
                }
                else if (!asks && flag && named != GuestMac)
                {
                    givenUp.Add(target);
                }

                var frames = guest.Handle(packet, source);

                Assert.Equal(asks && flag && Addresses.Except(givenUp).Contains(target) ? 1 : 0, frames.Count);
                Assert.All(frames, frame => Assert.Equal(Answer(packet, source), frame));
                Assert.All(frames, IsValid);
            }
        });
    }

    private static NeighbourDiscoveryPacket Solicitation(Ipv6Address target) =>
        new(Neighbour, target.SolicitedNode, new NeighbourSolicitation(target, []));

    private static NeighbourDiscoveryPacket Advertisement(
        Ipv6Address target, NeighbourAdvertisementFlags flags, LinkLayerAddress? address) => new(
            HomeAgent,
            Ipv6Address.AllNodes,
            new NeighbourAdvertisement(target, flags, address is { } mac ? [new TargetLinkLayerAddress(mac)] : []));

    private static NeighbourDiscoveryPacket Solicited(Ipv6Address target, LinkLayerAddress address) =>
        Advertisement(target, Override | NeighbourAdvertisementFlags.Solicited, address) with { Destination = Neighbour };

    private static bool IsAnswered(GuestDouble guest, Ipv6Address address) => guest.Handle(Solicitation(address), NeighbourMac).Count != 0;

    private static NeighbourDiscoveryFrame Answer(NeighbourDiscoveryPacket packet, LinkLayerAddress asker)
    {
        var target = Assert.IsType<NeighbourSolicitation>(packet.Message).Target;
        return new(asker, GuestMac, new(target, packet.Source, new NeighbourAdvertisement(
            target, Override | NeighbourAdvertisementFlags.Solicited, [new TargetLinkLayerAddress(GuestMac)])));
    }

    /// <summary>The checks of RFC 4861, section 7.1.2, by reading what goes on the wire.</summary>
    private static void IsValid(NeighbourDiscoveryFrame frame)
    {
        Assert.True(NeighbourDiscoveryPacket.TryParse(frame.Packet.ToArray(), out var read, out var error), error.ToString());
        Assert.Equal(frame.Packet, read);
    }
}
