using Kagemusha.Wire;
using static Kagemusha.Linux.Tests.DifferenceTests;

namespace Kagemusha.Linux.Tests;

/// <summary>
/// Pairs, bridges' ports and forwarding entries: states and what is to be done, round by round, as iproute2 lines.
/// <code>
///     kgs1 ---- kgb1 == br0 == vnet0 (somebody else's)
/// </code>
/// </summary>
public sealed class BridgeDifferenceTests
{
    private static readonly LinkLayerAddress Guest = LinkLayerAddress.Parse("52:54:00:00:00:10");
    private static readonly BridgePortSettings Flooding = new(Learning: true, UnicastFlood: true, MulticastFlood: true, BroadcastFlood: true);

    private static readonly Veth StandIn = new("kgs1", "kgb1") { Address = Guest, Mtu = 1400 };
    private static readonly Veth StandInPort = new("kgb1", "kgs1") { Master = "br0", Mtu = 1400 };
    private static readonly BridgePort Quiet = new("kgb1") { Learning = false, UnicastFlood = false, MulticastFlood = false, BroadcastFlood = false };
    private static readonly BridgeForwardingEntry Turned = new("kgb1", Guest) { IsSticky = true };

    private static readonly FakeKernel HomeLink = new()
    {
        Links =
        [
            new(1, "lo"),
            new(2, "br0") { Kind = "bridge", IsUp = true },
            new(3, "vnet0") { Kind = "tun", IsUp = true, MasterIndex = 2, TransmitQueueLength = 1000, BridgePort = Flooding, GeneratesAddresses = true },
        ],
    };

    [Fact]
    public void A_pair_is_made_once_and_its_port_is_set_before_it_is_up_and_gets_its_entry_then() => Rounds(
        HomeLink,
        [StandIn, StandInPort, Quiet, Turned],
        """
        ip link add kgb1 type veth peer name kgs1
        ip link set kgb1 addrgenmode none
        ip link set kgb1 mtu 1400 master br0
        ip link set kgs1 addrgenmode none
        ip link set kgs1 address 52:54:00:00:00:10 mtu 1400 up
        """,
        """
        ip link set kgb1 type bridge_slave learning off flood off mcast_flood off bcast_flood off
        ip link set kgb1 up
        """,
        "bridge fdb replace 52:54:00:00:00:10 dev kgb1 master static sticky");

    [Fact]
    public void A_pair_with_another_end_is_made_anew() => Rounds(
        Settled(HomeLink, [StandIn, StandInPort, Quiet, Turned]),
        [StandIn with { Peer = "kgb2" }, new Veth("kgb2", "kgs1")],
        """
        ip link delete kgb1
        ip link add kgb2 type veth peer name kgs1
        ip link set kgb2 addrgenmode none
        ip link set kgb2 up
        ip link set kgs1 addrgenmode none
        ip link set kgs1 address 52:54:00:00:00:10 mtu 1400 up
        """);

    [Fact]
    public void A_pair_is_deleted_once_and_what_is_on_it_goes_with_it() => Rounds(
        Settled(HomeLink, [StandIn, StandInPort, Quiet, Turned]), [], "ip link delete kgb1");

    [Fact]
    public void One_pair_of_two_goes_and_the_other_is_not_touched()
    {
        KernelState one = [StandIn, StandInPort, Quiet];
        Rounds(
            Settled(HomeLink, one.With([new Veth("kgs2", "kgb2"), new Veth("kgb2", "kgs2") { Master = "br0" }])),
            one,
            "ip link delete kgb2");
    }

    [Fact]
    public void An_end_that_somebody_has_made_is_refused()
    {
        var kernel = HomeLink with { Links = [.. HomeLink.Links, new(4, "kgs1") { Kind = "veth" }] };
        var (changes, refusals) = Difference.Compute([StandIn], kernel.Snapshot(), Scope, []);
        Assert.Empty(changes);
        Assert.Equal("ip link add kgs1 type veth peer name kgb1: File exists: kgs1 is there already and not ours", Assert.Single(refusals).Message);
    }

    [Fact]
    public void Of_a_port_only_what_differs_is_set_and_null_is_left_as_it_is()
    {
        Rounds(HomeLink, [new BridgePort("vnet0")]);
        Rounds(HomeLink, [new BridgePort("vnet0") { Learning = true, UnicastFlood = true, MulticastFlood = true, BroadcastFlood = true, TransmitQueueLength = 1000 }]);
        Rounds(HomeLink, [new BridgePort("vnet0") { TransmitQueueLength = 10000 }], "ip link set vnet0 txqueuelen 10000");
        Rounds(HomeLink, [new BridgePort("vnet0") { MulticastFlood = false }], "ip link set vnet0 type bridge_slave mcast_flood off");
        Rounds(
            Settled(HomeLink, [new BridgePort("vnet0") { Learning = false, UnicastFlood = false, BroadcastFlood = false }]),
            [new BridgePort("vnet0") { Learning = false, UnicastFlood = true, BroadcastFlood = true, TransmitQueueLength = 500 }],
            "ip link set vnet0 txqueuelen 500 type bridge_slave flood on bcast_flood on");
    }

    [Fact]
    public void A_port_that_is_no_longer_wanted_stays_as_it_is() => Rounds(Settled(HomeLink, [new BridgePort("vnet0") { BroadcastFlood = false }]), []);

    [Fact]
    public void A_link_that_is_no_port_and_one_that_is_not_there_are_left_alone()
    {
        foreach (var link in new[] { "lo", "vnet9" })
        {
            Rounds(HomeLink, [new BridgePort(link) { Learning = false, TransmitQueueLength = 10000 }, Turned with { Link = link }]);
        }
    }

    [Fact]
    public void Of_a_port_of_somebody_elses_filters_and_addresses_are_somebody_elses()
    {
        var drop = new Filter("vnet0", FilterHook.Ingress, 1, new AnyMatch(), FilterAction.Drop);
        var kernel = HomeLink with { Objects = [new Classifier("vnet0"), drop, new LinkAddress("vnet0", Ipv6Address.Parse("fe80::1"), 64)] };
        Rounds(kernel, [new BridgePort("vnet0")]);
        Rounds(kernel, [new BridgePort("vnet0"), drop with { Priority = 2 }], "tc filter add dev vnet0 ingress pref 2 protocol all flower action drop");
        Rounds(kernel, []);
    }

    [Fact]
    public void An_entry_moves_to_another_port_in_one_step()
    {
        KernelState pair = [StandIn, StandInPort];
        Rounds(
            Settled(HomeLink, pair.With([Turned])),
            pair.With([Turned with { Link = "vnet0" }]),
            "bridge fdb replace 52:54:00:00:00:10 dev vnet0 master static sticky");
    }

    [Fact]
    public void An_entry_of_ours_goes_from_our_port_and_anybody_elses_stays()
    {
        KernelState pair = [StandIn, StandInPort];
        Rounds(Settled(HomeLink, pair.With([Turned])), pair, "bridge fdb delete 52:54:00:00:00:10 dev kgb1 master");
        Rounds(HomeLink with { Objects = [Turned with { Link = "vnet0" }] }, []);
    }

    [Fact]
    public void An_entry_as_if_learnt_is_kept_where_the_bridge_learns()
    {
        KernelState pair = [StandIn, StandInPort];
        var learnt = Turned with { IsSticky = false };
        Rounds(Settled(HomeLink, pair.With([Turned])), pair.With([learnt]), "bridge fdb replace 52:54:00:00:00:10 dev kgb1 master dynamic");
        Rounds(Settled(HomeLink, pair.With([learnt])), pair);
        Rounds(Settled(HomeLink, pair.With([Quiet, learnt])), pair.With([Quiet]), "bridge fdb delete 52:54:00:00:00:10 dev kgb1 master");
    }
}
