using System.Text;
using CsCheck;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class AwayDataPathTests
{
    private const uint Table = 6275;

    private static readonly Route Unreachable = new(Ipv6Prefix.Parse("::/0"), Table) { Metric = Route.LastMetric };

    private static readonly AwayLink One = Guests.Make(Guests.Away).Links[0].AwayLink!;

    private static readonly AwayLink Two = One with
    {
        Tap = "kg525400000002",
        Mac = LinkLayerAddress.Parse("52:54:00:00:00:02"),
        HomeAddresses = [Ipv6Address.Parse("2001:db8:1::43"), Ipv6Address.Parse("2001:db8:1::44")],
    };

    private static readonly HandOverTunnel There = new(Guests.CareOf.Address, Ipv6Address.Parse("2001:db8:f3::2"), "eth0");

    private static readonly HandOverTunnel Earlier = There with { Remote = Ipv6Address.Parse("2001:db8:f5::2") };

    private static readonly Ipv6Address[] Host = [Guests.CareOf.Address, Ipv6Address.Parse("2001:db8:f4::3")];

    // A few hosts, home agents, interfaces; guests with one to three home addresses of their own each.
    private static readonly Gen<List<AwayLink>> Links =
        (from agent in Gen.Int[1, 2]
         from careOf in Gen.Int[1, 2]
         from underlay in Gen.Int[0, 1]
         from addresses in Gen.Int[1, 3]
         select (Agent: agent, CareOf: careOf, Underlay: underlay, Addresses: addresses)).List[0, 6]
        .Select(drawn => drawn.Select((link, at) => One with
        {
            Tap = $"kg5254000000{at:x2}",
            Mac = LinkLayerAddress.Parse($"52:54:00:00:00:{at:x2}"),
            HomeAddresses = [.. Enumerable.Range(1, link.Addresses).Select(number => Ipv6Address.Parse($"2001:db8:1:{at:x}::{number:x}"))],
            HomeAgent = Ipv6Address.Parse($"2001:db8:1::{link.Agent:x}"),
            CareOf = Guests.CareOf with { Address = Ipv6Address.Parse($"2001:db8:f4::{link.CareOf:x}"), Interface = $"eth{link.Underlay}" },
        }).ToList());

    private static readonly Gen<List<Ipv6Address>> HostAddresses =
        Gen.Int[1, 200].Select(number => Ipv6Address.Parse($"2001:db8:f4::{number:x}")).HashSet[0, 20].Select(addresses => addresses.ToList());

    [Fact]
    public void Nobody_away_wants_nothing() => Assert.Empty(AwayDataPath.For([], Host, Table));

    [Fact]
    public void One_guest() => Lines(
        AwayDataPath.For([One], Host, Table),
        """
        ip -6 address add fe80::1/64 dev kg525400000001 nodad
        ip -6 neigh add 2001:db8:1::42 lladdr 52:54:00:00:00:01 nud permanent dev kg525400000001
        ip -6 route add 2001:db8:1::42/128 dev kg525400000001 table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::42/128 via fe80::1 dev kghadaeb70b6 table 6275 metric 1024
        ip -6 route add unreachable default table 6275 metric 4278198272
        ip link add kg525400000001
        ip link add kghadaeb70b6 type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::2 mode ip6ip6 encaplimit none hoplimit 64 dev eth0
        ip link add kgvrf type vrf table 6275
        sysctl -w net/ipv6/conf/all/forwarding=1
        """);

    [Fact]
    public void Two_guests_with_one_home_agent_share_the_tunnel() => Lines(
        AwayDataPath.For([One, Two], Host, Table),
        """
        ip -6 address add fe80::1/64 dev kg525400000001 nodad
        ip -6 address add fe80::1/64 dev kg525400000002 nodad
        ip -6 neigh add 2001:db8:1::42 lladdr 52:54:00:00:00:01 nud permanent dev kg525400000001
        ip -6 neigh add 2001:db8:1::43 lladdr 52:54:00:00:00:02 nud permanent dev kg525400000002
        ip -6 neigh add 2001:db8:1::44 lladdr 52:54:00:00:00:02 nud permanent dev kg525400000002
        ip -6 route add 2001:db8:1::42/128 dev kg525400000001 table 6275 metric 1024
        ip -6 route add 2001:db8:1::43/128 dev kg525400000002 table 6275 metric 1024
        ip -6 route add 2001:db8:1::44/128 dev kg525400000002 table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::42/128 via fe80::1 dev kghadaeb70b6 table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::43/128 via fe80::1 dev kghadaeb70b6 table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::44/128 via fe80::1 dev kghadaeb70b6 table 6275 metric 1024
        ip -6 route add unreachable default table 6275 metric 4278198272
        ip link add kg525400000001
        ip link add kg525400000002
        ip link add kghadaeb70b6 type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::2 mode ip6ip6 encaplimit none hoplimit 64 dev eth0
        ip link add kgvrf type vrf table 6275
        sysctl -w net/ipv6/conf/all/forwarding=1
        """);

    [Fact]
    public void Home_addresses_have_their_own_home_agents_and_who_may_still_hold_one_keeps_its_tunnel()
    {
        Ipv6Address other = Ipv6Address.Parse("2001:db8:1::3"), before = Ipv6Address.Parse("2001:db8:1::4");
        var own = new Dictionary<Ipv6Address, Ipv6Address> { [Two.HomeAddresses[1]] = other };
        var state = AwayDataPath.For([Two with { OwnHomeAgents = own, OtherTunnelEnds = [other, before] }], Host, Table);
        var tunnels = state.OfType<Ip6Tunnel>().ToDictionary(tunnel => tunnel.Remote, tunnel => tunnel.Name);
        Assert.Equal([Guests.HomeAgent, other, before], tunnels.Keys.Order());
        var ways = state.OfType<Route>().Where(route => route.Source is not null).ToDictionary(route => route.Source!.Value.Address, route => route.Link);
        Assert.Equal(tunnels[Guests.HomeAgent], ways[Two.HomeAddresses[0]]);
        Assert.Equal(tunnels[other], ways[Two.HomeAddresses[1]]);
    }

    [Theory]
    [InlineData(false, "kg525400000001")]
    [InlineData(true, "kghob6e392f0")]
    public void What_comes_for_a_guest_that_leaves_goes_into_the_tunnel_from_the_switch_on(bool isTurned, string inbound) => Lines(
        AwayDataPath.For([One with { Departure = There, IsTurned = isTurned }], Host, Table),
        $"""
        ip -6 address add fe80::1/64 dev kg525400000001 nodad
        ip -6 neigh add 2001:db8:1::42 lladdr 52:54:00:00:00:01 nud permanent dev kg525400000001
        ip -6 route add 2001:db8:1::42/128 dev {inbound} table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::42/128 via fe80::1 dev kghadaeb70b6 table 6275 metric 1024
        ip -6 route add unreachable default table 6275 metric 4278198272
        ip link add kg525400000001
        ip link add kghadaeb70b6 type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::2 mode ip6ip6 encaplimit none hoplimit 64 dev eth0
        ip link add kgvrf type vrf table 6275
        sysctl -w net/ipv6/conf/all/forwarding=1
        """);

    [Fact]
    public void A_guest_that_comes_sends_each_home_addresss_packets_its_own_way() => Lines(
        AwayDataPath.For(
            [
                Two with
                {
                    HomeAddresses = [.. Two.HomeAddresses, Ipv6Address.Parse("2001:db8:1::45")],
                    Arrival = There,
                    Through = There,
                    Outbound = new Dictionary<Ipv6Address, OutboundPath>
                    {
                        [Two.HomeAddresses[0]] = OutboundPath.ThroughSource,
                        [Two.HomeAddresses[1]] = OutboundPath.Held,
                    },
                },
            ],
            Host,
            Table),
        """
        ip -6 address add fe80::1/64 dev kg525400000002 nodad
        ip -6 neigh add 2001:db8:1::43 lladdr 52:54:00:00:00:02 nud permanent dev kg525400000002
        ip -6 neigh add 2001:db8:1::44 lladdr 52:54:00:00:00:02 nud permanent dev kg525400000002
        ip -6 neigh add 2001:db8:1::45 lladdr 52:54:00:00:00:02 nud permanent dev kg525400000002
        ip -6 neigh add fe80::1 lladdr 02:6b:00:00:00:01 nud permanent dev kghold
        ip -6 route add 2001:db8:1::43/128 dev kg525400000002 table 6275 metric 1024
        ip -6 route add 2001:db8:1::44/128 dev kg525400000002 table 6275 metric 1024
        ip -6 route add 2001:db8:1::45/128 dev kg525400000002 table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::43/128 via fe80::1 dev kghob6e392f0 table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::44/128 via fe80::1 dev kghold table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::45/128 via fe80::1 dev kghadaeb70b6 table 6275 metric 1024
        ip -6 route add unreachable default table 6275 metric 4278198272
        ip link add kg525400000002
        ip link add kghadaeb70b6 type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::2 mode ip6ip6 encaplimit none hoplimit 64 dev eth0
        ip link add kgheld type veth peer name kghold
        ip link add kghold type veth peer name kgheld
        ip link add kgvrf type vrf table 6275
        sysctl -w net/ipv6/conf/all/forwarding=1
        """);

    [Fact]
    public void A_guest_that_comes_and_one_that_has_left_share_the_tunnel_between_the_hosts()
    {
        AwayLink[] links = [One with { Departure = There, IsTurned = true }, Two with { Arrival = There }];
        var state = AwayDataPath.For(links, Host, Table).With(HandOverDataPath.For(links, [], Table));
        Assert.Single(state.OfType<Ip6Tunnel>(), tunnel => tunnel.Remote == There.Remote);
        Assert.True(state.Contains(AwayDataPath.Inbound(One.HomeAddresses[0], There.Name, Table)));
        Assert.True(state.Contains(AwayDataPath.Inbound(Two.HomeAddresses[0], Two.Tap, Table)));
    }

    [Theory]
    [InlineData(OutboundPath.HomeAgentTunnel, "ip -6 route replace default from 2001:db8:1::42/128 via fe80::1 dev kghadaeb70b6 table 6275 metric 1024")]
    [InlineData(OutboundPath.ThroughSource, "ip -6 route replace default from 2001:db8:1::42/128 via fe80::1 dev kghob6e392f0 table 6275 metric 1024")]
    [InlineData(OutboundPath.Held, "ip -6 route replace default from 2001:db8:1::42/128 via fe80::1 dev kghold table 6275 metric 1024")]
    public void A_step_of_an_arrival_is_the_route_that_is_wanted_then(OutboundPath path, string line)
    {
        var link = One with { Arrival = There, Through = There, Outbound = new Dictionary<Ipv6Address, OutboundPath> { [Guests.Home] = path } };
        var step = AwayDataPath.Outbound(link, Guests.Home, path, Table);
        Assert.Equal(line, new Change(ChangeKind.Replace, step).ToString());
        Assert.True(AwayDataPath.For([link], Host, Table).Contains(step));
    }

    [Fact]
    public void What_is_for_a_guest_that_is_coming_back_goes_to_where_it_is_and_what_comes_from_there_to_its_tap()
    {
        var one = One with { Departure = There, IsTurned = true, IsReturning = true, Arrival = There };
        // This one had not been acknowledged here when it left.
        var two = Two with { Departure = There, IsTurned = true, IsReturning = true, Arrival = There, Through = Earlier };
        var state = AwayDataPath.For([two, one], Host, Table);
        Assert.All([one, two], link => Assert.All(link.HomeAddresses, home => Assert.True(state.Contains(AwayDataPath.Inbound(home, link.Tap, Table)))));
        Assert.Equal(
            [
                "tc filter add dev kghadaeb70b6 ingress pref 1 protocol ipv6 flower dst_ip 2001:db8:1::42/128 action mirred egress redirect dev kghob6e392f0",
                "tc filter add dev kghadaeb70b6 ingress pref 2 protocol ipv6 flower dst_ip 2001:db8:1::43/128 action mirred egress redirect dev kghob6e392f0",
                "tc filter add dev kghadaeb70b6 ingress pref 3 protocol ipv6 flower dst_ip 2001:db8:1::44/128 action mirred egress redirect dev kghob6e392f0",
                "tc filter add dev kgho88457c92 ingress pref 1 protocol ipv6 flower dst_ip 2001:db8:1::43/128 action mirred egress redirect dev kghob6e392f0",
                "tc filter add dev kgho88457c92 ingress pref 2 protocol ipv6 flower dst_ip 2001:db8:1::44/128 action mirred egress redirect dev kghob6e392f0",
            ],
            state.OfType<Filter>().Where(filter => filter.Action == FilterAction.Redirect).Select(filter => new Change(ChangeKind.Add, filter).ToString()).Order(StringComparer.Ordinal));
        Assert.Equal([There.Name, Earlier.Name], HandOverDataPath.For([one, two], [], Table).OfType<Ip6Tunnel>().Select(tunnel => tunnel.Name).Order(StringComparer.Ordinal).Reverse());
    }

    [Fact]
    public void Without_a_host_that_it_comes_from_nothing_goes_through_it() => Assert.Equal(
        "kghadaeb70b6", AwayDataPath.Outbound(One, Guests.Home, OutboundPath.ThroughSource, Table).Link);

    [Fact]
    public void The_guest_sends_from_its_own_addresses_to_anybody_but_the_host_and_nothing_else()
    {
        var filters = AwayDataPath.For([Two], Host, Table).OfType<Filter>().OrderBy(filter => filter.Priority).ToList();
        Assert.All(filters, filter => Assert.Equal((Two.Tap, FilterHook.Ingress), (filter.Link, filter.Hook)));

        var drops = filters.TakeWhile(filter => filter.Action == FilterAction.Drop).Select(filter => filter.Match).ToList();
        Assert.All(
            (byte[])[0, 41, 43, 60, 135],
            header =>
            {
                Assert.Contains(U32Match.NextHeader(header), drops);
                Assert.Contains(U32Match.FragmentNextHeader(header), drops);
            });
        Assert.All(
            (string[])["fe80::/10", "ff00::/8", "2001:db8:f4::2/128", "2001:db8:f4::3/128"],
            destination => Assert.Contains(new FlowerMatch { Destination = Ipv6Prefix.Parse(destination) }, drops));

        Assert.Equal(
            [
                (FilterAction.Receive, new FlowerMatch { Source = Ipv6Prefix.Parse("2001:db8:1::43/128") }),
                (FilterAction.Receive, new FlowerMatch { Source = Ipv6Prefix.Parse("2001:db8:1::44/128") }),
                (FilterAction.Drop, new AnyMatch()),
            ],
            filters.Skip(drops.Count).Select(filter => (filter.Action, filter.Match)));
    }

    [Fact]
    public void A_tunnel_leaves_by_the_interface_that_was_learnt_last()
    {
        var later = Two with { CareOf = Two.CareOf with { Interface = "eth1" } };
        Assert.Equal("eth1", Assert.Single(AwayDataPath.For([One, later], Host, Table).OfType<Ip6Tunnel>()).Underlay);
        Assert.Equal("eth0", Assert.Single(AwayDataPath.For([later, One], Host, Table).OfType<Ip6Tunnel>()).Underlay);
    }

    [Fact]
    public void The_unreachable_default_is_there_with_the_first_guest_and_no_two_objects_exclude_each_other() =>
        Gen.Select(Links, HostAddresses).Sample((links, host) =>
        {
            // KernelState itself refuses objects that exclude each other.
            var state = AwayDataPath.For(links, host, Table);
            Assert.Equal(links.Count > 0, state.Contains(Unreachable));
            Assert.All(state.OfType<Link>().Where(link => link is Port or Ip6Tunnel), link => Assert.Equal(AwayDataPath.VrfName, link.Master));
        });

    [Fact]
    public void There_is_one_tunnel_for_each_pair_and_every_home_address_leaves_by_its_own() => Links.Sample(links =>
    {
        var state = AwayDataPath.For(links, [], Table);
        var tunnels = state.OfType<Ip6Tunnel>().ToDictionary(tunnel => (tunnel.Local, tunnel.Remote));
        Assert.Equal(links.Select(link => (link.CareOf.Address, link.HomeAgent)).Distinct().Order(), tunnels.Keys.Order());
        Assert.All(
            links.SelectMany(link => link.HomeAddresses.Select(home => (link, home))),
            each => Assert.Contains(
                new Route(Ipv6Prefix.Parse("::/0"), Table)
                {
                    Source = new(each.home, 128),
                    Link = tunnels[(each.link.CareOf.Address, each.link.HomeAgent)].Name,
                    Gateway = AwayDataPath.NextHop,
                },
                state));
    });

    [Fact]
    public void Nothing_passes_a_severed_tap_either_way()
    {
        Assert.Empty(AwayDataPath.Severed([], Table));
        var state = AwayDataPath.For([One], Host, Table).With(AwayDataPath.Severed(["kg525400000002"], Table));
        Assert.Equal(AwayDataPath.VrfName, Assert.Single(state.OfType<Port>(), port => port.Name == "kg525400000002").Master);
        Assert.Equal(
            [(FilterHook.Ingress, FilterAction.Drop, true), (FilterHook.Egress, FilterAction.Drop, true)],
            state.OfType<Filter>().Where(filter => filter.Link == "kg525400000002").Select(filter => (filter.Hook, filter.Action, filter.Match is AnyMatch)).OrderBy(filter => filter.Hook));
        Lines(
            KernelState.Create([.. AwayDataPath.Severed(["kg525400000002"], Table)]),
            """
            ip -6 route add unreachable default table 6275 metric 4278198272
            ip link add kg525400000002
            ip link add kgvrf type vrf table 6275
            sysctl -w net/ipv6/conf/all/forwarding=1
            """);
    }

    [Fact]
    public void Each_tap_lets_through_what_the_guest_may_send_and_each_address_is_reached_at_its_own()
    {
        IReadOnlyList<Ipv6Address> own = [.. One.HomeAddresses, .. Two.HomeAddresses];
        var state = AwayDataPath.For([One with { Sources = own }, Two with { Sources = own }], Host, Table);
        foreach (var link in (AwayLink[])[One, Two])
        {
            Assert.Equal(
                own.Order(),
                state.OfType<Filter>().Where(filter => filter.Link == link.Tap && filter.Action == FilterAction.Receive)
                    .Select(filter => ((FlowerMatch)filter.Match).Source!.Value.Address).Order());
            Assert.Equal(
                link.HomeAddresses,
                state.OfType<Route>().Where(route => route.Link == link.Tap).Select(route => route.Destination.Address).Order());
        }
    }

    [Fact]
    public void A_host_address_more_or_less_moves_no_pass_filter() => Gen.Select(Links, HostAddresses, HostAddresses).Sample((links, before, after) =>
        Assert.Equal(Passes(AwayDataPath.For(links, before, Table)), Passes(AwayDataPath.For(links, after, Table))));

    [Fact]
    public void The_same_guests_in_another_order_want_the_same() => Links.Sample(links =>
    {
        var straight = links.ConvertAll(link => link with { CareOf = link.CareOf with { Interface = "eth0" } });
        var state = AwayDataPath.For(straight, Host, Table);
        var reversed = AwayDataPath.For([.. Enumerable.Reverse(straight)], Host, Table);
        Assert.Equal(state.Count, reversed.Count);
        Assert.All(state, wanted => Assert.True(reversed.Contains(wanted)));
    });

    [Fact]
    public void A_tunnels_name_fits_the_kernel_is_the_same_each_time_and_tells_its_ends_apart() =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong, Gen.ULong).Sample((a, b, c, d) =>
        {
            var (careOf, agent) = (new Ipv6Address(new UInt128(a, b)), new Ipv6Address(new UInt128(c, d)));
            var name = TunnelName.Of("kgha", careOf, agent);
            Assert.InRange(Encoding.UTF8.GetByteCount(name), 1, 15);
            Assert.StartsWith("kgha", name, StringComparison.Ordinal);
            Assert.Equal(name, TunnelName.Of("kgha", careOf, agent));
            Assert.True(careOf == agent || name != TunnelName.Of("kgha", agent, careOf));
        });

    [Fact]
    public void A_tunnels_name_is_the_same_in_every_version() =>
        Assert.Equal("kghadaeb70b6", TunnelName.Of("kgha", Guests.CareOf.Address, Guests.HomeAgent));

    private static List<(string, ushort, FilterMatch)> Passes(KernelState state) =>
        [.. state.OfType<Filter>().Where(filter => filter.Action == FilterAction.Receive).Select(filter => (filter.Link, filter.Priority, filter.Match)).OrderBy(pass => (pass.Link, pass.Priority))];

    /// <summary>All but the filters, as the iproute2 lines that would add them, in alphabetical order.</summary>
    private static void Lines(KernelState state, string expected) => Assert.Equal(
        expected,
        string.Join('\n', state.Where(wanted => wanted is not Filter).Select(wanted => new Change(ChangeKind.Add, wanted).ToString()).Order(StringComparer.Ordinal)));
}
