using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>Where on a link a filter looks.</summary>
public enum FilterHook
{
    /// <summary>At what the link receives: on a tap, what the guest sends.</summary>
    Ingress,

    /// <summary>At what leaves by the link.</summary>
    Egress,
}

/// <summary>What becomes of a packet that matches.</summary>
public enum FilterAction
{
    /// <summary>It goes on; no later filter is asked.</summary>
    Pass,

    /// <summary>It goes on as one for this host, whatever link-layer address it was sent to; no later filter is asked.</summary>
    Receive,

    /// <summary>It is gone.</summary>
    Drop,

    /// <summary>It goes on, and right before it by the same link a copy of it that is addressed to <see cref="Filter.Nobody"/>.</summary>
    Herald,

    /// <summary>It leaves by <see cref="Filter.Target"/> at once, whatever the routes say; a tunnel gets it without its Ethernet header.</summary>
    Redirect,
}

/// <summary>A packet filter (tc) at the clsact queueing discipline, which comes and goes with the first and last filter of a link.</summary>
/// <param name="Link">The link's name.</param>
/// <param name="Hook">Where it looks.</param>
/// <param name="Priority">From 1 on, the smallest is asked first; one filter for each, or several of one form that differ in their <see cref="Handle"/>.</param>
/// <param name="Match">Which packets.</param>
/// <param name="Action">What becomes of them.</param>
public sealed record Filter(string Link, FilterHook Hook, ushort Priority, FilterMatch Match, FilterAction Action) : KernelObject
{
    /// <summary>A link-layer address that no one has, one of ours.</summary>
    public static LinkLayerAddress Nobody { get; } = LinkLayerAddress.Parse("02:6b:00:00:00:00");

    /// <summary>The handle that the kernel gives the first filter of a priority.</summary>
    internal const uint FirstHandle = 1;

    /// <summary>The link by which redirected packets leave.</summary>
    public string? Target { get; init; }

    /// <summary>
    /// Which of the filters of its priority it is. Those of one priority match the same fields, exactly, and the kernel finds the right one as fast as if it were
    /// the only one.
    /// </summary>
    public uint Handle { get; init; } = FirstHandle;

    internal override object Identity => (Link, Hook, Priority, Handle);

    internal override string? RequiredLink => Link;

    private string HookName => Hook == FilterHook.Ingress ? "ingress" : "egress";

    private string ProtocolName => Match.Protocol switch
    {
        Netlink.ETH_P_ALL => "all",
        Netlink.ETH_P_IPV6 => "ipv6",
        var other => $"0x{other:x4}",
    };

    internal override string Line(string verb)
    {
        var line = $"tc filter {verb} dev {Link} {HookName} pref {Priority} protocol {ProtocolName}";
        line = Handle == FirstHandle ? line : verb == "delete" ? $"{line} handle {Handle} flower" : $"{line} handle {Handle}";
        return verb == "delete" ? line : $"{line} {Match} action {ActionName}";
    }

    private string ActionName => Action switch
    {
        FilterAction.Pass => "pass",
        FilterAction.Receive => "skbedit ptype host",
        FilterAction.Drop => "drop",
        FilterAction.Redirect => $"mirred egress redirect dev {Target}",
        _ => $"skbmod set dmac {Nobody} pipe action mirred egress mirror dev {Link} pipe action skbmod set dmac {(Match as FlowerMatch)?.DestinationLinkLayer}",
    };
}

/// <summary>Which packets a filter is for.</summary>
public abstract record FilterMatch
{
    private protected FilterMatch()
    {
    }

    /// <summary>The EtherType of the packets that the filter is asked about.</summary>
    internal abstract ushort Protocol { get; }
}

/// <summary>Every packet of any protocol.</summary>
public sealed record AnyMatch : FilterMatch
{
    internal override ushort Protocol => Netlink.ETH_P_ALL;

    /// <inheritdoc/>
    public override string ToString() => "flower";
}

/// <summary>IPv6 packets by their addresses and by the header behind all extension headers.</summary>
public sealed record FlowerMatch : FilterMatch
{
    /// <summary>The destination's link-layer address; null for any.</summary>
    public LinkLayerAddress? DestinationLinkLayer { get; init; }

    /// <summary>The source address; null for any.</summary>
    public Ipv6Prefix? Source { get; init => field = value is { Length: 0 } ? null : value; }

    /// <summary>The destination address; null for any.</summary>
    public Ipv6Prefix? Destination { get; init => field = value is { Length: 0 } ? null : value; }

    /// <summary>The upper-layer protocol; null for any.</summary>
    public byte? IpProtocol { get; init; }

    internal override ushort Protocol => Netlink.ETH_P_IPV6;

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = DestinationLinkLayer is null ? "flower" : $"flower dst_mac {DestinationLinkLayer}";
        text = Source is null ? text : $"{text} src_ip {Source}";
        text = Destination is null ? text : $"{text} dst_ip {Destination}";
        return IpProtocol is null ? text : $"{text} ip_proto {IpProtocol}";
    }
}

/// <summary>IPv6 packets by bytes at an offset, both if there are two.</summary>
/// <param name="First">Some bytes.</param>
/// <param name="Second">Some more.</param>
public sealed record U32Match(U32Key First, U32Key? Second = null) : FilterMatch
{
    internal override ushort Protocol => Netlink.ETH_P_IPV6;

    /// <summary>The next header field of the IPv6 header: the first extension header or the upper layer.</summary>
    public static U32Match NextHeader(byte value) => new(U32Key.Byte(6, value));

    /// <summary>A fragment (RFC 8200, section 4.5) whose first header behind the fragment header is this.</summary>
    public static U32Match FragmentNextHeader(byte value) => new(U32Key.Byte(6, 44), U32Key.Byte(40, value));

    /// <inheritdoc/>
    public override string ToString() => Second is null ? $"u32 {First}" : $"u32 {First} {Second}";
}

/// <summary>What somebody else's filter matches; never wanted.</summary>
internal sealed record UnknownMatch(string Kind, ushort EtherType) : FilterMatch
{
    internal override ushort Protocol => EtherType;

    public override string ToString() => Kind;
}

/// <summary>A comparison of 32 bits of a packet.</summary>
/// <param name="Offset">From the network header on; a multiple of four.</param>
/// <param name="Value">The value, its first byte on the wire the most significant one.</param>
/// <param name="Mask">Which bits count.</param>
public readonly record struct U32Key(int Offset, uint Value, uint Mask)
{
    /// <summary>One byte.</summary>
    public static U32Key Byte(int offset, byte value)
    {
        var shift = 8 * (3 - offset % 4);
        return new(offset & ~3, (uint)value << shift, 0xffu << shift);
    }

    /// <inheritdoc/>
    public override string ToString() => $"match u32 0x{Value:x8} 0x{Mask:x8} at {Offset}";
}
