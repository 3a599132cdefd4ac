using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>States and what is to be done, round by round, as iproute2 lines.</summary>
public sealed class DifferenceTests
{
    internal static readonly KernelScope Scope = new("kg", KernelScope.DefaultProtocol);
    private static readonly Ipv6Prefix Default = Ipv6Prefix.Parse("::/0");
    private static readonly Ipv6Prefix Home = Ipv6Prefix.Parse("2001:db8:1::10/128");
    private static readonly Ipv6Address Local = Ipv6Address.Parse("2001:db8:f4::2");
    private static readonly Ipv6Address Remote = Ipv6Address.Parse("2001:db8:1::1");
    private static readonly LinkLayerAddress Guest = LinkLayerAddress.Parse("52:54:00:00:00:10");

    private static readonly Vrf Vrf = new("kgvrf", 1001);
    private static readonly Route Unreachable = new(Default, 1001) { Metric = Route.LastMetric };
    private static readonly Ip6Tunnel Tunnel = new("kgha", Local, Remote) { Master = "kgvrf" };
    private static readonly Port Tap = new("tap0") { Master = "kgvrf" };
    private static readonly Filter DropAll = new("tap0", FilterHook.Ingress, 9, new AnyMatch(), FilterAction.Drop);
    private static readonly Filter PassHome = new("tap0", FilterHook.Ingress, 5, new FlowerMatch { Source = Home }, FilterAction.Pass);
    private static readonly Route ToGuest = new(Home, 1001) { Link = "tap0" };
    private static readonly Route FromGuest = new(Default, 1001) { Source = Home, Link = "kgha" };

    private static readonly FakeKernel Fresh = new() { Links = [new(1, "lo"), new(2, "tap0") { Kind = "tun", IsUp = true, GeneratesAddresses = true }] };

    [Fact]
    public void A_port_enters_the_VRF_only_when_its_unreachable_default_and_its_own_filters_have_been_seen()
    {
        Rounds(
            Fresh,
            [Vrf, Unreachable, Tunnel, Tap, DropAll, PassHome, ToGuest, FromGuest],
            """
            ip link add kgvrf type vrf table 1001
            ip link add kgha type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::1 mode ip6ip6 encaplimit none hoplimit 64
            ip -6 route add unreachable default table 1001 metric 4278198272
            tc qdisc add dev tap0 clsact
            tc filter add dev tap0 ingress pref 9 protocol all flower action drop
            tc filter add dev tap0 ingress pref 5 protocol ipv6 flower src_ip 2001:db8:1::10/128 action pass
            ip link set kgvrf up
            ip link set kgha addrgenmode none
            ip link set tap0 addrgenmode none
            """,
            """
            ip link set kgha master kgvrf up
            ip link set tap0 master kgvrf
            """,
            """
            ip -6 route add 2001:db8:1::10/128 dev tap0 table 1001 metric 1024
            ip -6 route add default from 2001:db8:1::10/128 dev kgha table 1001 metric 1024
            """);
    }

    [Fact]
    public void A_tunnel_with_a_filter_goes_up_after_it()
    {
        Rounds(
            Fresh,
            [Tunnel with { Master = null }, PassHome with { Link = "kgha" }],
            """
            ip link add kgha type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::1 mode ip6ip6 encaplimit none hoplimit 64
            ip link set kgha addrgenmode none
            """,
            """
            tc qdisc add dev kgha clsact
            tc filter add dev kgha ingress pref 5 protocol ipv6 flower src_ip 2001:db8:1::10/128 action pass
            """,
            "ip link set kgha up");
    }

    [Fact]
    public void What_is_no_longer_wanted_goes_the_port_down_before_it_leaves_and_the_unreachable_default_last()
    {
        Rounds(
            Settled([Vrf, Unreachable, Tunnel, Tap, DropAll, PassHome, ToGuest, FromGuest]),
            [],
            """
            ip -6 route delete 2001:db8:1::10/128 dev tap0 table 1001 metric 1024
            ip link set tap0 down
            ip link set tap0 nomaster
            tc qdisc delete dev tap0 clsact
            ip link delete kgha
            ip link delete kgvrf
            """,
            "ip -6 route delete unreachable default table 1001 metric 4278198272");
    }

    [Fact]
    public void One_guest_of_two_goes_and_the_other_is_not_touched()
    {
        KernelState one = [Vrf, Unreachable, Tunnel, Tap, DropAll, ToGuest, FromGuest];
        var other = Ipv6Prefix.Parse("2001:db8:1::20/128");
        var both = one.With(
        [
            Vrf,
            Tunnel,
            new Port("tap1") { Master = "kgvrf" },
            DropAll with { Link = "tap1" },
            new Route(other, 1001) { Link = "tap1" },
            new Route(Default, 1001) { Source = other, Link = "kgha" },
        ]);
        Rounds(
            Settled(both),
            one,
            """
            ip -6 route delete 2001:db8:1::20/128 dev tap1 table 1001 metric 1024
            ip -6 route delete default from 2001:db8:1::20/128 dev kgha table 1001 metric 1024
            ip link set tap1 down
            ip link set tap1 nomaster
            tc qdisc delete dev tap1 clsact
            """);
    }

    [Fact]
    public void A_route_moves_to_another_tunnel_in_one_step_when_that_is_up()
    {
        KernelState old = [Vrf, Unreachable, Tunnel, FromGuest];
        Rounds(
            Settled(old),
            [Vrf, Unreachable, Tunnel with { Name = "kgho", Remote = Ipv6Address.Parse("2001:db8:f3::2") }, Tunnel, FromGuest with { Link = "kgho" }],
            """
            ip link add kgho type ip6tnl local 2001:db8:f4::2 remote 2001:db8:f3::2 mode ip6ip6 encaplimit none hoplimit 64
            ip link set kgho addrgenmode none
            ip link set kgho master kgvrf up
            """,
            "ip -6 route replace default from 2001:db8:1::10/128 dev kgho table 1001 metric 1024");
    }

    [Fact]
    public void A_tunnel_with_other_ends_is_made_anew_with_all_that_is_on_it()
    {
        Rounds(
            Settled([Vrf, Unreachable, Tunnel, FromGuest]),
            [Vrf, Unreachable, Tunnel with { Local = Ipv6Address.Parse("2001:db8:f4::3") }, FromGuest],
            """
            ip link delete kgha
            ip link add kgha type ip6tnl local 2001:db8:f4::3 remote 2001:db8:1::1 mode ip6ip6 encaplimit none hoplimit 64
            ip link set kgha addrgenmode none
            ip link set kgha master kgvrf up
            """,
            "ip -6 route add default from 2001:db8:1::10/128 dev kgha table 1001 metric 1024");
    }

    [Fact]
    public void Settings_that_differ_are_set_and_others_are_not()
    {
        var tap = Tap with { Address = LinkLayerAddress.Parse("02:00:00:00:00:01"), Mtu = 1460, TransmitQueueLength = 5000 };
        Rounds(Settled([Vrf, Tap]), [Vrf, tap], "ip link set tap0 address 02:00:00:00:00:01 mtu 1460 txqueuelen 5000");
        Rounds(Settled([Vrf, tap]), [Vrf, tap with { Mtu = 1400 }], "ip link set tap0 mtu 1400");
        Rounds(Settled([Vrf, tap]), [Vrf, tap with { Mtu = null }]);
    }

    [Fact]
    public void A_neighbour_is_replaced_and_never_deleted_first()
    {
        var neighbour = new Neighbour("tap0", Home.Address, Guest);
        Rounds(
            Settled([Vrf, Tap, neighbour]),
            [Vrf, Tap, neighbour with { LinkLayerAddress = LinkLayerAddress.Parse("52:54:00:00:00:11") }],
            "ip -6 neigh replace 2001:db8:1::10 lladdr 52:54:00:00:00:11 nud permanent dev tap0");
    }

    [Fact]
    public void An_address_with_another_prefix_length_is_made_anew()
    {
        Rounds(
            Settled([Vrf, Tap, new LinkAddress("tap0", Local, 64)]),
            [Vrf, Tap, new LinkAddress("tap0", Local, 128)],
            """
            ip -6 address delete 2001:db8:f4::2/64 dev tap0
            ip -6 address add 2001:db8:f4::2/128 dev tap0 nodad
            """);
    }

    [Fact]
    public void Foreign_addresses_and_neighbours_are_left_alone_outside_our_links()
    {
        var foreign = Fresh with
        {
            Objects =
            [
                new LinkAddress("lo", Local, 128),
                new Neighbour("lo", Local, Guest),
                new Classifier("lo"),
            ],
        };
        Rounds(foreign, []);
        Rounds(foreign with { Marked = [new Neighbour("lo", Local, Guest)] }, [], "ip -6 neigh delete 2001:db8:f4::2 dev lo");
    }

    [Fact]
    public void On_our_ports_only_what_is_wanted_stays()
    {
        var tap = Settled([Vrf, Tap, DropAll]);
        Rounds(
            tap with
            {
                Objects =
                [
                    .. tap.Objects,
                    new LinkAddress("tap0", Ipv6Address.Parse("fe80::1"), 64),
                    new Neighbour("tap0", Local, Guest),
                    new Filter("tap0", FilterHook.Egress, 1, new UnknownMatch("bpf", 0x800), FilterAction.Pass),
                ],
            },
            [Vrf, Tap, DropAll],
            """
            tc filter delete dev tap0 egress pref 1 protocol 0x0800
            ip -6 neigh delete 2001:db8:f4::2 dev tap0
            ip -6 address delete fe80::1/64 dev tap0
            """);
    }

    [Fact]
    public void On_another_port_what_is_marked_as_ours_goes_and_no_more()
    {
        var herald = new Filter("tap0", FilterHook.Egress, 7, new FlowerMatch { DestinationLinkLayer = Guest }, FilterAction.Herald);
        var others = new Filter("tap0", FilterHook.Egress, 1, new UnknownMatch("bpf", 0x800), FilterAction.Pass);
        Rounds(
            Fresh,
            [herald],
            """
            tc qdisc add dev tap0 clsact
            tc filter add dev tap0 egress pref 7 protocol ipv6 flower dst_mac 52:54:00:00:00:10 action skbmod set dmac 02:6b:00:00:00:00 pipe action mirred egress mirror dev tap0 pipe action skbmod set dmac 52:54:00:00:00:10
            """);
        var there = Fresh with { Objects = [new Classifier("tap0"), herald], Marked = [herald] };
        Rounds(there, [herald]);
        Rounds(there with { Objects = [.. there.Objects, others] }, [], "tc filter delete dev tap0 egress pref 7 protocol ipv6");
        Rounds(there with { Marked = [] }, []);
    }

    [Fact]
    public void A_flower_filter_is_replaced_in_place_and_u32_is_made_anew()
    {
        var u32 = DropAll with { Priority = 1, Match = U32Match.NextHeader(135) };
        Rounds(
            Settled([Vrf, Tap, DropAll, PassHome, u32]),
            [Vrf, Tap, DropAll, PassHome with { Match = new FlowerMatch { Source = Home, IpProtocol = 58 } }, u32 with { Match = U32Match.FragmentNextHeader(43) }],
            """
            tc filter delete dev tap0 ingress pref 1 protocol ipv6
            tc filter add dev tap0 ingress pref 1 protocol ipv6 u32 match u32 0x00002c00 0x0000ff00 at 4 match u32 0x2b000000 0xff000000 at 40 action drop
            tc filter replace dev tap0 ingress pref 5 protocol ipv6 flower src_ip 2001:db8:1::10/128 ip_proto 58 action pass
            """);
    }

    [Fact]
    public void What_needs_a_link_that_is_not_there_waits()
    {
        var none = Fresh with { Links = [new(1, "lo")] };
        Rounds(none, [Tap, ToGuest, DropAll, new Neighbour("tap0", Local, Guest), Tunnel with { Underlay = "eth9" }]);
    }

    [Fact]
    public void A_setting_is_written_where_it_differs()
    {
        var setting = Sysctl.Ipv6("tap0", "proxy_ndp", 1);
        Rounds(Fresh with { Settings = new() { [setting.Path] = "0" } }, [setting], "sysctl -w net/ipv6/conf/tap0/proxy_ndp=1");
        Rounds(Fresh with { Settings = new() { [setting.Path] = "1" } }, [setting]);
        Rounds(Fresh, [setting]);
    }

    [Fact]
    public void A_tunnel_of_somebody_else_with_the_same_ends_is_refused_and_one_of_ours_makes_room()
    {
        var rival = new FakeKernel { Links = [new(1, "lo"), new(2, "tun9") { Kind = "ip6tnl", Tunnel = LinkMessages.Parameters(Tunnel, 0) with { HopLimit = 1 } }] };
        var (changes, refusals) = Difference.Compute([Tunnel], rival.Snapshot(), Scope, []);
        Assert.Empty(changes);
        Assert.Equal(
            "ip link add kgha type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::1 mode ip6ip6 encaplimit none hoplimit 64: File exists: "
            + "tun9, which is not ours, is already a tunnel from 2001:db8:f4::2 to 2001:db8:1::1, and there can be only one",
            Assert.Single(refusals).Message);

        Rounds(
            Settled([Tunnel with { Master = null }]),
            [Tunnel with { Name = "kgnew", Master = null }],
            """
            ip link delete kgha
            ip link add kgnew type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::1 mode ip6ip6 encaplimit none hoplimit 64
            ip link set kgnew addrgenmode none
            ip link set kgnew up
            """);
    }

    [Fact]
    public void A_link_of_a_wanted_name_that_is_not_ours_is_refused_and_not_touched()
    {
        foreach (var there in new NetworkInterface[] { new(2, "kgvrf") { Kind = "dummy", Group = Scope.Protocol }, new(2, "kgvrf") { Kind = "vrf", Table = 1001 } })
        {
            var kernel = new FakeKernel { Links = [new(1, "lo"), there] };
            var (changes, refusals) = Difference.Compute([Vrf, Tunnel, new LinkAddress("kgvrf", Local, 64)], kernel.Snapshot(), Scope, []);
            Assert.DoesNotContain(changes, change => change.ToString().Contains("kgvrf", StringComparison.Ordinal));
            Assert.Equal("ip link add kgvrf type vrf table 1001: File exists: kgvrf is there already and not ours", Assert.Single(refusals).Message);
            Assert.Empty(Difference.Compute([], kernel.Snapshot(), Scope, []).Changes);
        }
    }

    [Fact]
    public void A_state_is_a_set_and_refuses_two_objects_for_one_place()
    {
        KernelState state = [Vrf, Tap];
        Assert.Equal(2, state.With([new Vrf("kgvrf", 1001)]).Count);
        var error = Assert.Throws<ArgumentException>(() => state.With([new Vrf("kgvrf", 1002)]));
        Assert.Equal("'ip link add kgvrf type vrf table 1001' and 'ip link add kgvrf type vrf table 1002' exclude each other", error.Message);
        Assert.Throws<ArgumentException>(() => state.With([new Vrf("tap0", 1)]));
    }

    /// <summary>Compares what each round does, and sees that then nothing is left to do.</summary>
    internal static void Rounds(FakeKernel kernel, KernelState wanted, params string[] rounds)
    {
        foreach (var expected in rounds)
        {
            var (changes, refusals) = Difference.Compute(wanted, kernel.Snapshot(), Scope, []);
            Assert.Empty(refusals);
            Assert.Equal(expected, string.Join('\n', changes));
            kernel = kernel.After(changes);
        }

        Assert.Empty(Difference.Compute(wanted, kernel.Snapshot(), Scope, []).Changes);
    }

    private static FakeKernel Settled(KernelState wanted) => Settled(Fresh with { Links = [.. Fresh.Links, new(3, "tap1") { Kind = "tun", IsUp = true }] }, wanted);

    /// <summary>A kernel that is already as wanted.</summary>
    internal static FakeKernel Settled(FakeKernel kernel, KernelState wanted)
    {
        while (Difference.Compute(wanted, kernel.Snapshot(), Scope, []).Changes is { Count: > 0 } changes)
        {
            kernel = kernel.After(changes);
        }

        return kernel;
    }
}
