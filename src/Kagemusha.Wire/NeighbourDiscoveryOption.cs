using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>
/// An option of a neighbour discovery message (RFC 4861, section 4.6).
/// <code>
/// |     Type      |    Length     |  ...
/// </code>
/// </summary>
public abstract record NeighbourDiscoveryOption
{
    private protected const int HeaderLength = 2;

    private const int LengthUnit = 8;

    private protected NeighbourDiscoveryOption()
    {
    }

    internal abstract byte OptionType { get; }

    /// <summary>A multiple of eight bytes.</summary>
    internal abstract int Length { get; }

    private protected abstract void WriteData(Span<byte> option);

    internal void WriteTo(Span<byte> destination)
    {
        var option = destination[..Length];
        option.Clear();
        option[0] = OptionType;
        option[1] = checked((byte)(Length / LengthUnit));
        WriteData(option);
    }

    /// <summary>Reads the options from <paramref name="start"/> to the end of the message.</summary>
    internal static bool TryParseAll(
        ReadOnlySpan<byte> message, int start, out WireArray<NeighbourDiscoveryOption> options, out WireError error)
    {
        options = default;
        error = default;
        var found = new List<NeighbourDiscoveryOption>();
        for (var offset = start; offset < message.Length;)
        {
            var length = offset + HeaderLength > message.Length ? LengthUnit : LengthUnit * message[offset + 1];
            if (length == 0 || offset + length > message.Length)
            {
                error = new(length == 0 ? "option has the length zero" : "option is longer than its message", offset);
                return false;
            }

            found.Add(Parse(message.Slice(offset, length)));
            offset += length;
        }

        options = new([.. found]);
        return true;
    }

    // A known type with another length than its own is kept like an unknown one: for another kind of link, it says something else.
    private static NeighbourDiscoveryOption Parse(ReadOnlySpan<byte> option) => (option[0], option.Length) switch
    {
        (SourceLinkLayerAddress.Type, SourceLinkLayerAddress.FixedLength) =>
            new SourceLinkLayerAddress(LinkLayerAddress.Read(option[HeaderLength..])),
        (TargetLinkLayerAddress.Type, TargetLinkLayerAddress.FixedLength) =>
            new TargetLinkLayerAddress(LinkLayerAddress.Read(option[HeaderLength..])),
        (PrefixInformation.Type, PrefixInformation.FixedLength) => PrefixInformation.Read(option),
        (Mtu.Type, Mtu.FixedLength) => new Mtu(BinaryPrimitives.ReadUInt32BigEndian(option[4..]))
        {
            Reserved = BinaryPrimitives.ReadUInt16BigEndian(option[HeaderLength..]),
        },
        (HomeAgentInformation.Type, HomeAgentInformation.FixedLength) =>
            new HomeAgentInformation(BinaryPrimitives.ReadUInt16BigEndian(option[4..]), BinaryPrimitives.ReadUInt16BigEndian(option[6..]))
            {
                Reserved = BinaryPrimitives.ReadUInt16BigEndian(option[HeaderLength..]),
            },
        (var type, _) => new UnknownNeighbourDiscoveryOption(type, WireArray.Create(option[HeaderLength..])),
    };
}

/// <summary>The sender's link-layer address (RFC 4861, section 4.6.1).</summary>
/// <param name="Address">The address.</param>
public sealed record SourceLinkLayerAddress(LinkLayerAddress Address) : NeighbourDiscoveryOption
{
    internal const byte Type = 1;
    internal const int FixedLength = 8;

    internal override byte OptionType => Type;

    internal override int Length => FixedLength;

    private protected override void WriteData(Span<byte> option) => Address.WriteTo(option[HeaderLength..]);
}

/// <summary>The target's link-layer address (RFC 4861, section 4.6.1).</summary>
/// <param name="Address">The address.</param>
public sealed record TargetLinkLayerAddress(LinkLayerAddress Address) : NeighbourDiscoveryOption
{
    internal const byte Type = 2;
    internal const int FixedLength = 8;

    internal override byte OptionType => Type;

    internal override int Length => FixedLength;

    private protected override void WriteData(Span<byte> option) => Address.WriteTo(option[HeaderLength..]);
}

/// <summary>
/// A prefix of the link (RFC 4861, section 4.6.2), with the router's address if the R flag says so (RFC 6275, section 7.2).
/// <code>
/// |     Type = 3  |   Length = 4  | Prefix Length |L|A|R|Reserved1|
/// |                         Valid Lifetime                        |
/// |                       Preferred Lifetime                      |
/// |                           Reserved2                           |
/// |                          Prefix (16)                          |
/// </code>
/// </summary>
/// <param name="PrefixLength">How many bits of the prefix count.</param>
/// <param name="Flags">The flags; unknown bits are kept.</param>
/// <param name="ValidLifetime">In seconds; all ones is infinity.</param>
/// <param name="PreferredLifetime">In seconds; all ones is infinity.</param>
/// <param name="Prefix">All 128 bits as they were sent.</param>
public sealed record PrefixInformation(
    byte PrefixLength, PrefixFlags Flags, uint ValidLifetime, uint PreferredLifetime, Ipv6Address Prefix) : NeighbourDiscoveryOption
{
    internal const byte Type = 3;
    internal const int FixedLength = 32;

    /// <summary>Reserved2: kept, for whoever repeats the option.</summary>
    public uint Reserved { get; init; }

    internal override byte OptionType => Type;

    internal override int Length => FixedLength;

    internal static PrefixInformation Read(ReadOnlySpan<byte> option) => new(
        option[2],
        (PrefixFlags)option[3],
        BinaryPrimitives.ReadUInt32BigEndian(option[4..]),
        BinaryPrimitives.ReadUInt32BigEndian(option[8..]),
        Ipv6Address.Read(option[16..]))
    {
        Reserved = BinaryPrimitives.ReadUInt32BigEndian(option[12..]),
    };

    private protected override void WriteData(Span<byte> option)
    {
        option[2] = PrefixLength;
        option[3] = (byte)Flags;
        BinaryPrimitives.WriteUInt32BigEndian(option[4..], ValidLifetime);
        BinaryPrimitives.WriteUInt32BigEndian(option[8..], PreferredLifetime);
        BinaryPrimitives.WriteUInt32BigEndian(option[12..], Reserved);
        Prefix.WriteTo(option[16..]);
    }
}

/// <summary>The flags of a prefix (RFC 4861, section 4.6.2; RFC 6275, section 7.2).</summary>
[Flags]
public enum PrefixFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>L: the prefix is on the link.</summary>
    OnLink = 0x80,

    /// <summary>A: hosts make addresses of the prefix.</summary>
    Autonomous = 0x40,

    /// <summary>R: the prefix is a whole address, the router's.</summary>
    RouterAddress = 0x20,
}

/// <summary>The link's MTU (RFC 4861, section 4.6.4).</summary>
/// <param name="Value">In bytes.</param>
public sealed record Mtu(uint Value) : NeighbourDiscoveryOption
{
    internal const byte Type = 5;
    internal const int FixedLength = 8;

    /// <summary>Reserved: kept, for whoever repeats the option.</summary>
    public ushort Reserved { get; init; }

    internal override byte OptionType => Type;

    internal override int Length => FixedLength;

    private protected override void WriteData(Span<byte> option)
    {
        BinaryPrimitives.WriteUInt16BigEndian(option[HeaderLength..], Reserved);
        BinaryPrimitives.WriteUInt32BigEndian(option[4..], Value);
    }
}

/// <summary>A home agent's preference and lifetime (RFC 6275, section 7.4).</summary>
/// <param name="Preference">Higher is preferred.</param>
/// <param name="Lifetime">In seconds, never zero.</param>
public sealed record HomeAgentInformation(ushort Preference, ushort Lifetime) : NeighbourDiscoveryOption
{
    internal const byte Type = 8;
    internal const int FixedLength = 8;

    /// <summary>Reserved: kept, for whoever repeats the option.</summary>
    public ushort Reserved { get; init; }

    internal override byte OptionType => Type;

    internal override int Length => FixedLength;

    private protected override void WriteData(Span<byte> option)
    {
        BinaryPrimitives.WriteUInt16BigEndian(option[HeaderLength..], Reserved);
        BinaryPrimitives.WriteUInt16BigEndian(option[4..], Preference);
        BinaryPrimitives.WriteUInt16BigEndian(option[6..], Lifetime);
    }
}

/// <summary>Any other option: ignored by who does not know it (RFC 4861, section 4.6), so kept as it is.</summary>
/// <param name="Type">The option's number.</param>
/// <param name="Data">What follows the length; written with zeros behind it up to a multiple of eight bytes.</param>
public sealed record UnknownNeighbourDiscoveryOption(byte Type, WireArray<byte> Data) : NeighbourDiscoveryOption
{
    internal override byte OptionType => Type;

    internal override int Length => (HeaderLength + Data.Count + 7) & ~7;

    private protected override void WriteData(Span<byte> option) => Data.Span.CopyTo(option[HeaderLength..]);
}
