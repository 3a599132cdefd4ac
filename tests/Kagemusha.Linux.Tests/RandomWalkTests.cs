using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>However a kernel came to a state, it is the state of one that came to it at once.</summary>
[Trait("Needs", "kernel")]
public sealed class RandomWalkTests
{
    private const int Steps = 8;

    /// <summary>A few walks, forty where time does not count.</summary>
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, Environment.GetEnvironmentVariable("KG_TEST_ALL") == "1" ? 40 : 3)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_random_walk_ends_in_the_same_kernel_as_a_fresh_start(int seed)
    {
        var random = new Random(seed);
        using var walker = Host();
        KernelState last = [];
        for (var step = 0; step < Steps; step++)
        {
            last = RandomState(random);
            walker.Apply(last);
            Assert.Empty(walker.Apply(last).Changes);
        }

        using var fresh = Host();
        fresh.Apply(last);
        string[] links = ["wan", .. last.OfType<Link>().Select(link => link.Name), .. last.OfType<BridgePort>().Select(port => port.Name)];
        Assert.Equal(Picture.Take(fresh.Namespace, links), Picture.Take(walker.Namespace, links));
        Assert.Equal(OwnEntries(fresh), OwnEntries(walker));

        walker.Apply([]);
        Assert.DoesNotContain(walker.Use(kernel => kernel.Interfaces()), link => link.Name.StartsWith("kg", StringComparison.Ordinal));
        Assert.DoesNotContain("route ", Picture.Take(walker.Namespace), StringComparison.Ordinal);
    }

    /// <summary>A host with a bridge that has one port.</summary>
    private static TestHost Host()
    {
        var host = new TestHost();
        host.Namespace.Ip("link add br0 address 02:00:00:00:00:b0 type bridge forward_delay 0");
        host.Namespace.Ip("link add uplink address 02:00:00:00:00:b1 type dummy");
        foreach (var link in new[] { "br0", "uplink" })
        {
            host.Namespace.Ip($"link set {link} addrgenmode none");
            host.Namespace.Ip($"link set {link} up");
        }

        host.Namespace.Ip("link set uplink master br0");
        return host;
    }

    /// <summary>The entries that were placed on a port of ours.</summary>
    private static IEnumerable<string> OwnEntries(TestHost host) =>
        host.Namespace.Execute("bridge fdb show br br0").Split('\n').Where(line => line.Contains("dev kgsa", StringComparison.Ordinal) && line.Contains("sticky", StringComparison.Ordinal)).Order();

    private static KernelState RandomState(Random random)
    {
        var table = Pick<uint>(1001, 1002);
        var objects = new List<KernelObject>
        {
            new Vrf("kgvrf", table),
            new Route(Ipv6Prefix.Parse("::/0"), table) { Metric = Route.LastMetric },
        };
        if (Maybe())
        {
            objects.Clear();
        }

        var vrf = objects.Count > 0 ? "kgvrf" : null;
        foreach (var (name, remote) in new[] { ("kgha", "2001:db8:1::1"), ("kgho", "2001:db8:f3::2") })
        {
            if (Maybe())
            {
                continue;
            }

            if (vrf is not null && Maybe())
            {
                objects.Add(new Route(Ipv6Prefix.Parse("::/0"), table) { Source = Ipv6Prefix.Parse(name == "kgha" ? "2001:db8:f4::2/128" : "2001:db8:f4::3/128"), IsThrown = Maybe() });
            }

            objects.Add(new Ip6Tunnel(name, Ipv6Address.Parse(Pick("2001:db8:f4::2", "2001:db8:f4::3")), Ipv6Address.Parse(remote))
            {
                Master = Pick(vrf, null),
                Underlay = Pick("wan", null),
                Mtu = Pick(1460, 1400),
            });
            if (Maybe())
            {
                objects.Add(new Filter(name, Pick(FilterHook.Ingress, FilterHook.Egress), 1, new FlowerMatch { Source = Guest(random.Next(2)) }, Pick(FilterAction.Pass, FilterAction.Drop)));
            }
        }

        for (var guest = 0; guest < 2; guest++)
        {
            if (vrf is null || Maybe())
            {
                continue;
            }

            var tap = $"tap{guest}";
            objects.Add(new Port(tap) { Master = vrf, Address = new(0x020000000000UL | (uint)random.Next(1, 3)), Mtu = Pick(1500, 1400), TransmitQueueLength = Pick(1000, 3000) });
            objects.Add(new LinkAddress(tap, Ipv6Address.Parse("fe80::ff:fe00:1"), Pick(64, 128)));
            objects.Add(new Neighbour(tap, Guest(guest).Address, new(0x525400000010UL | (uint)random.Next(2))));
            objects.Add(new Route(Guest(guest), table) { Link = tap });
            var tunnels = objects.OfType<Ip6Tunnel>().Where(tunnel => tunnel.Master is not null).ToList();
            if (tunnels.Count > 0)
            {
                objects.Add(new Route(Ipv6Prefix.Parse("::/0"), table) { Source = Guest(guest), Link = tunnels[random.Next(tunnels.Count)].Name });
            }

            var hosts = Enumerable.Range(0, random.Next(4)).Select(_ => new Ipv6Address((UInt128)0x20010db8 << 96 | (UInt128)random.Next(4)));
            objects.AddRange(GuestFilter.Create(tap, [Guest(guest).Address], hosts));
        }

        if (!Maybe())
        {
            var peer = Pick("kgsb", "kgsc");
            objects.Add(new Veth("kgsa", peer) { Master = Pick("br0", null), Address = new(0xfe6b00000000UL | (uint)random.Next(2)), Mtu = Pick(1500, 1400) });
            objects.Add(new Veth(peer, "kgsa") { Master = Pick(vrf, null), Address = new(0xfe6c00000000UL | (uint)random.Next(2)), Mtu = 1500 });

            // Its queue would keep its length when it leaves the bridge.
            objects.Add(RandomPort("kgsa") with { TransmitQueueLength = null });
            if (Maybe())
            {
                objects.Add(new Filter(Pick("kgsa", peer), FilterHook.Egress, 1, new AnyMatch(), FilterAction.Drop));
            }
        }

        if (!Maybe())
        {
            objects.Add(RandomPort("uplink"));
        }

        foreach (var entry in Enumerable.Range(0, 3).Where(_ => !Maybe()))
        {
            // A port that was just made may not be up yet.
            var port = Pick("kgsa", "uplink");
            objects.Add(new BridgeForwardingEntry(port, new(0x525400000010UL | (uint)entry)) { IsSticky = port == "kgsa" || Pick(true, false) });
        }

        if (Maybe())
        {
            objects.Add(new Rule(900, table) { Source = Guest(random.Next(2)) });
            objects.Add(new Route(Ipv6Prefix.Parse("2001:db8:2::/64")) { Link = "wan", Gateway = Ipv6Address.Parse(Pick("2001:db8:f4::9", "2001:db8:f4::8")), Metric = Pick<uint>(7, 8) });
        }

        return [.. objects];

        T Pick<T>(T one, T other) => random.Next(2) == 0 ? one : other;

        bool Maybe() => random.Next(4) == 0;

        BridgePort RandomPort(string link) => new(link)
        {
            Learning = Pick(true, false),
            UnicastFlood = Pick(true, false),
            MulticastFlood = Pick(true, false),
            BroadcastFlood = Pick(true, false),
            TransmitQueueLength = Pick(1000, 3000),
        };
    }

    private static Ipv6Prefix Guest(int number) => Ipv6Prefix.Parse($"2001:db8:1::1{number}/128");
}
