using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon.Tests;

public sealed class DataPathTests
{
    private static readonly Ipv6Address Agent = Ipv6Address.Parse("2001:db8:1::1");
    private static readonly Ipv6Address CareOf = Ipv6Address.Parse("2001:db8:f4::2");
    private static readonly Ipv6Address OtherCareOf = Ipv6Address.Parse("2001:db8:f5::2");

    private static Ipv6Address Home(int i) => new(Ipv6Address.Parse("2001:db8:1::").Bits + (UInt128)i);

    private static BindingCacheEntry Binding(int home, Ipv6Address careOf) => new(Home(home), careOf, 1, TimeSpan.FromSeconds(100));

    private static KernelState For(params BindingCacheEntry[] bindings) => DataPath.For("lan", Agent, bindings);

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
        var objects = For(Binding(10, CareOf)).Except(For()).ToList();
        Assert.Equal(5, objects.Count);
        var tunnel = Assert.Single(objects.OfType<Ip6Tunnel>()).Name;
        Assert.Contains(new Ip6Tunnel(tunnel, Agent, CareOf), objects);
        Assert.Contains(new Route(new(Home(10), 128)) { Link = tunnel }, objects);
        Assert.Contains(new ProxyNeighbour("lan", Home(10)), objects);
        Assert.Contains(new Filter(tunnel, FilterHook.Ingress, ushort.MaxValue, new AnyMatch(), FilterAction.Drop), objects);
        var pass = Assert.Single(objects.OfType<Filter>(), filter => filter.Action == FilterAction.Pass);
        Assert.Equal((tunnel, FilterHook.Ingress, new FlowerMatch { Source = new(Home(10), 128) }), (pass.Link, pass.Hook, pass.Match));
        Assert.InRange(pass.Priority, 1, ushort.MaxValue - 1);
    }

    [Fact]
    public void Bindings_with_one_care_of_address_share_its_tunnel()
    {
        var state = For(Binding(10, CareOf), Binding(11, CareOf), Binding(12, OtherCareOf));
        Assert.Equal(2, state.OfType<Ip6Tunnel>().Count());
        Assert.Equal(2, state.OfType<Filter>().Count(filter => filter.Match is AnyMatch));
        Assert.Equal(3, state.OfType<ProxyNeighbour>().Count());
    }

    [Fact]
    public void Filters_of_one_tunnel_have_places_of_their_own_and_keep_them()
    {
        var all = Enumerable.Range(1, 1000).Select(i => Binding(i, CareOf)).ToArray();
        var before = For(all).OfType<Filter>().Where(filter => filter.Action == FilterAction.Pass).ToHashSet();
        Assert.Equal(1000, before.Select(filter => filter.Priority).Distinct().Count());
        Assert.All(before, filter => Assert.InRange(filter.Priority, 1, ushort.MaxValue - 1));

        // Two addresses may want the same place; all but such a few stay where they are when one goes.
        var after = For(all[1..]).OfType<Filter>().Where(filter => filter.Action == FilterAction.Pass).ToHashSet();
        Assert.InRange(before.Except(after).Count(), 1, 3);
    }

    [Fact]
    public void A_tunnels_name_is_its_own_fits_and_stays()
    {
        var state = For([.. Enumerable.Range(1, 1000).Select(i => Binding(i, new(CareOf.Bits + (UInt128)i)))]);
        var names = state.OfType<Ip6Tunnel>().Select(tunnel => tunnel.Name).ToList();
        Assert.Equal(1000, names.Distinct().Count());
        Assert.All(names, name => Assert.InRange(name.Length, 4, 15));
        Assert.All(names, name => Assert.StartsWith(DataPath.Scope.LinkPrefix, name, StringComparison.Ordinal));
        Assert.Contains(For(Binding(1, new(CareOf.Bits + 1))).OfType<Ip6Tunnel>().Single(), state);
    }

    [Fact]
    public void Care_of_addresses_with_one_hash_have_tunnels_of_their_own()
    {
        // Found by trying: FNV-1a of Agent and these is the same.
        var (one, other) = (Ipv6Address.Parse("2001:db8:f4::1fe:55b"), Ipv6Address.Parse("2001:db8:f4::350:8000"));
        Assert.Equal(For(Binding(10, one)).OfType<Ip6Tunnel>().Single().Name, For(Binding(10, other)).OfType<Ip6Tunnel>().Single().Name);
        Assert.Equal([one, other], For(Binding(10, one), Binding(11, other)).OfType<Ip6Tunnel>().Select(tunnel => tunnel.Remote).Order());
    }

    [Fact]
    public void On_the_way_the_old_tunnel_is_still_there_and_lets_nothing_in()
    {
        var from = For(Binding(10, CareOf));
        var to = For(Binding(10, OtherCareOf));
        var old = from.OfType<Ip6Tunnel>().Single();
        var added = DataPath.Turning(from, to).Except(to).ToHashSet();
        Assert.Equal([old, new Filter(old.Name, FilterHook.Ingress, ushort.MaxValue, new AnyMatch(), FilterAction.Drop)], added);
        Assert.Equal([old.Name], DataPath.Leaving(from, to));
    }

    [Fact]
    public void On_the_way_to_the_same_state_nothing_is_added()
    {
        var state = For(Binding(10, CareOf));
        Assert.Equal(state.ToHashSet(), DataPath.Turning(state, state).ToHashSet());
        Assert.Equal(state.ToHashSet(), DataPath.Turning(KernelState.Empty, state).ToHashSet());
        Assert.Empty(DataPath.Leaving(state, state));
    }
}
