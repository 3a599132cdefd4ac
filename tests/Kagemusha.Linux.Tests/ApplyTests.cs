using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>Apply in a real kernel, looked at by iproute2.</summary>
[Trait("Needs", "kernel")]
public sealed class ApplyTests : IDisposable
{
    private readonly TestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void What_is_applied_is_what_iproute2_shows()
    {
        _host.Apply(TestHost.Away);
        Assert.Equal(
            """
            address {"ifname":"tap0","mtu":1400,"master":"kgvrf","txqlen":2000,"addr_info":[{"family":"inet6","local":"fe80::ff:fe00:1","prefixlen":64,"scope":"link","nodad":true}]}
            filter kgha egress protocol ipv6 pref 1 flower eth_type ipv6 dst_ip 2001:db8:1::/64 action gact action drop
            filter tap0 egress protocol ipv6 pref 7 flower dst_mac 52:54:00:00:00:10 eth_type ipv6 action skbmod pipe set dmac 02:6b:00:00:00:00 action mirred (Egress Mirror to device tap0) pipe action skbmod pass set dmac 52:54:00:00:00:10
            filter tap0 ingress protocol all pref 5 flower action gact action drop
            filter tap0 ingress protocol ipv6 pref 1 u32 match 00008700/0000ff00 at 4 action gact action drop
            filter tap0 ingress protocol ipv6 pref 2 u32 match 00002c00/0000ff00 at 4 match 87000000/ff000000 at 40 action gact action drop
            filter tap0 ingress protocol ipv6 pref 3 flower eth_type ipv6 dst_ip fe80::/10 action gact action drop
            filter tap0 ingress protocol ipv6 pref 4 flower eth_type ipv6 ip_proto icmpv6 src_ip 2001:db8:1::10 action gact action pass
            link {"ifname":"kgvrf","mtu":65575,"txqlen":1000,"link_type":"ether","linkinfo":{"info_kind":"vrf","info_data":{"table":1001}},"inet6_addr_gen_mode":"eui64","up":true}
            link {"ifname":"tap0","mtu":1400,"master":"kgvrf","txqlen":2000,"link_type":"ether","address":"02:00:00:00:00:01","linkinfo":{"info_kind":"dummy","info_slave_kind":"vrf","info_slave_data":{"table":1001}},"inet6_addr_gen_mode":"none","up":true}
            link {"link":"wan","ifname":"kgha","mtu":1460,"master":"kgvrf","txqlen":1000,"link_type":"tunnel6","link_pointtopoint":true,"linkinfo":{"info_kind":"ip6tnl","info_data":{"proto":"ip6ip6","remote":"2001:db8:1::1","local":"2001:db8:f4::2","link":"wan","ttl":64,"ip6_tnl_f_ign_encap_limit":true,"tclass":"0x00","flowlabel":"0x00000"},"info_slave_kind":"vrf","info_slave_data":{"table":1001}},"inet6_addr_gen_mode":"none","up":true}
            neighbour {"dst":"2001:db8:1::10","lladdr":"52:54:00:00:00:10","state":["PERMANENT"],"protocol":"75","on":"tap0"}
            route {"dst":"2001:db8:1::10","dev":"tap0","table":"1001","metric":1024,"pref":"medium"}
            route {"dst":"2001:db8:2::/64","gateway":"2001:db8:f4::9","dev":"wan","metric":7,"pref":"medium"}
            route {"dst":"default","from":"2001:db8:1::10","dev":"kgha","table":"1001","metric":1024,"pref":"medium"}
            route {"type":"throw","dst":"default","from":"2001:db8:f4::2","dev":"lo","table":"1001","metric":1024,"pref":"medium"}
            route {"type":"unreachable","dst":"default","dev":"lo","table":"1001","metric":4278198272,"pref":"medium"}
            rule {"priority":900,"src":"2001:db8:1::10","dst":"2001:db8:3::","dstlen":64,"iif":"wan","table":"1001","protocol":"75"}
            """,
            Picture.Take(_host.Namespace, "kgvrf", "kgha", "tap0"));
        Assert.Equal("1\n", _host.Namespace.Execute("cat /proc/sys/net/ipv6/conf/wan/proxy_ndp"));
    }

    [Fact]
    public void A_kernel_that_is_as_wanted_gets_no_request()
    {
        Assert.NotEmpty(_host.Apply(TestHost.Away).Changes);
        Assert.Empty(_host.Apply(TestHost.Away).Changes);
    }

    [Fact]
    public void Removal_leaves_the_port_down_and_nothing_else()
    {
        var before = Picture.Take(_host.Namespace, "wan");
        _host.Apply(TestHost.Away);
        _host.Apply([]);
        Assert.Equal(before, Picture.Take(_host.Namespace, "wan"));
        Assert.Equal(
            """
            link {"ifname":"tap0","mtu":1400,"txqlen":2000,"link_type":"ether","address":"02:00:00:00:00:01","linkinfo":{"info_kind":"dummy"},"inet6_addr_gen_mode":"none","up":false}
            """,
            Picture.Take(_host.Namespace, "tap0"));

        // ip6tnl0 is the kernel's: it comes with the first tunnel and stays.
        var links = _host.Namespace.Json("link show").Select(link => link.GetProperty("ifname").GetString()).Except(["ip6tnl0"]);
        Assert.Equal(["lo", "wan", "tap0", "tap1"], links);
        Assert.Empty(_host.Apply([]).Changes);
    }

    [Fact]
    public void The_unreachable_default_is_there_before_any_port_is_in_the_VRF_and_longer()
    {
        var steps = _host.Apply(TestHost.Away).Changes.Select(change => change.ToString()).ToList();
        var made = steps.IndexOf("ip -6 route add unreachable default table 1001 metric 4278198272");
        Assert.InRange(made, 0, steps.FindIndex(step => step.Contains("master kgvrf", StringComparison.Ordinal)) - 1);

        steps = [.. _host.Apply([]).Changes.Select(change => change.ToString())];
        Assert.Equal("ip -6 route delete unreachable default table 1001 metric 4278198272", steps[^1]);
        Assert.True(steps.IndexOf("ip link set tap0 down") < steps.IndexOf("ip link set tap0 nomaster"));
    }

    [Fact]
    public void A_foreign_tunnel_of_the_same_pair_is_refused_with_one_line_and_the_rest_is_done()
    {
        _host.Namespace.Ip("link add tun9 type ip6tnl local 2001:db8:f4::2 remote 2001:db8:1::1 mode any");
        var error = Assert.Throws<NetlinkException>(() => _host.Apply(TestHost.Away));
        Assert.Equal("tun9, which is not ours, is already a tunnel from 2001:db8:f4::2 to 2001:db8:1::1, and there can be only one", error.KernelMessage);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal("kgvrf", Assert.Single(_host.Namespace.Json("link show dev tap0")).GetProperty("master").GetString());

        _host.Namespace.Ip("link delete tun9");
        _host.Apply(TestHost.Away);
        Assert.Empty(_host.Apply(TestHost.Away).Changes);
    }

    [Fact]
    public void Two_programs_on_one_host_leave_each_other_alone()
    {
        var other = TestHost.Scope with { Protocol = KernelScope.DefaultProtocol + 1 };
        KernelState others =
        [
            new Ip6Tunnel("kgother", Ipv6Address.Parse("2001:db8:f4::2"), Ipv6Address.Parse("2001:db8:f2::2")),
            new Route(Ipv6Prefix.Parse("2001:db8:1::20/128")) { Link = "kgother" },
        ];
        _host.Use(kernel => kernel.Apply(others, other));
        _host.Apply(TestHost.Away);
        _host.Apply([]);
        Assert.Empty(_host.Use(kernel => kernel.Apply(others, other)).Changes);
        Assert.Equal(["kgother"], _host.Use(kernel => kernel.Interfaces()).Select(link => link.Name).Where(name => name.StartsWith("kg", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_kernels_own_words_are_in_the_exception()
    {
        var error = Assert.Throws<NetlinkException>(() => _host.Apply([new Vrf("kgvrf", 0)]));
        Assert.Equal(("ip link add kgvrf type vrf table 0", 22, "Invalid VRF table id"), (error.Operation, error.Errno, error.KernelMessage));
        Assert.NotNull(error.Offset);
        Assert.StartsWith("ip link add kgvrf type vrf table 0: Invalid argument: Invalid VRF table id (at byte ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_error_does_not_hinder_what_does_not_need_it()
    {
        KernelState wanted = [.. TestHost.Away, new Route(Ipv6Prefix.Parse("2001:db8:9::/64")) { Link = "wan", Gateway = Ipv6Address.Parse("2001:db8:f4::2") }];
        var error = Assert.Throws<NetlinkException>(() => _host.Apply(wanted));
        Assert.Equal("Gateway can not be a local address", error.KernelMessage);
        Assert.Empty(_host.Apply(TestHost.Away).Changes);
    }

    [Fact]
    public void A_setting_that_the_kernel_does_not_take_is_an_error_with_its_line()
    {
        var error = Assert.Throws<KernelException>(() => _host.Apply([Sysctl.Ipv6("wan", "mtu", 1)]));
        Assert.Equal(("sysctl -w net/ipv6/conf/wan/mtu=1", 22), (error.Operation, error.Errno));
    }

    [Fact]
    public void What_needs_a_link_that_is_not_there_is_left_out_and_comes_when_it_does()
    {
        _host.Namespace.Ip("link delete tap0");
        Assert.Equal(["tap0"], _host.Apply(TestHost.Away).MissingLinks);
        _host.Namespace.Ip("link add tap0 type dummy");
        Assert.Empty(_host.Apply(TestHost.Away).MissingLinks);
        Assert.Contains("\"master\":\"kgvrf\"", Picture.Take(_host.Namespace, "tap0"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_somebody_has_taken_away_is_put_back()
    {
        _host.Apply(TestHost.Away);
        var before = Picture.Take(_host.Namespace, "kgvrf", "kgha", "tap0");
        _host.Namespace.Ip("link set tap0 down");
        _host.Namespace.Ip("link set tap0 up");
        _host.Namespace.Ip("link delete kgha");
        _host.Namespace.Execute("tc filter delete dev tap0 ingress pref 1");
        _host.Namespace.Execute("tc filter add dev tap0 ingress pref 50 protocol arp matchall action pass");
        _host.Namespace.Ip("address add 2001:db8:1::77/64 dev tap0");
        _host.Apply(TestHost.Away);
        Assert.Equal(before, Picture.Take(_host.Namespace, "kgvrf", "kgha", "tap0"));
        Assert.Empty(_host.Apply(TestHost.Away).Changes);
    }

    [Fact]
    public void A_route_look_up_says_source_interface_next_hop_and_mtu()
    {
        var destination = Ipv6Address.Parse("2001:db8:1::1");
        var index = _host.Use(kernel => kernel.Interfaces()).Find("wan")!.Index;
        Assert.Equal(
            new RouteLookup(Ipv6Address.Parse("2001:db8:f4::2"), index, "wan", Ipv6Address.Parse("2001:db8:f4::1"), 1500),
            _host.Use(kernel => kernel.Lookup(destination)));
        _host.Namespace.Ip("-6 route replace default via 2001:db8:f4::1 dev wan mtu 1300");
        Assert.Equal(1300, _host.Use(kernel => kernel.Lookup(destination))!.Mtu);
        Assert.Null(_host.Use(kernel => kernel.Lookup(destination, link: "tap0")));
        _host.Namespace.Ip("-6 route add unreachable 2001:db8:1::/64");
        Assert.Null(_host.Use(kernel => kernel.Lookup(destination)));
        _host.Namespace.Ip("-6 route delete unreachable 2001:db8:1::/64");
        _host.Namespace.Ip("-6 route delete default");
        Assert.Null(_host.Use(kernel => kernel.Lookup(destination)));
    }

    [Fact]
    public void Bridges_ports_and_addresses_can_be_asked_for()
    {
        _host.Namespace.Ip("link add br0 type bridge");
        _host.Namespace.Ip("link set tap1 master br0");
        var links = _host.Use(kernel => kernel.Interfaces());
        var tap = links.Find("tap1")!;
        Assert.Equal(("br0", LinkLayerAddress.Parse("fe:54:00:00:00:10"), true), (links.BridgeOf(tap)?.Name, tap.Address, tap.IsUp));
        Assert.Equal(["tap1"], links.PortsOf(links.Find("br0")!).Select(port => port.Name));
        Assert.Null(links.BridgeOf(links.Find("wan")!));
        Assert.Contains(
            new InterfaceAddress(links.Find("wan")!.Index, Ipv6Address.Parse("2001:db8:f4::2"), 64, IsUsable: true),
            _host.Use(kernel => kernel.Addresses()));
    }

    [Fact]
    public void An_address_that_ends_says_when()
    {
        _host.Namespace.Ip("-6 address add 2001:db8:f4::9/64 dev wan nodad valid_lft 1000 preferred_lft 500");
        var address = _host.Use(kernel => kernel.Addresses()).Single(each => each.Address == Ipv6Address.Parse("2001:db8:f4::9"));
        Assert.InRange(address.ValidFor!.Value.TotalSeconds, 500, 1000);
    }
}
