using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// What the kernel has to hold for the guests that are away, all of it, from nothing but who they are. Pure: the same guests give the same state.
/// <code>
///                        kgvrf (table: ... unreachable default last)
///                       /                                          \
///   [guest] -- tap (the home router's addresses)          kgha........ (ip6tnl, care-of address -> home agent)
///              ingress: the guest's own home addresses out, nothing else
///              HoA/128 dev tap                            default from HoA via fe80::1 dev kgha........
/// </code>
/// </summary>
internal static class AwayDataPath
{
    /// <summary>The one VRF of all guests: home addresses are unique.</summary>
    public const string VrfName = "kgvrf";

    /// <summary>
    /// The next hop of what guests send. A tunnel needs none; but the kernel keeps a neighbour for each next hop, and without one for each destination, in the
    /// one table that the whole host shares.
    /// </summary>
    public static Ipv6Address NextHop { get; } = Ipv6Address.Parse("fe80::1");

    /// <summary>What is wanted for all of these; the tunnels between hosts are <see cref="HandOverDataPath"/>'s.</summary>
    /// <param name="links">The guests' interfaces.</param>
    /// <param name="hostAddresses">The host's own addresses, which no guest may reach: the rule for table local comes before a VRF's.</param>
    /// <param name="table">The VRF's table.</param>
    public static KernelState For(IReadOnlyCollection<AwayLink> links, IReadOnlyCollection<Ipv6Address> hostAddresses, uint table)
    {
        if (links.Count == 0)
        {
            return KernelState.Empty;
        }

        var wanted = Shared(table).ToList();
        // The kernel has one tunnel for a pair of addresses. Where two links know different interfaces for it, the routes have changed between them.
        var tunnels =
            from link in links.Reverse()
            from homeAgent in link.TunnelEnds
            select new Ip6Tunnel(HomeAgentTunnelName(link, homeAgent), link.CareOf.Address, homeAgent) { Underlay = link.CareOf.Interface, Master = VrfName };
        wanted.AddRange(tunnels.DistinctBy(tunnel => tunnel.Name));

        // Whoever comes may have to be held again, without a moment to make them.
        if (links.Any(link => link.Arrival is not null))
        {
            wanted.AddRange(HeldPackets.Links(links.Min(link => link.CareOf.TunnelMtu)));
        }

        wanted.AddRange(links.SelectMany(link => GuestSide(link, hostAddresses, table)));
        wanted.AddRange(Detours(links.Where(link => link.IsReturning)));

        return KernelState.Create([.. wanted]);
    }

    /// <summary>What is wanted for taps that lead nowhere: neither their guest nor this host's kernel is heard at the other end.</summary>
    /// <param name="taps">Their names.</param>
    /// <param name="table">The VRF's table.</param>
    public static IEnumerable<KernelObject> Severed(IReadOnlyCollection<string> taps, uint table) => taps.Count == 0 ? [] :
    [
        .. Shared(table),
        .. taps.Select(tap => new Port(tap) { Master = VrfName }),
        .. from tap in taps
           from hook in (FilterHook[])[FilterHook.Ingress, FilterHook.Egress]
           select new Filter(tap, hook, ushort.MaxValue, new AnyMatch(), FilterAction.Drop),
    ];

    /// <summary>Taps on their bridges, as libvirt makes them: with the guest's link-layer address, but for the first byte, which keeps the bridge's own from being taken from it.</summary>
    public static IEnumerable<KernelObject> GivenBack(IEnumerable<(string Tap, string Bridge, LinkLayerAddress Mac)> ports)
    {
        const ulong FirstByte = 0xfe;
        const int Below = 40;
        return ports.Select(port => new Port(port.Tap) { Master = port.Bridge, Address = new(FirstByte << Below | (port.Mac.Bits & ((1UL << Below) - 1))) });
    }

    /// <summary>What is there as long as anything of ours is.</summary>
    public static IEnumerable<KernelObject> Shared(uint table) =>
    [
        new Sysctl("ipv6/conf/all/forwarding", "1"),
        new Vrf(VrfName, table),
        // Without it a lookup that misses goes on in the main table, and the guest's packets leave natively on the foreign link.
        new Route(new(default, 0), table) { Metric = Route.LastMetric },
    ];

    /// <summary>The step that sends what is for a home address to this link: the guest's tap, or the hand-over's tunnel.</summary>
    public static Route Inbound(Ipv6Address home, string link, uint table) => new(new(home, 128), table) { Link = link };

    /// <summary>The steps that send what is for a link's home addresses to the host that its guest goes to, or take it back.</summary>
    public static IEnumerable<Route> Steps(AwayLink link, bool turned, uint table) =>
        link.HomeAddresses.Select(home => Inbound(home, InboundLink(link with { IsTurned = turned }), table));

    /// <summary>The step that lets the packets of a home address leave in this way.</summary>
    public static Route Outbound(AwayLink link, Ipv6Address home, OutboundPath path, uint table)
    {
        var by = path switch
        {
            OutboundPath.ThroughSource when link.Through is { } through => through.Name,
            OutboundPath.Held => HeldPackets.Entrance,
            _ => HomeAgentTunnelName(link, link.OwnHomeAgents.GetValueOrDefault(home, link.HomeAgent)),
        };
        return new(new(default, 0), table) { Source = new(home, 128), Link = by, Gateway = NextHop };
    }

    /// <summary>The names of the tunnels to a link's home agents.</summary>
    public static IEnumerable<string> HomeAgentTunnelNames(AwayLink link) => link.TunnelEnds.Select(homeAgent => HomeAgentTunnelName(link, homeAgent));

    private static string HomeAgentTunnelName(AwayLink link, Ipv6Address homeAgent) => HomeAgentTunnelName(link.CareOf.Address, homeAgent);

    /// <summary>The name of the tunnel from a care-of address to a home agent.</summary>
    public static string HomeAgentTunnelName(Ipv6Address careOf, Ipv6Address homeAgent) => TunnelName.Of("kgha", careOf, homeAgent);

    private static string InboundLink(AwayLink link) => link is { IsTurned: true, IsReturning: false, Departure: { } departure } ? departure.Name : link.Tap;

    // Where a guest is coming back from, its packets go as long as it runs there, and when it is suspended there it sends them back here. A route would
    // send them there again: so what comes by the other tunnels is taken to the one from which it may come back.
    private static IEnumerable<Filter> Detours(IEnumerable<AwayLink> returning) =>
        from detour in
            from link in returning
            from home in link.HomeAddresses
            from tunnel in HomeAgentTunnelNames(link).Append(link.Through?.Name).OfType<string>()
            where tunnel != link.Departure!.Name
            select (Tunnel: tunnel, Home: home, To: link.Departure!.Name)
        group detour by detour.Tunnel into detours
        from detour in detours.OrderBy(detour => detour.Home).Select((detour, at) => (Detour: detour, Place: (ushort)(at + 1)))
        select new Filter(
            detours.Key,
            FilterHook.Ingress,
            detour.Place,
            new FlowerMatch { Destination = new(detour.Detour.Home, 128) },
            FilterAction.Redirect)
        {
            Target = detour.Detour.To,
        };

    private static IEnumerable<KernelObject> GuestSide(AwayLink link, IReadOnlyCollection<Ipv6Address> hostAddresses, uint table)
    {
        var tap = link.Tap;
        yield return new Port(tap) { Master = VrfName, Address = link.RouterMac, TransmitQueueLength = HandOverDataPath.QueueLength };
        yield return new LinkAddress(tap, link.Router, 64);
        foreach (var home in link.HomeAddresses)
        {
            yield return new Neighbour(tap, home, link.Mac);
            yield return Inbound(home, InboundLink(link), table);
            yield return Outbound(link, home, link.Outbound.GetValueOrDefault(home, OutboundPath.HomeAgentTunnel), table);
        }

        if (link is { IsHeralded: true, IsTurned: false })
        {
            yield return HandOverDataPath.Herald(tap, link.Mac);
        }

        // The agent reads its copy of the guest's neighbour discovery before this drops it.
        foreach (var filter in GuestFilter.Create(tap, link.Sources, hostAddresses))
        {
            yield return filter;
        }
    }
}
