using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>
/// A host in a network namespace of its own.
/// <code>
///     wan (dummy, the underlay)    tap0, tap1 (dummy, as a guest's taps)
/// </code>
/// </summary>
internal sealed class TestHost : IDisposable
{
    public static readonly KernelScope Scope = new("kg", KernelScope.DefaultProtocol);

    public TestHost()
    {
        Namespace.Ip("link add wan address 02:00:00:00:0f:01 type dummy");
        Namespace.Ip("link set wan addrgenmode none");
        Namespace.Ip("link set wan up");
        Namespace.Ip("address add 2001:db8:f4::2/64 dev wan nodad");
        Namespace.Ip("-6 route add default via 2001:db8:f4::1 dev wan");
        foreach (var tap in new[] { "tap0", "tap1" })
        {
            Namespace.Ip($"link add {tap} address fe:54:00:00:00:10 type dummy");
            Namespace.Ip($"link set {tap} up");
        }
    }

    public NetworkNamespace Namespace { get; } = new();

    /// <summary>What a host wants while a guest is away on it.</summary>
    public static KernelState Away { get; } =
    [
        new Vrf("kgvrf", 1001),
        new Route(Ipv6Prefix.Parse("::/0"), 1001) { Metric = Route.LastMetric },
        new Route(Ipv6Prefix.Parse("::/0"), 1001) { Source = Ipv6Prefix.Parse("2001:db8:f4::2/128"), IsThrown = true },
        new Ip6Tunnel("kgha", Ipv6Address.Parse("2001:db8:f4::2"), Ipv6Address.Parse("2001:db8:1::1")) { Master = "kgvrf", Underlay = "wan" },
        new Port("tap0") { Master = "kgvrf", Address = LinkLayerAddress.Parse("02:00:00:00:00:01"), TransmitQueueLength = 2000, Mtu = 1400 },
        new LinkAddress("tap0", Ipv6Address.Parse("fe80::ff:fe00:1"), 64),
        new Neighbour("tap0", Ipv6Address.Parse("2001:db8:1::10"), LinkLayerAddress.Parse("52:54:00:00:00:10")),
        new Route(Ipv6Prefix.Parse("2001:db8:1::10/128"), 1001) { Link = "tap0" },
        new Route(Ipv6Prefix.Parse("::/0"), 1001) { Link = "kgha", Source = Ipv6Prefix.Parse("2001:db8:1::10/128") },
        new Route(Ipv6Prefix.Parse("2001:db8:2::/64")) { Link = "wan", Gateway = Ipv6Address.Parse("2001:db8:f4::9"), Metric = 7 },
        new Rule(900, 1001) { Source = Ipv6Prefix.Parse("2001:db8:1::10/128"), Destination = Ipv6Prefix.Parse("2001:db8:3::/64"), InputLink = "wan" },
        Sysctl.Ipv6("wan", "proxy_ndp", 1),
        new Sysctl("ipv6/conf/all/forwarding", "1"),
        new Filter("tap0", FilterHook.Ingress, 1, U32Match.NextHeader(135), FilterAction.Drop),
        new Filter("tap0", FilterHook.Ingress, 2, U32Match.FragmentNextHeader(135), FilterAction.Drop),
        new Filter("tap0", FilterHook.Ingress, 3, new FlowerMatch { Destination = Ipv6Prefix.Parse("fe80::/10") }, FilterAction.Drop),
        new Filter("tap0", FilterHook.Ingress, 4, new FlowerMatch { Source = Ipv6Prefix.Parse("2001:db8:1::10/128"), IpProtocol = 58 }, FilterAction.Pass),
        new Filter("tap0", FilterHook.Ingress, 5, new AnyMatch(), FilterAction.Drop),
        new Filter("tap0", FilterHook.Egress, 7, new FlowerMatch { DestinationLinkLayer = LinkLayerAddress.Parse("52:54:00:00:00:10") }, FilterAction.Herald),
        new Filter("kgha", FilterHook.Egress, 1, new FlowerMatch { Destination = Ipv6Prefix.Parse("2001:db8:1::/64") }, FilterAction.Drop),
    ];

    public ApplyResult Apply(KernelState wanted) => Use(kernel => kernel.Apply(wanted, Scope));

    public T Use<T>(Func<Kernel, T> what) => Namespace.Run(() =>
    {
        using var kernel = new Kernel();
        return what(kernel);
    });

    public void Dispose() => Namespace.Dispose();
}
