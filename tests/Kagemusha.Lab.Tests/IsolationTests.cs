namespace Kagemusha.Lab.Tests;

/// <summary>What must not be seen while guests are away: two of them are on hv-b.</summary>
[Trait("Takes", "long")]
public sealed class IsolationTests
{
    private const string Stranger = "2001:db8:9::bad";

    // Hop-by-hop options, IPv6 in IPv6, routing, destination options (the Home Address option), mobility.
    private static readonly byte[] ForbiddenHeaders = [0, 41, 43, 60, 135];
    private readonly Lab _lab;
    private readonly LabGuest _guest;
    private readonly LabGuest _other;
    private readonly Hypervisor _host;

    public IsolationTests(Lab lab)
    {
        (_lab, _guest, _other, _host) = (lab, lab.VM, lab.Dash, lab.B);
        _guest.BeAt(_host);
        _other.BeAt(_host);
    }

    [Fact]
    public void Guests_that_are_away_reach_the_correspondent_node_and_each_other_directly()
    {
        using var uplink = _host.Capture("wan", "ip6");
        Assert.Contains(" 0% packet loss", _guest.Shell($"ping -c 2 -W 2 {_other.Address}"), StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", _guest.Shell($"ping -c 2 -W 2 {Lab.CorrespondentAddress}"), StringComparison.Ordinal);
        uplink.WaitFor("the echo that came later", line => line.Has($"{_guest.Address} > {Lab.CorrespondentAddress}: ICMP6, echo request"));
        Assert.DoesNotContain(uplink.Stop(), line => line.Has(_other.Address) && line.Has(_guest.Address));
    }

    [Fact]
    public void A_source_that_is_not_the_guests_own_does_not_leave_the_host()
    {
        using var tap = _host.Capture(_guest.AwayTap, $"host {Stranger}");
        using var uplink = _host.Capture("wan", "ip6");
        _guest.Shell($"""
            cd /proc/sys/net/ipv6/conf
            echo 0 >all/accept_dad; echo 0 >eth0/accept_dad
            ip address add {Stranger}/128 dev eth0
            ping -c 2 -W 1 -I {Stranger} {Lab.CorrespondentAddress}
            ip address del {Stranger}/128 dev eth0
            echo 1 >all/accept_dad; echo 1 >eth0/accept_dad
            """);
        tap.WaitFor("the guest's attempt", line => line.Has($"{Stranger} > {Lab.CorrespondentAddress}"));
        Assert.True(_lab.Reaches(_guest.Address));
        uplink.WaitFor("the echo", line => line.Has(_guest.Address));
        Assert.DoesNotContain(uplink.Stop(), line => line.Has(Stranger));
    }

    [Fact]
    public void A_guest_does_not_reach_the_hosts_own_addresses()
    {
        using var tap = _host.Capture(_guest.AwayTap, "icmp6");
        // "2: wan    inet6 2001:db8:f4::2/64 ..."
        var own = _host.Run("ip", "-o", "-6", "address", "show", "scope", "global").Lines
            .Select(line => line.Split((char[])[' ', '/'], StringSplitOptions.RemoveEmptyEntries)[3])
            .ToList();
        Assert.Contains(_host.CareOfAddress, own);
        foreach (var address in (string[])[.. own, "fe80::ff:fe00:1%eth0"])
        {
            Assert.Contains("100% packet loss", _guest.Shell($"ping -c 1 -W 1 {address}"), StringComparison.Ordinal);
        }

        tap.WaitFor("the guest's attempt", line => line.Has($"> {_host.CareOfAddress}: ICMP6, echo request"));
    }

    [Fact]
    public void Nothing_of_the_guests_link_is_seen_on_the_foreign_link_or_by_another_guest()
    {
        using var uplink = _host.Capture("wan", "ip6 or arp", "-e");
        using var tap = _host.Capture(_guest.AwayTap, "ip6", "-e");
        using var neighbour = _host.Capture(_other.AwayTap, "ip6 or arp", "-e");

        // Multicast, and the whole of a boot: duplicate address detection, router solicitation, multicast listener reports.
        _guest.Shell("ping -c 2 -W 1 ff02::1%eth0");
        tap.WaitFor("the guest's multicast", line => line.Has($"{_guest.LinkLocal} > ff02::1: ICMP6, echo request"));
        _guest.Boot(() => _host.Virsh("reset", _guest.Domain).Succeed());
        tap.WaitFor("its duplicate address detection", line => line.Has(":: > ff02::1:ff00:10: ICMP6, neighbor solicitation"));
        Assert.True(_lab.Reaches(_other.Address));

        // Outside of the tunnel, the foreign link sees the host only.
        var seen = uplink.Stop();
        Assert.Contains(seen, line => line.Has(_guest.Address));
        Assert.DoesNotContain(seen, line => line.Has(_guest.Mac) || line.Has(_guest.LinkLocal));
        Assert.DoesNotContain(seen, line =>
            line.Has(_guest.Address)
            && !line.Has($"{_host.CareOfAddress} > {HomeBox.Address}:")
            && !line.Has($"{HomeBox.Address} > {_host.CareOfAddress}:"));

        // The other guest sees its home router and its own traffic.
        var there = neighbour.Stop();
        Assert.Contains(there, line => line.Has(_other.Address));
        Assert.DoesNotContain(there, line =>
            line.Has(_guest.Mac)
            || line.Has(_guest.LinkLocal)
            || line.Has(_guest.Address));
    }

    [Fact]
    public void Each_tap_has_its_filter_and_the_VRF_its_unreachable_default()
    {
        foreach (var guest in (LabGuest[])[_guest, _other])
        {
            // What each does is tried packet by packet in the kernel tests.
            var filters = _host.Run("tc", "filter", "show", "dev", guest.AwayTap, "ingress").Succeed().Output;
            Assert.Contains(guest.Address, filters, StringComparison.Ordinal);
            Assert.Contains(_host.CareOfAddress, filters, StringComparison.Ordinal);
            Assert.All(ForbiddenHeaders, header => Assert.True(filters.Has($"match 0000{header:x2}00/0000ff00 at 4"), $"{header}"));
            Assert.Matches(@"pref 65535(.|\n)*action drop", filters);
        }

        var table = _host.Shell("ip -6 route show vrf kgvrf");
        Assert.Contains("unreachable default", table, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_is_away_cannot_be_unenrolled()
    {
        Assert.Contains("away", _host.Hook("unenroll", "--", _guest.Name).FailWithOneLine(7), StringComparison.Ordinal);
        Assert.True(_lab.Reaches(_guest.Address));
        Assert.Equal("registered", _host.Status(_guest.Name).GetProperty("binding").GetString());
    }
}
