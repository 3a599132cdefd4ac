using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>
/// Pairs, a bridge's ports and its forwarding entries in a real kernel, looked at by iproute2 and by the ways that frames take.
/// <code>
///     far1 ---- near1 == br0 == near2 ---- far2
///                         |
///                        kgb1 ---- kgs1 (ours)
/// </code>
/// </summary>
[Trait("Needs", "kernel")]
public sealed class BridgeTests : IDisposable
{
    private const EtherType Experimental = (EtherType)0x88b5;

    private static readonly LinkLayerAddress Guest = LinkLayerAddress.Parse("52:54:00:00:00:10");
    private static readonly LinkLayerAddress Other = LinkLayerAddress.Parse("52:54:00:00:00:20");
    private static readonly LinkLayerAddress Everybody = LinkLayerAddress.Parse("ff:ff:ff:ff:ff:ff");
    private static readonly BridgeForwardingEntry Turned = new("kgb1", Guest) { IsSticky = true };
    private static readonly BridgeForwardingEntry Back = new("near1", Guest);

    private static readonly KernelState Pair =
    [
        new Veth("kgs1", "kgb1") { Address = Guest, Mtu = 1400 },
        new Veth("kgb1", "kgs1") { Master = "br0", Address = LinkLayerAddress.Parse("fe:6b:00:00:00:10"), Mtu = 1400 },
        new BridgePort("kgb1") { Learning = false, UnicastFlood = false, MulticastFlood = false, BroadcastFlood = false },
    ];

    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private readonly TestHost _host = new();

    public BridgeTests()
    {
        _host.Namespace.Ip("link add br0 type bridge mcast_snooping 0");
        _host.Namespace.Ip("link set br0 addrgenmode none");
        _host.Namespace.Ip("link set br0 up");
        foreach (var number in new[] { 1, 2 })
        {
            _host.Namespace.Ip($"link add near{number} type veth peer name far{number}");
            _host.Namespace.Ip($"link set near{number} addrgenmode none master br0");
            _host.Namespace.Ip($"link set far{number} addrgenmode none");
            _host.Namespace.Ip($"link set near{number} up");
            _host.Namespace.Ip($"link set far{number} up");
        }
    }

    public void Dispose()
    {
        _host.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public void A_pair_is_made_once_is_as_wanted_and_is_deleted_once()
    {
        var before = _host.Use(kernel => kernel.Interfaces());
        var bridge = BridgeAddress();
        var made = Lines(_host.Apply(Pair));
        Assert.Single(made, line => line.StartsWith("ip link add", StringComparison.Ordinal));
        Assert.Empty(_host.Apply(Pair).Changes);

        var (standIn, port) = (Assert.Single(_host.Namespace.Json("-d link show dev kgs1")), Assert.Single(_host.Namespace.Json("-d link show dev kgb1")));
        Assert.Equal(("52:54:00:00:00:10", 1400, "kgb1"), (standIn.GetProperty("address").GetString(), standIn.GetProperty("mtu").GetInt32(), standIn.GetProperty("link").GetString()));
        Assert.Equal(("fe:6b:00:00:00:10", 1400, "br0"), (port.GetProperty("address").GetString(), port.GetProperty("mtu").GetInt32(), port.GetProperty("master").GetString()));
        Assert.All([standIn, port], end => Assert.Equal("none", end.GetProperty("inet6_addr_gen_mode").GetString()));
        Assert.All([standIn, port], end => Assert.Equal("UP", end.GetProperty("operstate").GetString()));

        Assert.Equal(bridge, BridgeAddress());

        Assert.Equal(["ip link delete kgb1"], Lines(_host.Apply([])));
        Assert.Equal(before.OrderBy(link => link.Index), _host.Use(kernel => kernel.Interfaces()).OrderBy(link => link.Index));

        LinkLayerAddress? BridgeAddress() => _host.Use(kernel => kernel.Interfaces()).Find("br0")!.Address;
    }

    [Fact]
    public void An_end_that_somebody_has_taken_away_comes_back_with_the_other()
    {
        _host.Apply(Pair);
        _host.Namespace.Ip("link delete kgs1");
        Assert.NotEmpty(_host.Apply(Pair).Changes);
        Assert.Empty(_host.Apply(Pair).Changes);
        Assert.Equal("br0", Assert.Single(_host.Namespace.Json("link show dev kgb1")).GetProperty("master").GetString());
    }

    [Fact]
    public void A_pair_that_has_lost_an_end_to_another_namespace_is_made_anew()
    {
        using var elsewhere = new NetworkNamespace();
        _host.Apply(Pair);
        _host.Namespace.Ip($"link set kgs1 netns {elsewhere.Name}");
        _host.Apply(Pair);
        Assert.Empty(_host.Apply(Pair).Changes);
        Assert.Equal("kgb1", Assert.Single(_host.Namespace.Json("link show dev kgs1")).GetProperty("link").GetString());
        Assert.DoesNotContain(elsewhere.Json("link show"), link => link.GetProperty("ifname").GetString() == "kgs1");
    }

    [Fact]
    public void A_port_that_has_left_the_bridge_waits_with_all_that_is_wanted_of_it()
    {
        KernelState wanted = [new BridgePort("near1") { BroadcastFlood = false }, Back];
        _host.Namespace.Ip("link set near1 nomaster");
        Assert.Empty(_host.Apply(wanted).Changes);
        _host.Namespace.Ip("link set near1 master br0");
        Assert.Equal(
            ["ip link set near1 type bridge_slave bcast_flood off", "bridge fdb replace 52:54:00:00:00:10 dev near1 master dynamic"],
            Lines(_host.Apply(wanted)));
        Assert.Equal(["vnet9"], _host.Apply([new BridgePort("vnet9")]).MissingLinks);
    }

    [Fact]
    public void Filters_that_somebody_has_put_on_a_port_stay_whatever_is_wanted_of_it()
    {
        _host.Namespace.Execute("tc qdisc add dev near1 clsact");
        _host.Namespace.Execute("tc filter add dev near1 ingress pref 7 protocol ipv6 flower action pass");
        var before = _host.Namespace.Execute("tc filter show dev near1 ingress");
        _host.Apply([new BridgePort("near1") { BroadcastFlood = false }, Back]);
        _host.Apply([]);
        Assert.Equal(before, _host.Namespace.Execute("tc filter show dev near1 ingress"));
        Assert.Contains("pref 7", before, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_entry_is_there_is_replaced()
    {
        _host.Apply(Pair);
        foreach (var there in new[] { "near2 master dynamic", "near2 master static", "near2 master static sticky", "kgb1 master static", "kgb1 master dynamic" })
        {
            foreach (var (wanted, seen) in new[] { (Turned, ("kgb1", true)), (Back, ("near1", false)) })
            {
                _host.Namespace.Execute($"bridge fdb replace {Guest} dev {there}");
                Assert.Single(_host.Apply(Pair.With([wanted])).Changes);
                Assert.Equal(seen, Entry());
                Assert.Empty(_host.Apply(Pair.With([wanted])).Changes);
            }
        }
    }

    [Fact]
    public async Task A_bridge_that_filters_VLANs_turns_too()
    {
        _host.Namespace.Ip("link set br0 type bridge vlan_filtering 1");
        _host.Apply(Pair.With([Back]));
        _host.Apply(Pair.With([Turned]));
        Assert.Empty(_host.Apply(Pair.With([Turned])).Changes);
        await ArrivesAsync("far1", Guest, Everybody, "far2");
        await ArrivesAsync("far2", Other, Guest, "kgs1");
        _host.Apply(Pair);
        Assert.DoesNotContain($"{Guest} dev kgb1", _host.Namespace.Execute("bridge fdb show br br0"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_flags_of_a_port_are_set_where_they_are_wanted_and_not_touched_where_not()
    {
        _host.Namespace.Ip("link set near1 type bridge_slave mcast_flood off");
        Assert.Equal(new BridgePortSettings(true, true, false, true), Settings("near1"));
        Assert.Null(_host.Use(kernel => kernel.Interfaces()).Find("far1")!.BridgePort);

        KernelState wanted = [new BridgePort("near1") { Learning = false, BroadcastFlood = false, TransmitQueueLength = 1234 }];
        Assert.Equal(["ip link set near1 txqueuelen 1234 type bridge_slave learning off bcast_flood off"], Lines(_host.Apply(wanted)));
        Assert.Equal(new BridgePortSettings(false, true, false, false), Settings("near1"));
        Assert.Empty(_host.Apply(wanted).Changes);

        var shown = Assert.Single(_host.Namespace.Json("-d link show dev near1"));
        var data = shown.GetProperty("linkinfo").GetProperty("info_slave_data");
        Assert.Equal(
            (false, true, false, false, 1234),
            (Is("learning"), Is("flood"), Is("mcast_flood"), Is("bcast_flood"), shown.GetProperty("txqlen").GetInt32()));
        Assert.Equal(new BridgePortSettings(true, true, true, true), Settings("near2"));

        // Nothing is undone by itself.
        Assert.Empty(_host.Apply([]).Changes);
        Assert.Equal(new BridgePortSettings(false, true, false, false), Settings("near1"));

        bool Is(string flag) => data.GetProperty(flag).GetBoolean();
    }

    [Fact]
    public async Task No_frame_of_its_address_moves_a_sticky_entry()
    {
        _host.Apply(Pair.With([Turned]));
        Assert.Empty(_host.Apply(Pair.With([Turned])).Changes);
        Assert.Equal(("kgb1", true), Entry());

        await ArrivesAsync("far1", Guest, Everybody, "far2");
        Assert.Equal(("kgb1", true), Entry());

        // The port gets nothing by flooding: this is for it.
        await ArrivesAsync("far2", Other, Guest, "kgs1");

        Assert.Equal(["bridge fdb delete 52:54:00:00:00:10 dev kgb1 master"], Lines(_host.Apply(Pair)));
        Assert.Null(Entry());
        await ArrivesAsync("far1", Guest, Everybody, "far2");
        Assert.Equal(("near1", false), Entry());
        Assert.Empty(_host.Apply(Pair).Changes);
    }

    [Fact]
    public async Task Prepared_changes_turn_an_entry_and_a_route_to_another_port_and_back()
    {
        var home = Ipv6Prefix.Parse("2001:db8:1::10/128");
        var (away, here) = (new Route(home) { Link = "kgs1" }, new Route(home) { Link = "far1" });
        _host.Apply(Pair.With([here]));
        using var kernel = _host.Namespace.Run(() => new Kernel());
        var turn = kernel.Prepare([Turned, away], kernel.Interfaces(), TestHost.Scope);
        var back = kernel.Prepare([Back, here], kernel.Interfaces(), TestHost.Scope);
        await ArrivesAsync("far1", Guest, Everybody, "far2");
        Assert.Equal(("near1", false), Entry());

        turn.Carry();
        Assert.Equal(("kgb1", true), Entry());
        Assert.Empty(_host.Apply(Pair.With([Turned, away])).Changes);
        await ArrivesAsync("far1", Guest, Everybody, "far2");
        await ArrivesAsync("far2", Other, Guest, "kgs1");

        back.Carry();
        Assert.Equal(("near1", false), Entry());
        Assert.Empty(_host.Apply(Pair.With([here])).Changes);
        await ArrivesAsync("far2", Other, Guest, "far1");

        // As if learnt: it goes where the address is.
        await ArrivesAsync("far2", Guest, Everybody, "far1");
        Assert.Equal(("near2", false), Entry());

        turn.Carry();
        Assert.Equal(("kgb1", true), Entry());
    }

    [Fact]
    public void What_needs_a_link_that_is_not_there_cannot_be_prepared_and_not_carried_out()
    {
        using var kernel = _host.Namespace.Run(() => new Kernel());
        Assert.Equal("link kgb1", Assert.Throws<KernelException>(() => kernel.Prepare([Turned], kernel.Interfaces(), TestHost.Scope)).Operation);
        _host.Apply(Pair);
        var home = new Route(Ipv6Prefix.Parse("2001:db8:1::10/128")) { Link = "far1" };
        var turn = kernel.Prepare([Turned, home], kernel.Interfaces(), TestHost.Scope);
        _host.Apply([]);
        var error = Assert.Throws<NetlinkException>(turn.Carry);
        Assert.Equal("bridge fdb replace 52:54:00:00:00:10 dev kgb1 master static sticky", error.Operation);

        // The others are done.
        Assert.Empty(_host.Apply([home]).Changes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_refusal_of_any_prepared_change_is_told_and_the_next_ones_are_not_mixed_up_with_it(int refused)
    {
        _host.Apply(Pair);
        var routes = Enumerable.Range(0, 3).Select(number => new Route(Ipv6Prefix.Parse($"2001:db8:1::1{number}/128")) { Link = number == refused ? "far2" : "far1" }).ToList();
        using var kernel = _host.Namespace.Run(() => new Kernel());
        var all = kernel.Prepare(routes, kernel.Interfaces(), TestHost.Scope);
        var turn = kernel.Prepare([Turned], kernel.Interfaces(), TestHost.Scope);
        kernel.Prepare([], kernel.Interfaces(), TestHost.Scope).Carry();
        all.Carry();
        Assert.Empty(_host.Apply(Pair.With(routes)).Changes);
        _host.Namespace.Ip("link set far2 down");
        for (var time = 0; time < 2; time++)
        {
            Assert.Equal($"ip -6 route replace 2001:db8:1::1{refused}/128 dev far2 table 254 metric 1024", Assert.Throws<NetlinkException>(all.Carry).Operation);
            turn.Carry();
            Assert.Equal(("kgb1", true), Entry());
        }

        _host.Namespace.Ip("link set far2 up");
        all.Carry();
        Assert.Empty(_host.Apply(Pair.With([.. routes, Turned])).Changes);
    }

    [Fact]
    public async Task Statistics_count_what_has_passed()
    {
        var (sent, got) = (Statistics("far1"), Statistics("near1"));
        for (var i = 0; i < 3; i++)
        {
            await ArrivesAsync("far1", Other, Everybody, "far2");
        }

        Assert.Equal(sent with { TransmittedPackets = sent.TransmittedPackets + 3 }, Statistics("far1"));
        Assert.Equal(got with { ReceivedPackets = got.ReceivedPackets + 3 }, Statistics("near1"));
        Assert.Null(_host.Use(kernel => kernel.Statistics(999_999)));
    }

    [Fact]
    public void Statistics_count_what_a_link_has_dropped()
    {
        _host.Apply([new Ip6Tunnel("kgho", Ipv6Address.Parse("2001:db8:f4::2"), Ipv6Address.Parse("2001:db8:f3::2"))]);
        _host.Namespace.Ip("-6 route add unreachable 2001:db8:f3::/64");
        var before = Statistics("kgho");
        _host.Namespace.Run(() =>
        {
            using var sender = new PacketSocket(Index("kgho"), PacketFilter.Nothing, Netlink.ETH_P_IPV6);
            sender.Send(Packets.Ipv6(GuestSite.Home, GuestSite.Correspondent, 59, []));
        });
        Assert.Equal(before with { TransmitDrops = before.TransmitDrops + 1 }, Statistics("kgho"));
    }

    private static List<string> Lines(ApplyResult result) => [.. result.Changes.Select(change => change.ToString())];

    private int Index(string link) => _host.Use(kernel => kernel.Interfaces()).Find(link)!.Index;

    private BridgePortSettings? Settings(string link) => _host.Use(kernel => kernel.Interfaces()).Find(link)!.BridgePort;

    private LinkStatistics Statistics(string link) => _host.Use(kernel => kernel.Statistics(kernel.Interfaces().Find(link)!.Index))!.Value;

    /// <summary>The port that the guest's address is behind, as iproute2 shows it, and whether it stays there.</summary>
    private (string Port, bool IsSticky)? Entry()
    {
        // The kernel has it once more for each VLAN of the port.
        var lines = _host.Namespace.Execute("bridge fdb show br br0").Split('\n')
            .Where(line => line.StartsWith($"{Guest} ", StringComparison.Ordinal) && !line.Contains("vlan", StringComparison.Ordinal)).ToList();
        return lines.Count == 0 ? null : Assert.Single(lines).Split(' ') is var words ? (words[2], words.Contains("sticky")) : null;
    }

    /// <summary>Sends a frame from one link and waits for it at another.</summary>
    private async Task ArrivesAsync(string from, LinkLayerAddress source, LinkLayerAddress destination, string at)
    {
        var (sending, receiving) = (Index(from), Index(at));
        using var sender = _host.Namespace.Run(() => new PacketSocket(sending, PacketFilter.Nothing));
        using var receiver = _host.Namespace.Run(() => new PacketSocket(receiving, GuestSite.AllOf(Experimental)));
        var buffer = new byte[2048];
        var waiting = receiver.ReceiveAsync(buffer, _deadline.Token);
        var sent = Packets.Frame(destination, source, Experimental, new byte[46]);
        sender.Send(sent);
        var frame = await waiting;
        Assert.Equal(sent, buffer[..frame.Length]);
    }
}
