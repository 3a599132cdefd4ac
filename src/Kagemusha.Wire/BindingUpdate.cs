using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>
/// Binds a home address to a care-of address, or ends that (RFC 6275, section 6.1.7).
/// <code>
///  6               7               8               9
/// |          Sequence #           |A|H|L|K|        Reserved       |
/// |           Lifetime            |   Mobility Options ...
/// </code>
/// </summary>
/// <param name="Sequence">The sequence number, greater modulo 2^16 than the one before.</param>
/// <param name="Flags">The flags; bits of later RFCs are kept.</param>
/// <param name="Lifetime">In units of four seconds; zero ends the binding.</param>
/// <param name="Options">The mobility options.</param>
public sealed record BindingUpdate(ushort Sequence, BindingUpdateFlags Flags, ushort Lifetime, WireArray<MobilityOption> Options)
    : MobilityMessage
{
    internal const byte Type = 5;
    internal const int FixedLength = 12;

    internal override byte MessageType => Type;

    internal override int Length => MobilityOption.End(FixedLength, Options);

    internal static BindingUpdate Read(ReadOnlySpan<byte> header, WireArray<MobilityOption> options) => new(
        BinaryPrimitives.ReadUInt16BigEndian(header[6..]),
        (BindingUpdateFlags)BinaryPrimitives.ReadUInt16BigEndian(header[8..]),
        BinaryPrimitives.ReadUInt16BigEndian(header[10..]),
        options);

    private protected override void WriteData(Span<byte> header)
    {
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], Sequence);
        BinaryPrimitives.WriteUInt16BigEndian(header[8..], (ushort)Flags);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], Lifetime);
        MobilityOption.WriteAll(header, FixedLength, Options);
    }
}

/// <summary>The flags of a Binding Update (RFC 6275, section 6.1.7).</summary>
[Flags]
public enum BindingUpdateFlags : ushort
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>A: an acknowledgement is wanted.</summary>
    Acknowledge = 0x8000,

    /// <summary>H: the receiver is to be the home agent.</summary>
    HomeRegistration = 0x4000,

    /// <summary>L: the home address has the interface identifier of the mobile node's link-local address.</summary>
    LinkLocalAddressCompatibility = 0x2000,

    /// <summary>K: the key management survives movements.</summary>
    KeyManagementMobilityCapability = 0x1000,
}
