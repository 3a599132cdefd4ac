using System.Globalization;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>
/// What the kernel has to hold for the bindings: all of it, or what one change of the bindings touches, which costs the same however many there are. Without
/// I/O.
/// <code>
///                                   tunnel, one per care-of address (RFC 6275, section 10.4)
///   home link --------  HoA/128 dev kgt........ ========> care-of address
///                       ingress: from its own home addresses, nothing else
///                       egress: no neighbour solicitations, which the home agent answers
/// </code>
/// </summary>
/// <param name="homeAgent">The home agent's address.</param>
internal sealed class DataPath(Ipv6Address homeAgent)
{
    /// <summary>Which kernel objects are the home agent's: not those of an agent that runs on the same machine.</summary>
    public static readonly KernelScope Scope = new("kgt", KernelScope.DefaultProtocol + 1);

    // The filters that let home addresses in, found by a hash however many they are, come before the one that drops the rest.
    private const ushort Passes = 1;
    private const ushort Rest = 2;

    // The more handles, the fewer addresses want the same; the kernel keeps them in a tree that grows with them.
    private const uint Handles = 1 << 24;

    private readonly Dictionary<Ipv6Address, Tunnel> _tunnels = [];
    private readonly Dictionary<Ipv6Address, Ipv6Address> _careOfAddresses = [];
    private readonly HashSet<string> _names = [];

    // What a neighbour sends to ask whether the mobile node is still there comes with a hop limit of 255 (RFC 4861, section 7.1.1), and is forwarded once.
    private static readonly FilterMatch ForwardedSolicitation = new U32Match(new(4, 58 << 8 | 254, 0xffff), U32Key.Byte(40, 135));

    private static readonly Sysctl Forwarding = new("ipv6/conf/all/forwarding", "1");

    /// <summary>A tunnel's name and its home addresses, each with its filter's handle.</summary>
    private sealed record Tunnel(string Name)
    {
        public Dictionary<Ipv6Address, uint> Home { get; } = [];

        public HashSet<uint> Taken { get; } = [];
    }

    /// <summary>All that is wanted.</summary>
    public KernelState Wanted => Of(_careOfAddresses.Keys, _tunnels.Keys);

    /// <summary>Whether a tunnel of this name is wanted.</summary>
    public bool HasTunnel(string name) => _names.Contains(name);

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
            var any = new Filter(Probe, FilterHook.Ingress, 1, new AnyMatch(), FilterAction.Drop);
            kernel.Apply([nowhere, any, new Filter(Probe, FilterHook.Egress, 1, ForwardedSolicitation, FilterAction.Drop)], scope);
            kernel.Apply([], scope);
        }
        catch (KernelException e)
        {
            throw new RefusedException($"this kernel lacks ip6_tunnel, sch_ingress, cls_flower or cls_u32: {e.Message}");
        }
    }

    /// <summary>Takes bindings in as they are now.</summary>
    /// <param name="bindings">Home addresses, each with its care-of address, or null if it is no longer bound.</param>
    /// <returns>What that changes of what is wanted.</returns>
    public DataPathChange Change(IReadOnlyCollection<(Ipv6Address HomeAddress, Ipv6Address? CareOfAddress)> bindings)
    {
        // Of several for one home address the last one counts.
        var moved = bindings.GroupBy(b => b.HomeAddress).Select(b => b.Last())
            .Where(b => _careOfAddresses.TryGetValue(b.HomeAddress, out var last) ? last != b.CareOfAddress : b.CareOfAddress is not null).ToList();
        var homeAddresses = moved.Select(b => b.HomeAddress).ToHashSet();
        var careOfAddresses = moved.Select(b => b.CareOfAddress).OfType<Ipv6Address>()
            .Concat(homeAddresses.Where(_careOfAddresses.ContainsKey).Select(address => _careOfAddresses[address])).ToHashSet();
        var given = Of(homeAddresses, careOfAddresses);
        foreach (var (homeAddress, careOfAddress) in moved)
        {
            Release(homeAddress);
            if (careOfAddress is { } address)
            {
                Bind(homeAddress, address);
            }
        }

        return new(given, Of(homeAddresses, careOfAddresses));
    }

    private void Bind(Ipv6Address homeAddress, Ipv6Address careOfAddress)
    {
        if (!_tunnels.TryGetValue(careOfAddress, out var tunnel))
        {
            _tunnels[careOfAddress] = tunnel = new(TunnelName(careOfAddress));
        }

        // Its own, or the next that is free: were they numbered, one that goes would move others and lose packets.
        var handle = 1 + Hash(homeAddress.ToArray()) % Handles;
        while (!tunnel.Taken.Add(handle))
        {
            handle = 1 + handle % Handles;
        }

        tunnel.Home[homeAddress] = handle;
        _careOfAddresses[homeAddress] = careOfAddress;
    }

    private void Release(Ipv6Address homeAddress)
    {
        if (_careOfAddresses.Remove(homeAddress, out var careOfAddress) && _tunnels[careOfAddress] is var tunnel)
        {
            tunnel.Home.Remove(homeAddress, out var handle);
            tunnel.Taken.Remove(handle);
            if (tunnel.Home.Count == 0)
            {
                _tunnels.Remove(careOfAddress);
                _names.Remove(tunnel.Name);
            }
        }
    }

    /// <summary>What is wanted now for these addresses, and that the kernel forwards.</summary>
    private KernelState Of(IEnumerable<Ipv6Address> homeAddresses, IEnumerable<Ipv6Address> careOfAddresses)
    {
        var wanted = new List<KernelObject> { Forwarding };
        foreach (var careOfAddress in careOfAddresses)
        {
            if (_tunnels.TryGetValue(careOfAddress, out var tunnel))
            {
                wanted.Add(new Ip6Tunnel(tunnel.Name, homeAgent, careOfAddress));
                wanted.Add(new Filter(tunnel.Name, FilterHook.Ingress, Rest, new AnyMatch(), FilterAction.Drop));
                wanted.Add(new Filter(tunnel.Name, FilterHook.Egress, 1, ForwardedSolicitation, FilterAction.Drop));
            }
        }

        foreach (var homeAddress in homeAddresses)
        {
            if (_careOfAddresses.TryGetValue(homeAddress, out var careOfAddress) && _tunnels[careOfAddress] is var tunnel)
            {
                var prefix = new Ipv6Prefix(homeAddress, 128);
                wanted.Add(new Route(prefix) { Link = tunnel.Name });

                // A mobile node speaks for its own home addresses only (RFC 6275, section 10.4.5).
                wanted.Add(new Filter(tunnel.Name, FilterHook.Ingress, Passes, new FlowerMatch { Source = prefix }, FilterAction.Pass)
                {
                    Handle = tunnel.Home[homeAddress],
                });
            }
        }

        return [.. wanted];
    }

    // Anybody can choose a care-of address whose hash is another's: then the next number has to do.
    private string TunnelName(Ipv6Address careOfAddress)
    {
        var number = Hash([.. homeAgent.ToArray(), .. careOfAddress.ToArray()]);
        string name;
        do
        {
            name = Scope.LinkPrefix + number++.ToString("x8", CultureInfo.InvariantCulture);
        }
        while (!_names.Add(name));
        return name;
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

/// <summary>How what is wanted changes, in those objects that do, and the tunnels that they are on.</summary>
/// <param name="From">What was wanted.</param>
/// <param name="To">What is.</param>
internal sealed record DataPathChange(KernelState From, KernelState To)
{
    /// <summary>
    /// A state on the way from one to the next: tunnels that go are still there, though nothing gets in from them. A route can then turn
    /// from one tunnel to the next in one step; with its tunnel it would go first, and for some milliseconds there would be none.
    /// </summary>
    public KernelState Turning => To.With(Lingering);

    /// <summary>What is on the way that will not be in the end.</summary>
    public IEnumerable<KernelObject> Lingering => From.Where(there => there switch
    {
        Ip6Tunnel tunnel => Leaving.Contains(tunnel.Name),
        Filter { Action: FilterAction.Drop } filter => Leaving.Contains(filter.Link),
        _ => false,
    });

    /// <summary>The tunnels that go.</summary>
    public IReadOnlySet<string> Leaving { get; } =
        From.OfType<Ip6Tunnel>().Select(tunnel => tunnel.Name).Except(To.OfType<Ip6Tunnel>().Select(tunnel => tunnel.Name)).ToHashSet();
}
