using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// What the kernel has to hold for guests that are handed over: the tunnels between hosts, and all that is on the home link. Pure.
/// <code>
///   leaving                                                       coming back
///
///   home link == bridge == kgb....  kgs.... -- kgvrf -- kgho....  kgho.... -- kgvrf -- HoA/128 dev tap == bridge == home link
///                  |    stand-in (veth), which takes the guest's                        (frames go straight into
///                 tap   link-layer address at the switch                                 the tap's queue)
/// </code>
/// </summary>
internal static class HandOverDataPath
{
    /// <summary>
    /// How many frames wait in the tap of a guest that has not resumed (its <c>txqueuelen</c>): 10 s of a thousand packets a second.
    /// The rest of a longer pause is dropped, and counted by the tap.
    /// </summary>
    public const int QueueLength = 10_000;

    private const ushort SignallingPriority = 1000;
    private const ushort HeraldPriority = 1001;

    // The stand-in's first byte: the greatest, because a bridge takes the smallest of its ports' addresses for its own.
    private const byte PortAddressPrefix = 0xfe;
    private const byte PortAddressMark = 0x6b;

    /// <summary>What is wanted for all of these.</summary>
    /// <param name="links">The interfaces away from home.</param>
    /// <param name="paths">Those on the home link.</param>
    /// <param name="table">The VRF's table.</param>
    public static IEnumerable<KernelObject> For(IReadOnlyCollection<AwayLink> links, IReadOnlyCollection<HomeLinkPath> paths, uint table) =>
    [
        .. Tunnels(links.SelectMany(link => new[] { link.Departure, link.Arrival, link.Through }).Concat(paths.SelectMany(path => new[] { path.Departure, path.Arrival }))),
        .. paths.Where(path => path.IsMoving).SelectMany(path => For(path, table)),
        .. paths.Select(path => path.Tap).OfType<string>().Select(Signalling),
    ];

    /// <summary>
    /// A copy for nobody goes before each frame that a tap takes for its guest: what QEMU reads while it stops, and the guest never gets, is one of
    /// those then (<see cref="TapTail"/>).
    /// </summary>
    public static Filter Herald(string tap, LinkLayerAddress guest) =>
        new(tap, FilterHook.Egress, HeraldPriority, new FlowerMatch { DestinationLinkLayer = guest }, FilterAction.Herald);

    /// <summary>The steps that put the stand-in in the guest's place, or take it back.</summary>
    public static IEnumerable<KernelObject> Steps(HomeLinkPath path, bool turned, uint table)
    {
        if (turned)
        {
            yield return Turned(path);
        }
        else if (path.Tap is { } tap)
        {
            yield return new BridgeForwardingEntry(tap, path.Mac);
        }

        if (path.Arrival is not null && InboundLink(path with { IsTurned = turned }) is { } inbound)
        {
            foreach (var home in path.HomeAddresses)
            {
                yield return AwayDataPath.Inbound(home, inbound, table);
            }
        }
    }

    /// <summary>The steps by which a guest that has come home is known to the bridge, and gets what it floods, before it has said anything there.</summary>
    public static IEnumerable<KernelObject> Opening(HomeLinkPath path) => path.Tap is { } tap
        ? [new BridgeForwardingEntry(tap, path.Mac), TapPort(path with { IsQuiet = false }, tap)]
        : [];

    // A guest that knows nothing of Mobile IPv6 would answer what its home agent acknowledges with a parameter problem (RFC 6275, section 9.2). And there
    // is a classifier on the tap then: to add one when the guest runs costs what passes meanwhile.
    private static Filter Signalling(string tap) =>
        new(tap, FilterHook.Egress, SignallingPriority, new FlowerMatch { IpProtocol = (byte)NextHeader.Mobility }, FilterAction.Drop);

    // One for a pair of hosts, as with home agents. Where two guests know different interfaces for it, the routes have changed between them.
    private static IEnumerable<Ip6Tunnel> Tunnels(IEnumerable<HandOverTunnel?> wanted) =>
        from tunnel in wanted.OfType<HandOverTunnel>().Reverse().DistinctBy(tunnel => tunnel.Name)
        select new Ip6Tunnel(tunnel.Name, tunnel.Local, tunnel.Remote) { Underlay = tunnel.Underlay, Master = AwayDataPath.VrfName };

    private static IEnumerable<KernelObject> For(HomeLinkPath path, uint table)
    {
        foreach (var shared in AwayDataPath.Shared(table))
        {
            yield return shared;
        }

        if (InboundLink(path) is { } inbound)
        {
            foreach (var home in path.HomeAddresses)
            {
                yield return AwayDataPath.Inbound(home, inbound, table);
            }
        }

        if (path is { IsHeralded: true, IsTurned: false, Tap: { } left })
        {
            yield return Herald(left, path.Mac);
        }

        if (path.Departure is not null)
        {
            foreach (var wanted in StandIn(path, table))
            {
                yield return wanted;
            }
        }

        if (path is { Arrival: not null, Tap: { } tap })
        {
            foreach (var wanted in Delivery(path, tap))
            {
                yield return wanted;
            }
        }
    }

    // Before the switch nothing comes by the stand-in; something may come from the guest's last host.
    private static string? InboundLink(HomeLinkPath path) =>
        path is { IsReturning: true, Tap: { } tap } ? tap
        : path.Departure is { } departure && (path.IsTurned || path.Arrival is null) ? departure.Name
        : path.Arrival is not null ? path.Tap
        : null;

    private static BridgeForwardingEntry Turned(HomeLinkPath path) => new(path.StandInPort, path.Mac) { IsSticky = true };

    private static IEnumerable<KernelObject> StandIn(HomeLinkPath path, uint table)
    {
        var mac = path.Mac.ToArray();
        var portAddress = LinkLayerAddress.Read([PortAddressPrefix, PortAddressMark, mac[2], mac[3], mac[4], mac[5]]);
        yield return new Veth(path.StandIn, path.StandInPort) { Master = AwayDataPath.VrfName, Address = path.Mac, Mtu = path.Mtu };
        yield return new Veth(path.StandInPort, path.StandIn) { Master = path.Bridge, Address = portAddress, Mtu = path.Mtu };
        yield return new BridgePort(path.StandInPort) { Learning = false, UnicastFlood = false, MulticastFlood = false, BroadcastFlood = false };
        yield return new Neighbour(path.StandIn, path.Router, path.RouterMac);
        if (path.IsTurned)
        {
            yield return Turned(path);
        }

        // A route would take what a guest that is coming back sends back here to where it came from.
        var (inwards, target) = path.IsReturning ? (FilterAction.Redirect, path.Departure!.Name) : (FilterAction.Pass, null);
        ushort place = 1;
        foreach (var home in path.HomeAddresses)
        {
            yield return new Route(new(default, 0), table) { Source = new(home, 128), Gateway = path.Router, Link = path.StandIn };
            // The kernel itself is to say nothing there, and nobody but the guest to get through.
            yield return new Filter(path.StandIn, FilterHook.Egress, place, new FlowerMatch { Source = new(home, 128) }, FilterAction.Pass);
            yield return new Filter(path.StandIn, FilterHook.Ingress, place, new FlowerMatch { Destination = new(home, 128) }, inwards) { Target = target };
            place++;
        }

        yield return new Filter(path.StandIn, FilterHook.Egress, ushort.MaxValue, new AnyMatch(), FilterAction.Drop);
        yield return new Filter(path.StandIn, FilterHook.Ingress, ushort.MaxValue, new AnyMatch(), FilterAction.Drop);
    }

    private static IEnumerable<KernelObject> Delivery(HomeLinkPath path, string tap) =>
        [TapPort(path, tap), .. path.HomeAddresses.Select(home => new Neighbour(tap, home, path.Mac))];

    private static BridgePort TapPort(HomeLinkPath path, string tap) => new(tap)
    {
        TransmitQueueLength = QueueLength,
        UnicastFlood = path.IsQuiet ? false : path.Settings?.UnicastFlood,
        MulticastFlood = path.IsQuiet ? false : path.Settings?.MulticastFlood,
        BroadcastFlood = path.IsQuiet ? false : path.Settings?.BroadcastFlood,
    };
}
