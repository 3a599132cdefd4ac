using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>
/// Guests that are away on one host, with the data path that the agent wants of a real kernel, and their home agent, which is no more than an end of a wire.
/// <code>
///   guest1 ===== tap1 \
///                      kgvrf -- kgha....  ===== wan ========= ha  2001:db8:f4::9
///   guest2 ===== tap2 /                        2001:db8:f4::2
/// </code>
/// </summary>
internal sealed class AwaySite : IDisposable
{
    public const uint Table = 6275;

    private readonly Kernel _kernel;
    private readonly NetworkNamespace _wires = new();

    public AwaySite()
    {
        Host.Ip($"link add wan type veth peer name ha netns {_wires.Name}");
        Host.Ip($"link add tap1 type veth peer name guest1 netns {_wires.Name}");
        Host.Ip($"link add tap2 type veth peer name guest2 netns {_wires.Name}");
        foreach (var link in (string[])["wan", "tap1", "tap2"])
        {
            Host.Ip($"link set {link} addrgenmode none");
            Host.Ip($"link set {link} up");
        }

        foreach (var link in (string[])["ha", "guest1", "guest2"])
        {
            _wires.Ip($"link set {link} addrgenmode none");
            _wires.Ip($"link set {link} up");
        }

        Host.Ip($"address add {CareOf.Address}/64 dev wan nodad");
        Host.Ip($"-6 neigh add {HomeAgent} lladdr 02:00:00:00:00:09 dev wan nud permanent");
        Host.Ip($"-6 route add default via {HomeAgent} dev wan");
        _kernel = Host.Run(() => new Kernel());
        First = Link("tap1", "52:54:00:00:00:10", "2001:db8:1::10");
        Second = Link("tap2", "52:54:00:00:00:20", "2001:db8:1::20");
    }

    public static Ipv6Address HomeAgent { get; } = Ipv6Address.Parse("2001:db8:f4::9");

    public static Ipv6Address Router { get; } = Guests.Enrolled.Link.Router;

    public static LinkLayerAddress RouterMac { get; } = Guests.Enrolled.Link.RouterLinkLayerAddress;

    public static CareOf CareOf { get; } = new(Ipv6Address.Parse("2001:db8:f4::2"), "wan", 0, 1500);

    public NetworkNamespace Host { get; } = new();

    /// <summary>The link-layer address of the host's underlay.</summary>
    public LinkLayerAddress Wan => _kernel.Interfaces().Find("wan")!.Address!.Value;

    public AwayLink First { get; }

    public AwayLink Second { get; }

    /// <summary>Makes the kernel as the agent wants it for these.</summary>
    public void Apply(params AwayLink[] links)
    {
        var wanted = AwayDataPath.For(links, [CareOf.Address], Table).With(HandOverDataPath.For(links, [], Table));
        wanted = wanted.With(ErrorPath.For(wanted, Table));
        Host.Run(() => _kernel.Apply(wanted, new("kg", KernelScope.DefaultProtocol)));
    }

    /// <summary>The index of one of the host's links.</summary>
    public int Index(string link) => _kernel.Interfaces().Find(link)!.Index;

    /// <summary>The end of a wire: ha, guest1 or guest2.</summary>
    public PacketSocket Open(string end, PacketFilter filter) => _wires.Run(() =>
    {
        using var kernel = new Kernel();
        return new PacketSocket(kernel.Interfaces().Find(end)!.Index, filter);
    });

    /// <summary>The neighbours that the host's kernel knows.</summary>
    public IReadOnlyList<string> Neighbours() =>
        [.. Host.Json("-6 neigh show nud all").Select(neighbour => $"{neighbour.GetProperty("dst")} dev {neighbour.GetProperty("dev")}").Order(StringComparer.Ordinal)];

    /// <summary>Runs on a loop of the host's.</summary>
    public async Task OnLoopAsync(Func<Task> main) => await Task.Factory.StartNew(
        () => Host.Run(() => new AgentLoop().Run(main)),
        TestContext.Current.CancellationToken,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default).WaitAsync(TimeSpan.FromSeconds(90), TestContext.Current.CancellationToken);

    /// <summary>What answers a guest.</summary>
    public static HomeRouterDouble Double(AwayLink link) => new(new(
        Router,
        RouterMac,
        new(64, RouterAdvertisementFlags.None, 1800, 0, 0, [new PrefixInformation(64, PrefixFlags.OnLink, 86400, 14400, Ipv6Address.Parse("2001:db8:1::"))]),
        [.. link.HomeAddresses],
        CareOf.TunnelMtu));

    /// <summary>What learns a guest's addresses.</summary>
    public static HomeAddressLearner Learner(AwayLink link) =>
        new(new(link.Mac, Router, RouterMac, [Ipv6Prefix.Parse("2001:db8:1::/64")], [], [.. link.HomeAddresses], IsOnHomeLink: false), [], Clock.Now);

    public void Dispose()
    {
        _kernel.Dispose();
        _wires.Dispose();
        Host.Dispose();
    }

    private static AwayLink Link(string tap, string mac, string home) => new(
        tap, LinkLayerAddress.Parse(mac), Router, RouterMac, [Ipv6Address.Parse(home)], HomeAgent, CareOf);
}
