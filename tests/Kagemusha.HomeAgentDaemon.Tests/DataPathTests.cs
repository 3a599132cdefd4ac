using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon.Tests;

public sealed class DataPathTests
{
    private static readonly Ipv6Address Agent = Ipv6Address.Parse("2001:db8:1::1");
    private static readonly Ipv6Address CareOf = Ipv6Address.Parse("2001:db8:f4::2");
    private static readonly Ipv6Address OtherCareOf = Ipv6Address.Parse("2001:db8:f5::2");

    private static Ipv6Address Home(int i) => new(Ipv6Address.Parse("2001:db8:1::").Bits + (UInt128)i);

    private static DataPath Path() => new("lan", Agent);

    private static BoundAddress Bound(int home, Ipv6Address? careOf, Ipv6Address? linkLocal = null) => new(Home(home), careOf, linkLocal);

    private static KernelState For(params (int Home, Ipv6Address CareOf)[] bindings)
    {
        var path = Path();
        path.Change(bindings.Select(b => Bound(b.Home, b.CareOf)));
        return path.Wanted;
    }

    [Fact]
    public void Without_bindings_there_are_settings_only() => Assert.Equal(
        new HashSet<KernelObject>
        {
            new Sysctl("ipv6/conf/all/forwarding", "1"),
            new Sysctl("ipv6/conf/lan/proxy_ndp", "1"),
            new Sysctl("ipv6/neigh/lan/proxy_delay", "0"),
        },
        For().ToHashSet());

    [Fact]
    public void A_binding_is_a_tunnel_a_route_a_proxy_entry_and_two_filters()
    {
        var objects = For((10, CareOf)).Except(For()).ToList();
        Assert.Equal(5, objects.Count);
        var tunnel = Assert.Single(objects.OfType<Ip6Tunnel>()).Name;
        Assert.Contains(new Ip6Tunnel(tunnel, Agent, CareOf), objects);
        Assert.Contains(new Route(new(Home(10), 128)) { Link = tunnel }, objects);
        Assert.Contains(new ProxyNeighbour("lan", Home(10)), objects);
        Assert.Contains(new Filter(tunnel, FilterHook.Ingress, 2, new AnyMatch(), FilterAction.Drop), objects);
        var pass = Assert.Single(objects.OfType<Filter>(), filter => filter.Action == FilterAction.Pass);
        Assert.Equal<(string, FilterHook, ushort, FilterMatch)>((tunnel, FilterHook.Ingress, 1, new FlowerMatch { Source = new(Home(10), 128) }), (pass.Link, pass.Hook, pass.Priority, pass.Match));
    }

    [Fact]
    public void Bindings_with_one_care_of_address_share_its_tunnel()
    {
        var state = For((10, CareOf), (11, CareOf), (12, OtherCareOf));
        Assert.Equal(2, state.OfType<Ip6Tunnel>().Count());
        Assert.Equal(2, state.OfType<Filter>().Count(filter => filter.Match is AnyMatch));
        Assert.Equal(3, state.OfType<ProxyNeighbour>().Count());
    }

    // RFC 6275, sections 10.4.1 and 10.4.2: answered for, and never tunnelled.
    [Fact]
    public void A_link_local_address_has_a_proxy_entry_and_no_route()
    {
        var linkLocal = Home(10).LinkLocal;
        var path = Path();
        path.Change([Bound(10, CareOf, linkLocal), Bound(11, OtherCareOf, linkLocal)]);
        var without = For((10, CareOf), (11, OtherCareOf));
        Assert.Equal([new ProxyNeighbour("lan", linkLocal)], path.Wanted.Except(without));
        Assert.Empty(without.Except(path.Wanted));

        // It is there for the last that has it.
        path.Change([Bound(10, null)]);
        Assert.Contains(new ProxyNeighbour("lan", linkLocal), path.Wanted);
        path.Change([Bound(11, OtherCareOf)]);
        Assert.Equal(For((11, OtherCareOf)).ToHashSet(), path.Wanted.ToHashSet());
    }

    [Fact]
    public void Filters_of_one_tunnel_are_found_by_a_hash_and_keep_their_handles()
    {
        var path = Path();
        path.Change(Enumerable.Range(1, 1000).Select(i => Bound(i, CareOf)));
        var before = Passes(path.Wanted);
        Assert.Equal([(ushort)1], before.Select(filter => filter.Priority).Distinct());
        Assert.Equal(1000, before.Select(filter => filter.Handle).Distinct().Count());

        path.Change([Bound(1, null)]);
        var after = Passes(path.Wanted);
        Assert.Equal(999, after.Count);
        Assert.Subset(before, after);

        static HashSet<Filter> Passes(KernelState state) => state.OfType<Filter>().Where(filter => filter.Action == FilterAction.Pass).ToHashSet();
    }

    [Fact]
    public void A_tunnels_name_is_its_own_fits_and_stays()
    {
        var state = For([.. Enumerable.Range(1, 1000).Select(i => (i, new Ipv6Address(CareOf.Bits + (UInt128)i)))]);
        var names = state.OfType<Ip6Tunnel>().Select(tunnel => tunnel.Name).ToList();
        Assert.Equal(1000, names.Distinct().Count());
        Assert.All(names, name => Assert.InRange(name.Length, 4, 15));
        Assert.All(names, name => Assert.StartsWith(DataPath.Scope.LinkPrefix, name, StringComparison.Ordinal));
        Assert.Contains(For((1, new(CareOf.Bits + 1))).OfType<Ip6Tunnel>().Single(), state);
    }

    [Fact]
    public void Care_of_addresses_with_one_hash_have_tunnels_of_their_own()
    {
        // Found by trying: FNV-1a of Agent and these is the same.
        var (one, other) = (Ipv6Address.Parse("2001:db8:f4::1fe:55b"), Ipv6Address.Parse("2001:db8:f4::350:8000"));
        Assert.Equal(For((10, one)).OfType<Ip6Tunnel>().Single().Name, For((10, other)).OfType<Ip6Tunnel>().Single().Name);
        Assert.Equal([one, other], For((10, one), (11, other)).OfType<Ip6Tunnel>().Select(tunnel => tunnel.Remote).Order());
    }

    [Fact]
    public void On_the_way_the_old_tunnel_is_still_there_and_lets_nothing_in()
    {
        var path = Path();
        path.Change([Bound(10, CareOf)]);
        var old = path.Wanted.OfType<Ip6Tunnel>().Single();
        var move = path.Change([Bound(10, OtherCareOf)]);
        Assert.Equal([old, new Filter(old.Name, FilterHook.Ingress, 2, new AnyMatch(), FilterAction.Drop)], move.Turning.Except(move.To).ToHashSet());
        Assert.Equal([old.Name], move.Leaving);
    }

    [Fact]
    public void A_change_has_what_it_touches_and_no_more()
    {
        var path = Path();
        path.Change(Enumerable.Range(1, 1000).Select(i => Bound(i, CareOf)));
        var begin = path.Change([Bound(2000, CareOf)]);
        var made = begin.To.Except(begin.From).ToList();
        Assert.Equal(3, made.Count);
        Assert.Empty(begin.From.Except(begin.To));
        Assert.Equal(new HashSet<KernelObject>([.. For((2000, CareOf))]), begin.To.ToHashSet());

        var refresh = path.Change([Bound(2000, CareOf)]);
        Assert.Equal(For().ToHashSet(), refresh.From.ToHashSet());
        Assert.Equal(For().ToHashSet(), refresh.To.ToHashSet());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Changes_put_together_are_what_is_wanted_as_a_whole(int seed)
    {
        var random = new Random(seed);
        var path = Path();
        var kernel = path.Wanted.ToHashSet();
        for (var step = 0; step < 300; step++)
        {
            // A few addresses, so that some take each other's places, and several of one at a time.
            var change = path.Change(Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(4) switch
            {
                0 => Bound(random.Next(8), null),
                1 => Bound(random.Next(8), Ipv6Address.Parse("2001:db8:f4::1fe:55b")),
                2 => Bound(random.Next(8), Ipv6Address.Parse("2001:db8:f4::350:8000"), LinkLocal()),
                _ => Bound(random.Next(8), CareOf, LinkLocal()),
            }).ToList());
            Assert.Subset(kernel, change.From.ToHashSet());
            kernel.ExceptWith(change.From);
            kernel.UnionWith(change.To);
            Assert.Equal(path.Wanted.ToHashSet(), kernel);
            Assert.All(path.Wanted.OfType<Ip6Tunnel>(), tunnel => Assert.True(path.HasTunnel(tunnel.Name)));
        }

        Ipv6Address? LinkLocal() => random.Next(3) is > 0 and var host ? Home(host).LinkLocal : null;
    }
}
