using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>A wanted link; it is set up once all of the rest is as wanted. The kernel makes no link-local address on it.</summary>
/// <param name="Name">At most 15 bytes.</param>
public abstract record Link(string Name) : KernelObject
{
    /// <summary>The VRF or bridge that it is in; none if null.</summary>
    public string? Master { get; init; }

    /// <summary>The MTU, or null for the one it has.</summary>
    public int? Mtu { get; init; }

    internal override object Identity => Name;
}

/// <summary>A virtual routing and forwarding domain with a table of its own.</summary>
/// <param name="Name">At most 15 bytes.</param>
/// <param name="Table">The routing table that its ports use.</param>
public sealed record Vrf(string Name, uint Table) : Link(Name)
{
    internal override string Line(string verb) => verb == "delete" ? $"ip link delete {Name}" : $"ip link {verb} {Name} type vrf table {Table}";
}

/// <summary>
/// An IPv6-in-IPv6 tunnel (RFC 2473): mode ip6ip6, no encapsulation limit, hop limit 64. The kernel has at most one for
/// a pair of addresses.
/// </summary>
/// <param name="Name">At most 15 bytes.</param>
/// <param name="Local">Our end.</param>
/// <param name="Remote">The other end.</param>
public sealed record Ip6Tunnel(string Name, Ipv6Address Local, Ipv6Address Remote) : Link(Name)
{
    /// <summary>The interface that the tunnel's packets leave by, whatever the routes say.</summary>
    public string? Underlay { get; init; }

    internal override string? RequiredLink => Underlay;

    internal override string Line(string verb)
    {
        if (verb == "delete")
        {
            return $"ip link delete {Name}";
        }

        var line = $"ip link {verb} {Name} type ip6tnl local {Local} remote {Remote} mode ip6ip6 encaplimit none hoplimit 64";
        return Underlay is null ? line : $"{line} dev {Underlay}";
    }
}

/// <summary>One end of a pair of Ethernet links: what is sent into one comes out of the other. Both ends are wanted, each as an object of its own.</summary>
/// <param name="Name">At most 15 bytes.</param>
/// <param name="Peer">The other end's name.</param>
public sealed record Veth(string Name, string Peer) : Link(Name)
{
    /// <summary>The link-layer address, or null for the one it has.</summary>
    public LinkLayerAddress? Address { get; init; }

    internal override string Line(string verb) => verb == "delete" ? $"ip link delete {Name}" : $"ip link {verb} {Name} type veth peer name {Peer}";
}

/// <summary>
/// A link that somebody else makes and takes away, such as a guest's tap; while it is wanted it is ours to set. When it is no longer
/// wanted it is taken out of our VRF, down, and otherwise left alone.
/// </summary>
/// <param name="Name">At most 15 bytes.</param>
public sealed record Port(string Name) : Link(Name)
{
    /// <summary>The link-layer address, or null for the one it has.</summary>
    public LinkLayerAddress? Address { get; init; }

    /// <summary>How many packets may wait in it (<c>txqueuelen</c>), or null for as many as now.</summary>
    public int? TransmitQueueLength { get; init; }

    internal override string? RequiredLink => Name;

    internal override string Line(string verb) => $"ip link {verb} {Name}";
}

/// <summary>A link as it is in the kernel.</summary>
/// <param name="Index">The interface's index.</param>
/// <param name="Name">The interface's name.</param>
public sealed record NetworkInterface(int Index, string Name)
{
    /// <summary>The kernel's kind, such as <c>bridge</c>, <c>tun</c>, <c>vrf</c>; null for hardware.</summary>
    public string? Kind { get; init; }

    /// <summary>The Ethernet address, if it has one.</summary>
    public LinkLayerAddress? Address { get; init; }

    /// <summary>The index of the bridge or VRF that it is a port of, or 0.</summary>
    public int MasterIndex { get; init; }

    /// <summary>The MTU.</summary>
    public int Mtu { get; init; }

    /// <summary>How it is set as a port of a bridge, if it is one.</summary>
    public BridgePortSettings? BridgePort { get; init; }

    /// <summary>How many packets may wait in it.</summary>
    public int TransmitQueueLength { get; init; }

    /// <summary>Whether it is set up (IFF_UP).</summary>
    public bool IsUp { get; init; }

    /// <summary>Whether it can carry packets now (IFF_LOWER_UP).</summary>
    public bool HasCarrier { get; init; }

    /// <summary>Whether the kernel makes link-local addresses for it by itself.</summary>
    internal bool GeneratesAddresses { get; init; }

    /// <summary>The group that it is in: with a link that we made, the protocol number of its <see cref="KernelScope"/>.</summary>
    internal uint Group { get; init; }

    /// <summary>A VRF's table.</summary>
    internal uint Table { get; init; }

    /// <summary>What an ip6tnl is, or null.</summary>
    internal TunnelParameters? Tunnel { get; init; }

    /// <summary>The index of a veth's other end, or 0 if that is in another network namespace.</summary>
    internal int PeerIndex { get; init; }
}

/// <summary>What has passed a link since it was made.</summary>
/// <param name="ReceivedPackets">In.</param>
/// <param name="TransmittedPackets">Out; at a tap, what its reader has read.</param>
/// <param name="TransmitDrops">What was not let out; at a tap, what found its queue full.</param>
public readonly record struct LinkStatistics(long ReceivedPackets, long TransmittedPackets, long TransmitDrops);

/// <summary>The parameters of an ip6tnl that we set.</summary>
internal sealed record TunnelParameters(Ipv6Address Local, Ipv6Address Remote, int UnderlayIndex, byte Protocol, byte HopLimit, bool HasEncapsulationLimit);
