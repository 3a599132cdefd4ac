using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>
/// An Ethernet frame as a packet socket gives and takes it: no preamble, no check sequence (RFC 2464, section 3).
/// <code>
/// | Destination Address (6) | Source Address (6) | EtherType (2) | payload ...
/// </code>
/// </summary>
/// <param name="Destination">The receiver or group.</param>
/// <param name="Source">The sender.</param>
/// <param name="EtherType">What the payload is.</param>
/// <param name="Payload">The packet, with the padding of a short frame.</param>
public sealed record EthernetFrame(LinkLayerAddress Destination, LinkLayerAddress Source, EtherType EtherType, WireArray<byte> Payload)
{
    /// <summary>The header's length, in bytes.</summary>
    public const int HeaderLength = 14;

    /// <summary>The length on the wire, in bytes.</summary>
    public int Length => HeaderLength + Payload.Count;

    /// <summary>A frame around a packet.</summary>
    public static EthernetFrame Around(Ipv6Packet packet, LinkLayerAddress source, LinkLayerAddress destination) =>
        new(destination, source, EtherType.Ipv6, new(packet.ToArray()));

    /// <summary>Reads a frame.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out EthernetFrame? frame, out WireError error)
    {
        frame = null;
        if (bytes.Length < HeaderLength)
        {
            error = new("Ethernet header is cut short", bytes.Length);
            return false;
        }

        frame = new(
            LinkLayerAddress.Read(bytes),
            LinkLayerAddress.Read(bytes[6..]),
            (EtherType)BinaryPrimitives.ReadUInt16BigEndian(bytes[12..]),
            WireArray.Create(bytes[HeaderLength..]));
        error = default;
        return true;
    }

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public void WriteTo(Span<byte> destination)
    {
        Destination.WriteTo(destination);
        Source.WriteTo(destination[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[12..], (ushort)EtherType);
        Payload.Span.CopyTo(destination[HeaderLength..]);
    }

    /// <summary>The frame as <see cref="Length"/> bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        WriteTo(bytes);
        return bytes;
    }
}

/// <summary>What an Ethernet frame carries (IANA, IEEE 802 Numbers).</summary>
public enum EtherType : ushort
{
    /// <summary>RFC 894.</summary>
    Ipv4 = 0x0800,

    /// <summary>RFC 826.</summary>
    Arp = 0x0806,

    /// <summary>RFC 2464.</summary>
    Ipv6 = 0x86dd,
}
