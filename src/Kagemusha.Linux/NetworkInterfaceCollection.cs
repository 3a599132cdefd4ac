using System.Collections;
using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>All links of a network namespace at one time.</summary>
public sealed class NetworkInterfaceCollection : IReadOnlyCollection<NetworkInterface>
{
    private readonly Dictionary<int, NetworkInterface> _byIndex;

    internal NetworkInterfaceCollection(IEnumerable<NetworkInterface> links)
    {
        _byIndex = links.ToDictionary(link => link.Index);
        ByName = _byIndex.Values.ToDictionary(link => link.Name);
    }

    /// <inheritdoc/>
    public int Count => _byIndex.Count;

    internal IReadOnlyDictionary<string, NetworkInterface> ByName { get; }

    /// <summary>The link of this name, if there is one.</summary>
    public NetworkInterface? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The link of this name.</summary>
    /// <exception cref="KernelException">There is none.</exception>
    public NetworkInterface Get(string name) => Find(name) ?? throw new KernelException($"link {name}", Tmds.Linux.LibC.ENODEV);

    /// <summary>The index of the link of this name.</summary>
    /// <exception cref="KernelException">There is none.</exception>
    public int IndexOf(string name) => Get(name).Index;

    /// <summary>The link of this index, if there is one.</summary>
    public NetworkInterface? Find(int index) => _byIndex.GetValueOrDefault(index);

    /// <summary>The bridge that the link is a port of, if it is in one.</summary>
    public NetworkInterface? BridgeOf(NetworkInterface port) => Find(port.MasterIndex) is { Kind: "bridge" } bridge ? bridge : null;

    /// <summary>The ports of a bridge or VRF.</summary>
    public IEnumerable<NetworkInterface> PortsOf(NetworkInterface master) => _byIndex.Values.Where(link => link.MasterIndex == master.Index);

    /// <inheritdoc/>
    public IEnumerator<NetworkInterface> GetEnumerator() => _byIndex.Values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>An IPv6 address of a link as it is in the kernel.</summary>
/// <param name="InterfaceIndex">The link.</param>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">How many of its bits are the link's prefix.</param>
/// <param name="IsUsable">Whether duplicate address detection is over and found none.</param>
public sealed record InterfaceAddress(int InterfaceIndex, Ipv6Address Address, int PrefixLength, bool IsUsable)
{
    /// <summary>Its remaining valid lifetime; null for ever.</summary>
    public TimeSpan? ValidFor { get; init; }

    // Between two routers there is none (RFC 6164, section 5.1).
    private const int LongestSubnet = 126;

    /// <summary>
    /// The anycast address of the subnet's routers (RFC 4291, section 2.6.1), which a kernel that forwards takes for its own; null where the subnet has none.
    /// </summary>
    public Ipv6Address? SubnetRouters => PrefixLength <= LongestSubnet ? new Ipv6Prefix(Address, PrefixLength).Address : null;
}

/// <summary>How the kernel would send to an address.</summary>
/// <param name="Source">The source address that it would choose.</param>
/// <param name="InterfaceIndex">The link that it would leave by.</param>
/// <param name="Interface">That link's name.</param>
/// <param name="Gateway">The next hop, or null if the destination is a neighbour.</param>
/// <param name="Mtu">The largest packet, as far as is known.</param>
public sealed record RouteLookup(Ipv6Address Source, int InterfaceIndex, string Interface, Ipv6Address? Gateway, int Mtu);
