using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>
/// A host with a guest that is away on it, and all that leaves by the VRF caught at its other end.
/// <code>
///     guest: eth0 ======== tap0 [ kgvrf ] out    wan (dummy)
///            the guest's        the host         the host's underlay
/// </code>
/// </summary>
internal sealed class GuestSite : IDisposable
{
    public static readonly Ipv6Address Home = Ipv6Address.Parse("2001:db8:1::10");
    public static readonly Ipv6Address OtherHome = Ipv6Address.Parse("2001:db8:1::20");
    public static readonly Ipv6Address CareOf = Ipv6Address.Parse("2001:db8:f4::2");
    public static readonly Ipv6Address SubnetRouters = new InterfaceAddress(0, CareOf, 64, IsUsable: true).SubnetRouters!.Value;
    public static readonly Ipv6Address Router = Ipv6Address.Parse("fe80::ff:fe00:1");
    public static readonly Ipv6Address Correspondent = Ipv6Address.Parse("2001:db8:2::2");
    public static readonly LinkLayerAddress GuestLink = LinkLayerAddress.Parse("52:54:00:00:00:10");
    public static readonly LinkLayerAddress RouterLink = LinkLayerAddress.Parse("02:00:00:00:00:01");

    private readonly NetworkNamespace _guest = new();
    private readonly NetworkNamespace _host = new();

    public GuestSite(bool filtered)
    {
        _host.Ip($"link add tap0 type veth peer name eth0 address {GuestLink} netns {_guest.Name}");
        _host.Ip("link add out type dummy");
        _host.Ip("link add wan type dummy");
        _host.Ip("link set wan up");
        _host.Ip($"address add {CareOf}/64 dev wan nodad");
        _guest.Ip("link set eth0 addrgenmode none");
        _guest.Ip("link set eth0 up");
        KernelState state =
        [
            new Vrf("kgvrf", 1001),
            new Route(Ipv6Prefix.Parse("::/0"), 1001) { Metric = Route.LastMetric },
            new Port("tap0") { Master = "kgvrf", Address = RouterLink },
            new Port("out") { Master = "kgvrf" },
            new LinkAddress("tap0", Router, 64),
            new Neighbour("tap0", Home, GuestLink),
            new Route(new(Home, 128), 1001) { Link = "tap0" },
            new Route(Ipv6Prefix.Parse("::/0"), 1001) { Link = "out" },
            new Sysctl("ipv6/conf/all/forwarding", "1"),
            new Sysctl("ipv4/udp_l3mdev_accept", "1"),
        ];
        state = filtered ? state.With(GuestFilter.Create("tap0", [Home], [CareOf, SubnetRouters, Router])) : state;
        Index = _host.Run(() =>
        {
            using var kernel = new Kernel();
            Assert.Empty(kernel.Apply(state, TestHost.Scope).MissingLinks);
            return kernel.Interfaces().ToDictionary(link => link.Name, link => link.Index);
        });
        Guest = _guest.Run(() =>
        {
            using var kernel = new Kernel();
            return new PacketSocket(kernel.Interfaces().Find("eth0")!.Index, AllOf(EtherType.Ipv6));
        });
    }

    /// <summary>What is on the host.</summary>
    public NetworkNamespace Host => _host;

    /// <summary>The host's links.</summary>
    public IReadOnlyDictionary<string, int> Index { get; }

    /// <summary>The guest's end of its tap.</summary>
    public PacketSocket Guest { get; }

    /// <summary>All frames of one EtherType.</summary>
    public static PacketFilter AllOf(EtherType etherType)
    {
        var builder = new PacketFilterBuilder();
        var drop = builder.NewLabel();
        return builder.LoadHalf(12).JumpUnlessEqual((uint)etherType, drop).Accept().Mark(drop).Drop().Build();
    }

    public void Dispose()
    {
        Guest.Dispose();
        _guest.Dispose();
        _host.Dispose();
    }
}
