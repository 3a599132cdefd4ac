using System.Globalization;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>
/// What the kernel has to hold for the bindings. Pure: the same bindings give the same state.
/// <code>
///   home link                                              tunnel, one per care-of address (RFC 6275, section 10.4)
///   -------- proxy neighbour entry for HoA     HoA/128 dev kgt........ ========> care-of address
///                                              ingress: from its own home addresses, nothing else
/// </code>
/// </summary>
internal static class DataPath
{
    /// <summary>Which kernel objects are the home agent's: not those of an agent that runs on the same machine.</summary>
    public static readonly KernelScope Scope = new("kgt", KernelScope.DefaultProtocol + 1);

    // Where each home address's filter begins to look for a place; the filter that drops the rest is the last one.
    private const ushort LastPass = ushort.MaxValue - 1;

    /// <summary>Makes a tunnel with a filter, to nowhere, and takes it away again.</summary>
    /// <exception cref="RefusedException">The kernel cannot.</exception>
    public static void RequireTunnels(Kernel kernel, Ipv6Address homeAgent)
    {
        const string Probe = "kgtprobe";
        var scope = new KernelScope(Probe, (byte)(Scope.Protocol + 1));
        try
        {
            // The discard prefix (RFC 6666).
            var nowhere = new Ip6Tunnel(Probe, homeAgent, Ipv6Address.Parse("100::1"));
            kernel.Apply([nowhere, new Filter(Probe, FilterHook.Ingress, 1, new AnyMatch(), FilterAction.Drop)], scope);
            kernel.Apply([], scope);
        }
        catch (KernelException e)
        {
            throw new RefusedException($"this kernel lacks ip6_tunnel, sch_ingress or cls_flower: {e.Message}");
        }
    }

    /// <summary>What is wanted for all of these.</summary>
    /// <param name="homeLink">The interface on the home link.</param>
    /// <param name="homeAgent">The home agent's address.</param>
    /// <param name="bindings">The binding cache.</param>
    public static KernelState For(string homeLink, Ipv6Address homeAgent, IEnumerable<BindingCacheEntry> bindings)
    {
        var wanted = new List<KernelObject>
        {
            new Sysctl("ipv6/conf/all/forwarding", "1"),
            Sysctl.Ipv6(homeLink, "proxy_ndp", 1),
            // The kernel would wait up to 0.8 s before it answers for somebody else (RFC 4861, section 7.2.8).
            new Sysctl($"ipv6/neigh/{homeLink}/proxy_delay", "0"),
        };
        var names = new HashSet<string>();
        foreach (var byCareOfAddress in bindings.GroupBy(binding => binding.CareOfAddress).OrderBy(group => group.Key))
        {
            var homeAddresses = byCareOfAddress.Select(binding => binding.HomeAddress).Order().ToList();
            wanted.AddRange(Tunnel(TunnelName(homeAgent, byCareOfAddress.Key, names), homeAgent, byCareOfAddress.Key, homeAddresses));
            wanted.AddRange(homeAddresses.Select(homeAddress => new ProxyNeighbour(homeLink, homeAddress)));
        }

        return KernelState.Create([.. wanted]);
    }

    /// <summary>
    /// A state on the way from one to the next: tunnels that go are still there, though nothing gets in from them. A route can then turn
    /// from one tunnel to the next in one step; with its tunnel it would go first, and for some milliseconds there would be none.
    /// </summary>
    public static KernelState Turning(KernelState from, KernelState to)
    {
        var leaving = Leaving(from, to);
        return to.With(from.Where(there => there switch
        {
            Ip6Tunnel tunnel => leaving.Contains(tunnel.Name),
            Filter { Action: FilterAction.Drop } filter => leaving.Contains(filter.Link),
            _ => false,
        }));
    }

    /// <summary>The tunnels that one state has and the next has not.</summary>
    public static IReadOnlySet<string> Leaving(KernelState from, KernelState to) =>
        from.OfType<Ip6Tunnel>().Select(tunnel => tunnel.Name).Except(to.OfType<Ip6Tunnel>().Select(tunnel => tunnel.Name)).ToHashSet();

    // Anybody can choose a care-of address whose hash is another's: then the next number has to do.
    private static string TunnelName(Ipv6Address homeAgent, Ipv6Address careOfAddress, HashSet<string> taken)
    {
        var number = Hash([.. homeAgent.ToArray(), .. careOfAddress.ToArray()]);
        string name;
        do
        {
            name = Scope.LinkPrefix + number++.ToString("x8", CultureInfo.InvariantCulture);
        }
        while (!taken.Add(name));
        return name;
    }

    private static IEnumerable<KernelObject> Tunnel(
        string name, Ipv6Address homeAgent, Ipv6Address careOfAddress, IReadOnlyList<Ipv6Address> homeAddresses)
    {
        yield return new Ip6Tunnel(name, homeAgent, careOfAddress);

        // A mobile node speaks for its own home addresses only (RFC 6275, section 10.4.5).
        var taken = new HashSet<ushort>();
        foreach (var homeAddress in homeAddresses)
        {
            yield return new Route(new(homeAddress, 128)) { Link = name };
            yield return new Filter(
                name, FilterHook.Ingress, Place(homeAddress, taken), new FlowerMatch { Source = new(homeAddress, 128) }, FilterAction.Pass);
        }

        yield return new Filter(name, FilterHook.Ingress, ushort.MaxValue, new AnyMatch(), FilterAction.Drop);
    }

    /// <summary>A filter's place follows from its address: were they numbered, one that goes would move others and lose packets.</summary>
    private static ushort Place(Ipv6Address homeAddress, HashSet<ushort> taken)
    {
        var place = (ushort)(1 + Hash(homeAddress.ToArray()) % LastPass);
        while (!taken.Add(place))
        {
            place = (ushort)(1 + place % LastPass);
        }

        return place;
    }

    /// <summary>FNV-1a: it only has to be the same each time.</summary>
    private static uint Hash(ReadOnlySpan<byte> bytes)
    {
        uint hash = 2166136261;
        foreach (var b in bytes)
        {
            hash = unchecked((hash ^ b) * 16777619);
        }

        return hash;
    }
}
