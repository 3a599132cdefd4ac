using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>
/// A neighbour discovery message (RFC 4861, section 4): an ICMPv6 message of type 133 to 136.
/// <code>
///  0               1               2               3
/// |     Type      |     Code      |          Checksum             |
/// |   Message Body ...
/// </code>
/// </summary>
/// <param name="Options">The options.</param>
public abstract record NeighbourDiscoveryMessage(WireArray<NeighbourDiscoveryOption> Options)
{
    /// <summary>Where the checksum stands: <see cref="NeighbourDiscoveryPacket"/> makes it, for it covers the packet's addresses.</summary>
    internal const int ChecksumOffset = 2;

    internal abstract byte MessageType { get; }

    internal int Length
    {
        get
        {
            var length = BodyEnd;
            foreach (var option in Options.Span)
            {
                length += option.Length;
            }

            return length;
        }
    }

    /// <summary>Where the options begin.</summary>
    private protected abstract int BodyEnd { get; }

    private protected abstract void WriteBody(Span<byte> message);

    /// <summary>Writes <see cref="Length"/> bytes; the checksum is left zero.</summary>
    internal void WriteTo(Span<byte> destination)
    {
        var message = destination[..Length];
        message[..BodyEnd].Clear();
        message[0] = MessageType;
        WriteBody(message);
        var rest = message[BodyEnd..];
        foreach (var option in Options.Span)
        {
            option.WriteTo(rest);
            rest = rest[option.Length..];
        }
    }

    /// <summary>The message as bytes from its type on; the checksum is left zero.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        WriteTo(bytes);
        return bytes;
    }

    /// <summary>Reads a message. The checksum and what depends on addresses are the packet's affair.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out NeighbourDiscoveryMessage? message, out WireError error)
    {
        message = null;
        var fixedLength = bytes.IsEmpty ? 0 : bytes[0] switch
        {
            RouterSolicitation.Type => RouterSolicitation.FixedLength,
            RouterAdvertisement.Type => RouterAdvertisement.FixedLength,
            NeighbourSolicitation.Type => NeighbourSolicitation.FixedLength,
            NeighbourAdvertisement.Type => NeighbourAdvertisement.FixedLength,
            _ => 0,
        };
        if (fixedLength == 0)
        {
            error = new("ICMPv6 message is no neighbour discovery message", 0);
            return false;
        }

        if (bytes.Length < fixedLength)
        {
            error = new("neighbour discovery message is cut short", bytes.Length);
            return false;
        }

        if (bytes[1] != 0)
        {
            error = new("neighbour discovery message has a code that is not zero", 1);
            return false;
        }

        if (!NeighbourDiscoveryOption.TryParseAll(bytes, fixedLength, out var options, out error))
        {
            return false;
        }

        message = bytes[0] switch
        {
            RouterSolicitation.Type => new RouterSolicitation(options),
            RouterAdvertisement.Type => RouterAdvertisement.Read(bytes, options),
            NeighbourSolicitation.Type => new NeighbourSolicitation(Ipv6Address.Read(bytes[8..]), options),
            _ => new NeighbourAdvertisement(Ipv6Address.Read(bytes[8..]), (NeighbourAdvertisementFlags)bytes[4], options),
        };
        return true;
    }
}

/// <summary>
/// Asks the routers for their advertisements (RFC 4861, section 4.1).
/// <code>
///  4
/// |                            Reserved                           |
/// |   Options ...
/// </code>
/// </summary>
/// <param name="Options">The options.</param>
public sealed record RouterSolicitation(WireArray<NeighbourDiscoveryOption> Options) : NeighbourDiscoveryMessage(Options)
{
    internal const byte Type = 133;
    internal const int FixedLength = 8;

    internal override byte MessageType => Type;

    private protected override int BodyEnd => FixedLength;

    private protected override void WriteBody(Span<byte> message)
    {
    }
}

/// <summary>
/// What a router says of itself and the link (RFC 4861, section 4.2; the H flag: RFC 6275, section 7.1; Prf: RFC 4191, section 2.2).
/// <code>
///  4               5               6               7
/// | Cur Hop Limit |M|O|H|Prf|Resvd|       Router Lifetime         |
/// |                         Reachable Time                        |
/// |                          Retrans Timer                        |
/// |   Options ...
/// </code>
/// </summary>
/// <param name="CurrentHopLimit">The hop limit that hosts are to use, zero for no word on it.</param>
/// <param name="Flags">The flags; unknown bits are kept.</param>
/// <param name="RouterLifetime">In seconds; zero for a router that is no default router.</param>
/// <param name="ReachableTime">In milliseconds, zero for no word on it.</param>
/// <param name="RetransmitTimer">In milliseconds, zero for no word on it.</param>
/// <param name="Options">The options.</param>
public sealed record RouterAdvertisement(
    byte CurrentHopLimit,
    RouterAdvertisementFlags Flags,
    ushort RouterLifetime,
    uint ReachableTime,
    uint RetransmitTimer,
    WireArray<NeighbourDiscoveryOption> Options)
    : NeighbourDiscoveryMessage(Options)
{
    internal const byte Type = 134;
    internal const int FixedLength = 16;

    /// <summary>The prefixes whose addresses are on the link.</summary>
    public IEnumerable<Ipv6Prefix> OnLinkPrefixes =>
        from prefix in Options.OfType<PrefixInformation>()
        where prefix.Flags.HasFlag(PrefixFlags.OnLink) && prefix.PrefixLength <= 128
        select new Ipv6Prefix(prefix.Prefix, prefix.PrefixLength);

    /// <summary>The router's own addresses in its prefixes (RFC 6275, section 7.2).</summary>
    public IEnumerable<Ipv6Address> RouterAddresses =>
        Options.OfType<PrefixInformation>().Where(prefix => prefix.Flags.HasFlag(PrefixFlags.RouterAddress)).Select(prefix => prefix.Prefix);

    /// <summary>How it is to be preferred as a default router (RFC 4191, section 2.2): 1, 0 or -1.</summary>
    public int Preference => (Flags & RouterAdvertisementFlags.LowPreference) switch
    {
        RouterAdvertisementFlags.HighPreference => 1,
        RouterAdvertisementFlags.LowPreference => -1,
        _ => 0,
    };

    internal override byte MessageType => Type;

    private protected override int BodyEnd => FixedLength;

    internal static RouterAdvertisement Read(ReadOnlySpan<byte> message, WireArray<NeighbourDiscoveryOption> options) => new(
        message[4],
        (RouterAdvertisementFlags)message[5],
        BinaryPrimitives.ReadUInt16BigEndian(message[6..]),
        BinaryPrimitives.ReadUInt32BigEndian(message[8..]),
        BinaryPrimitives.ReadUInt32BigEndian(message[12..]),
        options);

    private protected override void WriteBody(Span<byte> message)
    {
        message[4] = CurrentHopLimit;
        message[5] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(message[6..], RouterLifetime);
        BinaryPrimitives.WriteUInt32BigEndian(message[8..], ReachableTime);
        BinaryPrimitives.WriteUInt32BigEndian(message[12..], RetransmitTimer);
    }
}

/// <summary>The flags of a Router Advertisement (RFC 4861, section 4.2; RFC 6275, section 7.1; RFC 4191, section 2.2).</summary>
[Flags]
public enum RouterAdvertisementFlags : byte
{
    /// <summary>No flag, and medium preference.</summary>
    None = 0,

    /// <summary>M: addresses by DHCPv6.</summary>
    Managed = 0x80,

    /// <summary>O: other configuration by DHCPv6.</summary>
    Other = 0x40,

    /// <summary>H: the router is a home agent.</summary>
    HomeAgent = 0x20,

    /// <summary>Prf 01: a high preference.</summary>
    HighPreference = 0x08,

    /// <summary>Prf is a signed number of two bits; its sign alone (10) is reserved, and taken for a medium preference.</summary>
    PreferenceSign = 0x10,

    /// <summary>Prf 11: a low preference.</summary>
    LowPreference = 0x18,
}

/// <summary>
/// Asks for the link-layer address of a neighbour, or whether an address is in use (RFC 4861, section 4.3).
/// <code>
///  4
/// |                            Reserved                           |
/// |                       Target Address (16)                     |
/// |   Options ...
/// </code>
/// </summary>
/// <param name="Target">The address that is asked for.</param>
/// <param name="Options">The options.</param>
public sealed record NeighbourSolicitation(Ipv6Address Target, WireArray<NeighbourDiscoveryOption> Options)
    : NeighbourDiscoveryMessage(Options)
{
    internal const byte Type = 135;
    internal const int FixedLength = 24;

    internal override byte MessageType => Type;

    private protected override int BodyEnd => FixedLength;

    private protected override void WriteBody(Span<byte> message) => Target.WriteTo(message[8..]);
}

/// <summary>
/// Says at which link-layer address a neighbour is (RFC 4861, section 4.4).
/// <code>
///  4
/// |R|S|O|                     Reserved                            |
/// |                       Target Address (16)                     |
/// |   Options ...
/// </code>
/// </summary>
/// <param name="Target">The neighbour's address.</param>
/// <param name="Flags">The flags; unknown bits of their byte are kept.</param>
/// <param name="Options">The options.</param>
public sealed record NeighbourAdvertisement(
    Ipv6Address Target, NeighbourAdvertisementFlags Flags, WireArray<NeighbourDiscoveryOption> Options)
    : NeighbourDiscoveryMessage(Options)
{
    internal const byte Type = 136;
    internal const int FixedLength = 24;

    internal override byte MessageType => Type;

    private protected override int BodyEnd => FixedLength;

    private protected override void WriteBody(Span<byte> message)
    {
        message[4] = (byte)Flags;
        Target.WriteTo(message[8..]);
    }
}

/// <summary>The flags of a Neighbour Advertisement (RFC 4861, section 4.4).</summary>
[Flags]
public enum NeighbourAdvertisementFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>R: the sender is a router.</summary>
    Router = 0x80,

    /// <summary>S: it answers a solicitation.</summary>
    Solicited = 0x40,

    /// <summary>O: it overrides what a neighbour cache says.</summary>
    Override = 0x20,
}
