using System.Globalization;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>
/// What the kernel has to hold for the bindings: all of it, or what one change of the bindings touches, which costs the same however many there are. Without
/// I/O.
/// <code>
///   home link                                              tunnel, one per care-of address (RFC 6275, section 10.4)
///   -------- proxy neighbour entry for HoA     HoA/128 dev kgt........ ========> care-of address
///            and its link-local address (L)    ingress: from its own home addresses, nothing else
/// </code>
/// </summary>
/// <param name="homeLink">The interface on the home link.</param>
/// <param name="homeAgent">The home agent's address.</param>
internal sealed class DataPath(string homeLink, Ipv6Address homeAgent)
{
    /// <summary>Which kernel objects are the home agent's: not those of an agent that runs on the same machine.</summary>
    public static readonly KernelScope Scope = new("kgt", KernelScope.DefaultProtocol + 1);

    // The filters that let home addresses in, found by a hash however many they are, come before the one that drops the rest.
    private const ushort Passes = 1;
    private const ushort Rest = 2;

    // The more handles, the fewer addresses want the same; the kernel keeps them in a tree that grows with them.
    private const uint Handles = 1 << 24;

    private readonly Dictionary<Ipv6Address, Tunnel> _tunnels = [];
    private readonly Dictionary<Ipv6Address, Place> _places = [];

    // Several home addresses may have one: how many do.
    private readonly Dictionary<Ipv6Address, int> _linkLocal = [];
    private readonly HashSet<string> _names = [];

    private readonly IReadOnlyList<KernelObject> _settings =
    [
        new Sysctl("ipv6/conf/all/forwarding", "1"),
        Sysctl.Ipv6(homeLink, "proxy_ndp", 1),
        // The kernel would wait up to 0.8 s before it answers for somebody else (RFC 4861, section 7.2.8).
        new Sysctl($"ipv6/neigh/{homeLink}/proxy_delay", "0"),
    ];

    /// <summary>Where a home address is bound to, and the link-local address that is defended with it.</summary>
    private readonly record struct Place(Ipv6Address CareOfAddress, Ipv6Address? LinkLocalAddress);

    /// <summary>A tunnel's name and its home addresses, each with its filter's handle.</summary>
    private sealed record Tunnel(string Name)
    {
        public Dictionary<Ipv6Address, uint> Home { get; } = [];

        public HashSet<uint> Taken { get; } = [];
    }

    /// <summary>All that is wanted.</summary>
    public KernelState Wanted => Of(_places.Keys, _tunnels.Keys, _linkLocal.Keys);

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
            kernel.Apply([nowhere, new Filter(Probe, FilterHook.Ingress, 1, new AnyMatch(), FilterAction.Drop)], scope);
            kernel.Apply([], scope);
        }
        catch (KernelException e)
        {
            throw new RefusedException($"this kernel lacks ip6_tunnel, sch_ingress or cls_flower: {e.Message}");
        }
    }

    /// <summary>Takes bindings in as they are now.</summary>
    /// <param name="bindings">The bindings; of several for one home address the last one counts.</param>
    /// <returns>What that changes of what is wanted.</returns>
    public DataPathChange Change(IEnumerable<BoundAddress> bindings)
    {
        var moved = bindings.GroupBy(b => b.HomeAddress).Select(b => (HomeAddress: b.Key, Before: Find(b.Key), Now: PlaceOf(b.Last())))
            .Where(b => b.Before != b.Now).ToList();
        var homeAddresses = moved.ConvertAll(b => b.HomeAddress);
        var places = moved.SelectMany(b => new[] { b.Before, b.Now }).OfType<Place>().ToList();
        var careOfAddresses = places.Select(place => place.CareOfAddress).ToHashSet();
        var linkLocal = places.Select(place => place.LinkLocalAddress).OfType<Ipv6Address>().ToHashSet();
        var given = Of(homeAddresses, careOfAddresses, linkLocal);
        foreach (var (homeAddress, before, now) in moved)
        {
            if (before is { } last)
            {
                Release(homeAddress, last);
            }

            if (now is { } next)
            {
                Bind(homeAddress, next);
            }
        }

        return new(given, Of(homeAddresses, careOfAddresses, linkLocal));

        Place? Find(Ipv6Address homeAddress) => _places.TryGetValue(homeAddress, out var place) ? place : null;

        static Place? PlaceOf(BoundAddress binding) => binding.CareOfAddress is { } careOfAddress ? new(careOfAddress, binding.LinkLocalAddress) : null;
    }

    private void Bind(Ipv6Address homeAddress, Place place)
    {
        if (!_tunnels.TryGetValue(place.CareOfAddress, out var tunnel))
        {
            _tunnels[place.CareOfAddress] = tunnel = new(TunnelName(place.CareOfAddress));
        }

        // Its own, or the next that is free: were they numbered, one that goes would move others and lose packets.
        var handle = 1 + Hash(homeAddress.ToArray()) % Handles;
        while (!tunnel.Taken.Add(handle))
        {
            handle = 1 + handle % Handles;
        }

        tunnel.Home[homeAddress] = handle;
        _places[homeAddress] = place;
        if (place.LinkLocalAddress is { } linkLocal)
        {
            _linkLocal[linkLocal] = _linkLocal.GetValueOrDefault(linkLocal) + 1;
        }
    }

    private void Release(Ipv6Address homeAddress, Place place)
    {
        _places.Remove(homeAddress);
        var tunnel = _tunnels[place.CareOfAddress];
        tunnel.Home.Remove(homeAddress, out var handle);
        tunnel.Taken.Remove(handle);
        if (tunnel.Home.Count == 0)
        {
            _tunnels.Remove(place.CareOfAddress);
            _names.Remove(tunnel.Name);
        }

        if (place.LinkLocalAddress is { } linkLocal && --_linkLocal[linkLocal] == 0)
        {
            _linkLocal.Remove(linkLocal);
        }
    }

    /// <summary>What is wanted now for these addresses, and the settings.</summary>
    private KernelState Of(IEnumerable<Ipv6Address> homeAddresses, IEnumerable<Ipv6Address> careOfAddresses, IEnumerable<Ipv6Address> linkLocal)
    {
        var wanted = new List<KernelObject>(_settings);
        foreach (var careOfAddress in careOfAddresses)
        {
            if (_tunnels.TryGetValue(careOfAddress, out var tunnel))
            {
                wanted.Add(new Ip6Tunnel(tunnel.Name, homeAgent, careOfAddress));
                wanted.Add(new Filter(tunnel.Name, FilterHook.Ingress, Rest, new AnyMatch(), FilterAction.Drop));
            }
        }

        foreach (var homeAddress in homeAddresses)
        {
            if (_places.TryGetValue(homeAddress, out var place) && _tunnels[place.CareOfAddress] is var tunnel)
            {
                var prefix = new Ipv6Prefix(homeAddress, 128);
                wanted.Add(new Route(prefix) { Link = tunnel.Name });
                wanted.Add(new ProxyNeighbour(homeLink, homeAddress));

                // A mobile node speaks for its own home addresses only (RFC 6275, section 10.4.5).
                wanted.Add(new Filter(tunnel.Name, FilterHook.Ingress, Passes, new FlowerMatch { Source = prefix }, FilterAction.Pass)
                {
                    Handle = tunnel.Home[homeAddress],
                });
            }
        }

        // There is no route: the kernel answers what is sent there by an ICMPv6 error (RFC 6275, section 10.4.2).
        wanted.AddRange(linkLocal.Where(_linkLocal.ContainsKey).Select(address => new ProxyNeighbour(homeLink, address)));
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

/// <summary>Where a home address is now.</summary>
/// <param name="HomeAddress">The home address.</param>
/// <param name="CareOfAddress">What it is bound to; null if it is not bound any more.</param>
/// <param name="LinkLocalAddress">Its link-local address, if that is defended too.</param>
internal readonly record struct BoundAddress(Ipv6Address HomeAddress, Ipv6Address? CareOfAddress, Ipv6Address? LinkLocalAddress = null);

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
