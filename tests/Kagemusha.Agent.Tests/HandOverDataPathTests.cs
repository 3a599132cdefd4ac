using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class HandOverDataPathTests
{
    private const uint Table = 6275;

    private static readonly HandOverTunnel There = new(Guests.CareOf.Address, Ipv6Address.Parse("2001:db8:f3::2"), "eth0");

    private static readonly HandOverTunnel LastHost = There with { Remote = Ipv6Address.Parse("2001:db8:f5::2") };

    // Two home addresses: each has its own routes and filters.
    private static readonly HomeLinkPath One = new(
        Guests.Mac,
        Guests.Enrolled.Link.Router,
        Guests.Enrolled.Link.RouterLinkLayerAddress,
        1500,
        [Guests.Home, Ipv6Address.Parse("2001:db8:1::43")],
        "br0",
        "vnet0");

    private static readonly HomeLinkPath Two = One with
    {
        Mac = LinkLayerAddress.Parse("52:54:00:00:00:02"),
        HomeAddresses = [Ipv6Address.Parse("2001:db8:1::44")],
        Tap = "vnet1",
    };

    private const string Shared = """
        ip -6 route add unreachable default table 6275 metric 4278198272
        ip link add kgvrf type vrf table 6275
        sysctl -w net/ipv6/conf/all/forwarding=1
        """;

    private const string ToThere = "ip link add kghob6e392f0 type ip6tnl local 2001:db8:f4::2 remote 2001:db8:f3::2 mode ip6ip6 encaplimit none hoplimit 64 dev eth0";

    private const string ToLastHost = "ip link add kgho88457c92 type ip6tnl local 2001:db8:f4::2 remote 2001:db8:f5::2 mode ip6ip6 encaplimit none hoplimit 64 dev eth0";

    private const string StandIn = """
        ip -6 neigh add fe80::1 lladdr 52:54:00:ff:00:01 nud permanent dev kgs525400000001
        ip -6 route add default from 2001:db8:1::42/128 via fe80::1 dev kgs525400000001 table 6275 metric 1024
        ip -6 route add default from 2001:db8:1::43/128 via fe80::1 dev kgs525400000001 table 6275 metric 1024
        ip link add kgb525400000001 type veth peer name kgs525400000001
        ip link add kgb525400000001 type bridge_slave learning off flood off mcast_flood off bcast_flood off
        ip link add kgs525400000001 type veth peer name kgb525400000001
        tc filter add dev kgs525400000001 egress pref 1 protocol ipv6 flower src_ip 2001:db8:1::42/128 action pass
        tc filter add dev kgs525400000001 egress pref 2 protocol ipv6 flower src_ip 2001:db8:1::43/128 action pass
        tc filter add dev kgs525400000001 egress pref 65535 protocol all flower action drop
        tc filter add dev kgs525400000001 ingress pref 1 protocol ipv6 flower dst_ip 2001:db8:1::42/128 action pass
        tc filter add dev kgs525400000001 ingress pref 2 protocol ipv6 flower dst_ip 2001:db8:1::43/128 action pass
        tc filter add dev kgs525400000001 ingress pref 65535 protocol all flower action drop
        """;

    private const string Delivery = """
        ip -6 neigh add 2001:db8:1::42 lladdr 52:54:00:00:00:01 nud permanent dev vnet0
        ip -6 neigh add 2001:db8:1::43 lladdr 52:54:00:00:00:01 nud permanent dev vnet0
        """;

    private const string Signalling = "tc filter add dev vnet0 egress pref 1000 protocol ipv6 flower ip_proto 135 action drop";

    private const string Herald = "tc filter add dev vnet0 egress pref 1001 protocol ipv6 flower dst_mac 52:54:00:00:00:01 "
        + "action skbmod set dmac 02:6b:00:00:00:00 pipe action mirred egress mirror dev vnet0 pipe action skbmod set dmac 52:54:00:00:00:01";

    private const string Taken = "bridge fdb add 52:54:00:00:00:01 dev kgb525400000001 master static sticky";

    [Fact]
    public void At_home_the_home_agents_signalling_is_kept_from_it() => Lines(
        HandOverDataPath.For([], [One, Two, One with { Tap = null }], Table), Signalling, Signalling.Replace("vnet0", "vnet1", StringComparison.Ordinal));

    [Fact]
    public void Copies_for_nobody_go_before_what_its_tap_takes_until_the_switch()
    {
        var home = One with { Departure = There, IsHeralded = true };
        Lines(HandOverDataPath.For([], [home], Table), Shared, ToThere, StandIn, Inbound("kghob6e392f0"), Signalling, Herald);
        Lines(HandOverDataPath.For([], [home with { IsTurned = true }], Table), Shared, ToThere, StandIn, Taken, Inbound("kghob6e392f0"), Signalling);

        var away = Guests.Make(Guests.Away).Links[0].AwayLink! with { Departure = There, IsHeralded = true };
        Filter[] herald = [new(away.Tap, FilterHook.Egress, 1001, new FlowerMatch { DestinationLinkLayer = away.Mac }, FilterAction.Herald)];
        Assert.Equal(herald, Egress(away));
        Assert.Empty(Egress(away with { IsTurned = true }));
        Assert.Empty(Egress(away with { IsHeralded = false }));

        static IEnumerable<Filter> Egress(AwayLink link) => AwayDataPath.For([link], [], Table).OfType<Filter>().Where(filter => filter.Hook == FilterHook.Egress);
    }

    [Fact]
    public void Away_it_wants_no_more_than_the_tunnels()
    {
        var away = Guests.Make(Guests.Away).Links[0].AwayLink!;
        Assert.Empty(HandOverDataPath.For([away], [], Table));
        Lines(HandOverDataPath.For([away with { Departure = There }], [], Table), ToThere);
        Lines(HandOverDataPath.For([away with { Departure = There, IsTurned = true, Arrival = LastHost }, away with { Arrival = There }], [], Table), ToThere, ToLastHost);
    }

    [Fact]
    public void Leaving_home_a_stand_in_is_ready_but_gets_nothing() => Lines(
        HandOverDataPath.For([], [One with { Departure = There }], Table), Shared, ToThere, StandIn, Inbound("kghob6e392f0"), Signalling);

    [Fact]
    public void Once_it_has_left_the_stand_in_has_its_link_layer_address_whether_its_tap_is_there_or_not()
    {
        foreach (var tap in new[] { One.Tap, null })
        {
            Lines(
                HandOverDataPath.For([], [One with { Departure = There, IsTurned = true, Tap = tap }], Table),
                [Shared, ToThere, StandIn, Taken, Inbound("kghob6e392f0"), .. tap is null ? (string[])[] : [Signalling]]);
        }
    }

    [Fact]
    public void Coming_home_it_is_sent_to_its_tap_which_no_broadcast_fills() => Lines(
        HandOverDataPath.For([], [One with { Arrival = There, IsQuiet = true, Settings = new(true, true, true, true) }], Table),
        Shared, ToThere, Delivery, Signalling, Inbound("vnet0"), "ip link add vnet0 txqueuelen 10000 type bridge_slave flood off mcast_flood off bcast_flood off");

    [Fact]
    public void When_it_runs_its_port_floods_as_libvirt_has_made_it() => Lines(
        HandOverDataPath.For([], [One with { Arrival = There, Settings = new(false, true, false, true) }], Table),
        Shared, ToThere, Delivery, Signalling, Inbound("vnet0"), "ip link add vnet0 txqueuelen 10000 type bridge_slave flood on mcast_flood off bcast_flood on");

    [Fact]
    public void A_port_of_unknown_settings_is_left_as_it_is() => Lines(
        HandOverDataPath.For([], [One with { Arrival = There }], Table),
        Shared, ToThere, Delivery, Signalling, Inbound("vnet0"), "ip link add vnet0 txqueuelen 10000");

    [Fact]
    public void Coming_home_without_a_tap_yet_only_the_tunnel_is_there() =>
        Lines(HandOverDataPath.For([], [One with { Arrival = There, IsQuiet = true, Tap = null }], Table), Shared, ToThere);

    [Fact]
    public void Coming_back_what_the_stand_in_gets_goes_to_where_it_is_and_what_comes_from_there_to_its_tap()
    {
        var back = One with { Departure = There, IsTurned = true, IsReturning = true, Arrival = There, IsQuiet = true };
        var detour = StandIn
            .Replace("dst_ip 2001:db8:1::42/128 action pass", "dst_ip 2001:db8:1::42/128 action mirred egress redirect dev kghob6e392f0", StringComparison.Ordinal)
            .Replace("dst_ip 2001:db8:1::43/128 action pass", "dst_ip 2001:db8:1::43/128 action mirred egress redirect dev kghob6e392f0", StringComparison.Ordinal);
        Lines(
            HandOverDataPath.For([], [back], Table),
            Shared, ToThere, detour, Taken, Delivery, Signalling, Inbound("vnet0"), "ip link add vnet0 txqueuelen 10000 type bridge_slave flood off mcast_flood off bcast_flood off");

        // As long as there is no tap, nothing can come back either.
        Lines(HandOverDataPath.For([], [back with { Tap = null }], Table), Shared, ToThere, detour, Taken, Inbound("kghob6e392f0"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Leaving_home_what_still_comes_from_the_last_host_is_for_the_tap_until_the_switch(bool isTurned) => Lines(
        HandOverDataPath.For([], [One with { Departure = There, Arrival = LastHost, IsTurned = isTurned }], Table),
        [
            Shared, ToThere, ToLastHost, StandIn, Delivery, Signalling, "ip link add vnet0 txqueuelen 10000",
            Inbound(isTurned ? "kghob6e392f0" : "vnet0"), .. isTurned ? (string[])[Taken] : [],
        ]);

    [Fact]
    public void Going_back_to_the_last_host_takes_one_tunnel() => Lines(
        HandOverDataPath.For([], [One with { Departure = There, Arrival = There }], Table),
        Shared, ToThere, StandIn, Delivery, Signalling, "ip link add vnet0 txqueuelen 10000", Inbound("vnet0"));

    [Fact]
    public void Two_guests_share_the_tunnel_and_nothing_else()
    {
        IReadOnlyList<HomeLinkPath> both = [One with { Departure = There, IsTurned = true }, Two with { Arrival = There, IsQuiet = true }];
        var together = KernelState.Create([.. HandOverDataPath.For([], both, Table)]);
        var apart = both.Select(path => KernelState.Create([.. HandOverDataPath.For([], [path], Table)])).ToList();
        Assert.Equal("kghob6e392f0", Assert.Single(together.OfType<Ip6Tunnel>()).Name);
        Assert.All(apart.SelectMany(state => state), wanted => Assert.True(together.Contains(wanted)));
        Assert.Equal(Shared.Split('\n').Length + 1, apart.Sum(state => state.Count) - together.Count);
    }

    [Fact]
    public void A_guest_at_home_and_one_away_share_what_they_have_in_common()
    {
        var away = Guests.Make(Guests.Away).Links[0].AwayLink! with { HomeAddresses = Two.HomeAddresses, Arrival = There };
        var state = AwayDataPath.For([away], [], Table).With(HandOverDataPath.For([away], [One with { Departure = There, IsTurned = true }], Table));
        Assert.Single(state.OfType<Ip6Tunnel>(), tunnel => tunnel.Name == There.Name);
        Assert.Equal(
            [There.Name, There.Name, away.Tap],
            state.OfType<Route>().Where(route => route.Source is null && route.Link is not null).OrderBy(route => route.Destination.Address).Select(route => route.Link));
    }

    [Fact]
    public void A_tunnel_leaves_by_the_interface_that_was_learnt_last()
    {
        var later = There with { Underlay = "eth1" };
        var away = Guests.Make(Guests.Away).Links[0].AwayLink! with { HomeAddresses = Two.HomeAddresses, Arrival = There };
        Assert.Equal("eth1", Underlay([away], [One with { Departure = There }, Two with { HomeAddresses = [], Arrival = later }]));
        Assert.Equal("eth0", Underlay([away], [One with { Departure = later }, Two with { HomeAddresses = [], Arrival = There }]));
        Assert.Equal("eth1", Underlay([away, away with { Arrival = later }], []));

        static string? Underlay(IReadOnlyCollection<AwayLink> links, IReadOnlyCollection<HomeLinkPath> paths) => Assert.Single(
            AwayDataPath.For(links, [], Table).With(HandOverDataPath.For(links, paths, Table)).OfType<Ip6Tunnel>(), tunnel => tunnel.Name == There.Name).Underlay;
    }

    [Fact]
    public void Every_link_that_carries_a_guests_packets_is_in_the_VRF_and_only_the_stand_ins_port_in_the_bridge() => Assert.Equal(
        [("kgb525400000001", "br0"), ("kgho88457c92", "kgvrf"), ("kghob6e392f0", "kgvrf"), ("kgs525400000001", "kgvrf"), ("kgvrf", null)],
        HandOverDataPath.For([], [One with { Departure = There, Arrival = LastHost }], Table).OfType<Link>().Distinct()
            .Select(link => (link.Name, link.Master)).Order());

    [Theory]
    [InlineData("52:54:00:00:00:01", "fe:6b:00:00:00:01", 1500)]
    [InlineData("02:00:5e:ab:cd:ef", "fe:6b:5e:ab:cd:ef", 9000)]
    public void The_stand_in_has_the_guests_address_its_port_the_greatest_and_both_the_home_links_MTU(string mac, string port, int mtu)
    {
        var path = One with { Mac = LinkLayerAddress.Parse(mac), Mtu = mtu, Departure = There };
        var pair = HandOverDataPath.For([], [path], Table).OfType<Veth>().ToDictionary(end => end.Name);
        Assert.Equal((LinkLayerAddress.Parse(mac), mtu, path.StandInPort), (pair[path.StandIn].Address, pair[path.StandIn].Mtu, pair[path.StandIn].Peer));
        Assert.Equal((LinkLayerAddress.Parse(port), mtu, path.StandIn), (pair[path.StandInPort].Address, pair[path.StandInPort].Mtu, pair[path.StandInPort].Peer));
        Assert.All(pair.Keys, name => Assert.InRange(name.Length, 1, 15));
    }

    [Fact]
    public void The_switch_gives_the_stand_in_the_guests_address_and_back_the_tap()
    {
        var path = One with { Departure = There };
        Steps(path, turned: true, "bridge fdb replace 52:54:00:00:00:01 dev kgb525400000001 master static sticky");
        Steps(path, turned: false, "bridge fdb replace 52:54:00:00:00:01 dev vnet0 master dynamic");
        Steps(path with { Tap = null }, turned: false);
    }

    [Fact]
    public void While_packets_come_from_the_last_host_the_switch_leads_those_too()
    {
        var path = One with { Departure = There, Arrival = LastHost };
        Steps(
            path,
            turned: true,
            "bridge fdb replace 52:54:00:00:00:01 dev kgb525400000001 master static sticky",
            "ip -6 route replace 2001:db8:1::42/128 dev kghob6e392f0 table 6275 metric 1024",
            "ip -6 route replace 2001:db8:1::43/128 dev kghob6e392f0 table 6275 metric 1024");
        Steps(
            path with { IsTurned = true },
            turned: false,
            "bridge fdb replace 52:54:00:00:00:01 dev vnet0 master dynamic",
            "ip -6 route replace 2001:db8:1::42/128 dev vnet0 table 6275 metric 1024",
            "ip -6 route replace 2001:db8:1::43/128 dev vnet0 table 6275 metric 1024");
    }

    [Theory]
    [InlineData("vnet0", false)]
    [InlineData("vnet0", true)]
    [InlineData(null, false)]
    [InlineData(null, true)]
    public void After_the_switch_the_kernel_is_as_wanted(string? tap, bool lingers)
    {
        var path = One with { Departure = There, Arrival = lingers ? LastHost : null, Tap = tap };
        IReadOnlyCollection<KernelObject> here = [.. HandOverDataPath.For([], [path], Table)];
        IReadOnlyCollection<KernelObject> there = [.. HandOverDataPath.For([], [path with { IsTurned = true }], Table)];
        SameLines(there, Replaced(here, HandOverDataPath.Steps(path, turned: true, Table)));

        // What the bridge learns by itself is not wanted, only set at the switch.
        if (tap is not null)
        {
            SameLines(here, Replaced(there, HandOverDataPath.Steps(path, turned: false, Table)).Where(one => one is not BridgeForwardingEntry));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_the_switch_of_a_guest_that_is_away_the_kernel_is_as_wanted_too(bool lingers)
    {
        var link = Guests.Make(Guests.Away).Links[0].AwayLink! with { Departure = There, Arrival = lingers ? LastHost : null };
        SameLines(AwayDataPath.For([link with { IsTurned = true }], [], Table), Replaced(AwayDataPath.For([link], [], Table), AwayDataPath.Steps(link, turned: true, Table)));
        SameLines(AwayDataPath.For([link], [], Table), Replaced(AwayDataPath.For([link with { IsTurned = true }], [], Table), AwayDataPath.Steps(link, turned: false, Table)));
    }

    [Fact]
    public void After_a_guest_that_comes_has_got_another_way_the_kernel_is_as_wanted()
    {
        var ways = Enum.GetValues<OutboundPath>();
        var link = Guests.Make(Guests.Away).Links[0].AwayLink! with { Arrival = LastHost };
        foreach (var (before, after) in from before in ways from after in ways select (before, after))
        {
            SameLines(Wanted(after), Replaced(Wanted(before), [AwayDataPath.Outbound(link, Guests.Home, after, Table)]));
        }

        KernelState Wanted(OutboundPath way) =>
            AwayDataPath.For([link with { Outbound = new Dictionary<Ipv6Address, OutboundPath> { [Guests.Home] = way } }], [], Table);
    }

    private static string Inbound(string link) =>
        string.Join('\n', One.HomeAddresses.Select(home => $"ip -6 route add {home}/128 dev {link} table 6275 metric 1024"));

    private static void Steps(HomeLinkPath path, bool turned, params string[] expected) =>
        Assert.Equal(expected, HandOverDataPath.Steps(path, turned, Table).Select(step => new Change(ChangeKind.Replace, step).ToString()));

    /// <summary>What there is after steps, each of which takes the place of another object or a free one.</summary>
    private static List<KernelObject> Replaced(IEnumerable<KernelObject> before, IEnumerable<KernelObject> steps)
    {
        var after = before.ToList();
        foreach (var step in steps)
        {
            after.RemoveAll(there => (there, step) switch
            {
                (BridgeForwardingEntry one, BridgeForwardingEntry other) => one.Address == other.Address,
                (Route one, Route other) => (one.Destination, one.Source, one.Table, one.Metric) == (other.Destination, other.Source, other.Table, other.Metric),
                _ => false,
            });
            after.Add(step);
        }

        return after;
    }

    private static void SameLines(IEnumerable<KernelObject> expected, IEnumerable<KernelObject> actual) =>
        Lines(actual, [.. KernelState.Create([.. expected]).Select(one => new Change(ChangeKind.Add, one).ToString())]);

    /// <summary>As the iproute2 lines that would add them, in alphabetical order.</summary>
    private static void Lines(IEnumerable<KernelObject> wanted, params string[] expected) => Assert.Equal(
        string.Join('\n', expected.SelectMany(lines => lines.Split('\n')).Order(StringComparer.Ordinal)),
        string.Join('\n', KernelState.Create([.. wanted]).Select(one => new Change(ChangeKind.Add, one).ToString()).Order(StringComparer.Ordinal)));
}
