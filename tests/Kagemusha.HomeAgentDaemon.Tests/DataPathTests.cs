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
        var tunnel = DataPath.TunnelName(Agent, CareOf);
        var objects = For(Binding(10, CareOf)).Except(For()).ToList();
        Assert.Equal(5, objects.Count);
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
    public void A_tunnels_name_is_its_own_and_fits()
    {
        var names = Enumerable.Range(1, 1000).Select(i => DataPath.TunnelName(Agent, Home(i))).ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.All(names, name => Assert.InRange(name.Length, 4, 15));
        Assert.All(names, name => Assert.StartsWith(DataPath.Scope.LinkPrefix, name, StringComparison.Ordinal));
    }
}
