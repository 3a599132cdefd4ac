using System.Globalization;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// What the kernel has to hold for the guests that are away, all of it, from nothing but who they are. Pure: the same guests give the same state.
/// <code>
///                        kgvrf (table: ... unreachable default last)
///                       /                                          \
///   [guest] -- tap (the home router's addresses)          kgha........ (ip6tnl, care-of address -> home agent)
///              ingress: own home addresses out, nothing else
///              HoA/128 dev tap                            default from HoA dev kgha........
/// </code>
/// </summary>
internal static class AwayDataPath
{
    /// <summary>The one VRF of all guests: home addresses are unique.</summary>
    public const string VrfName = "kgvrf";

    /// <summary>What is wanted for all of these.</summary>
    /// <param name="links">The guests' interfaces.</param>
    /// <param name="hostAddresses">The host's own addresses, which no guest may reach: the rule for table local comes before a VRF's.</param>
    /// <param name="table">The VRF's table.</param>
    public static KernelState For(IReadOnlyCollection<AwayLink> links, IReadOnlyCollection<Ipv6Address> hostAddresses, uint table)
    {
        if (links.Count == 0)
        {
            return KernelState.Empty;
        }

        var wanted = new List<KernelObject>
        {
            new Sysctl("ipv6/conf/all/forwarding", "1"),
            new Vrf(VrfName, table),
            // Without it a lookup that misses goes on in the main table, and the guest's packets leave natively on the foreign link.
            new Route(new(default, 0), table) { Metric = Route.LastMetric },
        };
        // The kernel has one tunnel for a pair of addresses. Where two links know different interfaces for it, the routes have changed between them.
        foreach (var link in links.Reverse().DistinctBy(TunnelName))
        {
            wanted.Add(new Ip6Tunnel(TunnelName(link), link.CareOf.Address, link.HomeAgent) { Underlay = link.CareOf.Interface, Master = VrfName });
        }

        wanted.AddRange(links.SelectMany(link => GuestSide(link, hostAddresses, table)));

        return KernelState.Create([.. wanted]);
    }

    /// <summary>The name of the tunnel between two addresses.</summary>
    public static string TunnelName(Ipv6Address careOfAddress, Ipv6Address homeAgent)
    {
        // FNV-1a: the name only has to be the same each time and fit in 15 bytes.
        uint hash = 2166136261;
        foreach (var b in (byte[])[.. careOfAddress.ToArray(), .. homeAgent.ToArray()])
        {
            hash = (hash ^ b) * 16777619;
        }

        return "kgha" + hash.ToString("x8", CultureInfo.InvariantCulture);
    }

    private static string TunnelName(AwayLink link) => TunnelName(link.CareOf.Address, link.HomeAgent);

    private static IEnumerable<KernelObject> GuestSide(AwayLink link, IReadOnlyCollection<Ipv6Address> hostAddresses, uint table)
    {
        var tap = link.Tap;
        yield return new Port(tap) { Master = VrfName, Address = link.RouterMac };
        yield return new LinkAddress(tap, link.Router, 64);
        foreach (var home in link.HomeAddresses)
        {
            yield return new Neighbour(tap, home, link.Mac);
            yield return new Route(new(home, 128), table) { Link = tap };
            yield return new Route(new(default, 0), table) { Source = new(home, 128), Link = TunnelName(link) };
        }

        // The agent reads its copy of the guest's neighbour discovery before this drops it.
        foreach (var filter in GuestFilter.Create(tap, link.HomeAddresses, hostAddresses))
        {
            yield return filter;
        }
    }
}
