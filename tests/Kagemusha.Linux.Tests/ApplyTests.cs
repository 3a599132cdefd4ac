using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

[Trait("Needs", "kernel")]
public sealed class ApplyTests : IDisposable
{
    private static readonly KernelScope Scope = new("kg", KernelScope.DefaultProtocol);
    private readonly NetworkNamespace _host = new();

    public ApplyTests()
    {
        _host.Ip("link add wan type dummy");
        _host.Ip("link set wan up");
        _host.Ip("address add 2001:db8:f4::2/64 dev wan nodad");
        _host.Ip("link add tap0 type dummy");
        _host.Ip("link set tap0 up");
    }

    /// <summary>What a host wants while a guest is away on it.</summary>
    internal static KernelState Away =>
    [
        new Vrf("kgvrf", 1001),
        new Route(Ipv6Prefix.Parse("::/0"), 1001) { Metric = Route.LastMetric },
        new Ip6Tunnel("kgha", Ipv6Address.Parse("2001:db8:f4::2"), Ipv6Address.Parse("2001:db8:1::1")) { Master = "kgvrf", Underlay = "wan" },
        new Port("tap0") { Master = "kgvrf", Address = LinkLayerAddress.Parse("02:00:00:00:00:01"), TransmitQueueLength = 2000, Mtu = 1400 },
        new LinkAddress("tap0", Ipv6Address.Parse("fe80::ff:fe00:1"), 64),
        new Neighbour("tap0", Ipv6Address.Parse("2001:db8:1::10"), LinkLayerAddress.Parse("52:54:00:00:00:10")),
        new Route(Ipv6Prefix.Parse("2001:db8:1::10/128"), 1001) { Link = "tap0" },
        new Route(Ipv6Prefix.Parse("::/0"), 1001) { Link = "kgha", Source = Ipv6Prefix.Parse("2001:db8:1::10/128") },
        new Rule(900, 1001) { Source = Ipv6Prefix.Parse("2001:db8:1::10/128"), InputLink = "wan" },
        new ProxyNeighbour("wan", Ipv6Address.Parse("2001:db8:1::10")),
        Sysctl.Ipv6("wan", "proxy_ndp", 1),
        new Sysctl("ipv6/conf/all/forwarding", "1"),
        new Filter("tap0", FilterHook.Ingress, 1, U32Match.NextHeader(135), FilterAction.Drop),
        new Filter("tap0", FilterHook.Ingress, 2, U32Match.FragmentNextHeader(135), FilterAction.Drop),
        new Filter("tap0", FilterHook.Ingress, 3, new FlowerMatch { Destination = Ipv6Prefix.Parse("fe80::/10") }, FilterAction.Drop),
        new Filter("tap0", FilterHook.Ingress, 4, new FlowerMatch { Source = Ipv6Prefix.Parse("2001:db8:1::10/128"), IpProtocol = 58 }, FilterAction.Pass),
        new Filter("tap0", FilterHook.Ingress, 5, new AnyMatch(), FilterAction.Drop),
    ];

    public void Dispose() => _host.Dispose();

    [Fact]
    public void What_is_applied_is_there_once_and_goes_when_it_is_no_longer_wanted()
    {
        var first = Apply(Away);
        TestContext.Current.SendDiagnosticMessage(string.Join('\n', first.Changes));
        Assert.Empty(first.MissingLinks);
        var link = Assert.Single(_host.Json("ip", "-d link show dev kgha"));
        Console.WriteLine(link);
        Console.WriteLine(string.Join('\n', first.Changes));
        Assert.Empty(Apply(Away).Changes);
        var last = Apply([]);
        Console.WriteLine(string.Join('\n', last.Changes));
        Assert.Empty(Apply([]).Changes);
    }

    private ApplyResult Apply(KernelState wanted) => _host.Run(() =>
    {
        using var kernel = new Kernel();
        return kernel.Apply(wanted, Scope);
    });
}
