using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>
/// A whole IPv6 packet with an ICMPv6 Echo Request without data (RFC 4443, section 4.1). It is only ever written: who sends one looks at what it
/// makes the other do, such as answering it.
/// <code>
/// |     Type = 128|   Code = 0    |          Checksum             |
/// |           Identifier          |        Sequence Number        |
/// </code>
/// </summary>
/// <param name="Source">The IPv6 header's source.</param>
/// <param name="Destination">The IPv6 header's destination.</param>
public sealed record EchoRequestPacket(Ipv6Address Source, Ipv6Address Destination) : Ipv6Packet(Source, Destination)
{
    private const byte Type = 128;
    private const byte ReplyType = 129;
    private const int NextHeaderOffset = 6; // In the IPv6 header.
    private const int IdentifierOffset = 4;
    private const int MessageLength = 8;
    private const byte HopLimit = 64;

    /// <summary>What the answer repeats.</summary>
    public ushort Identifier { get; init; }

    /// <inheritdoc/>
    public override int Length => Ipv6Headers.FixedLength + MessageLength;

    /// <summary>Writes <see cref="Length"/> bytes; the sequence number is zero.</summary>
    public override void WriteTo(Span<byte> destination)
    {
        var headers = new Ipv6Headers { Source = Source, Destination = Destination, HopLimit = HopLimit, UpperLayer = NextHeader.Icmpv6 };
        var packet = destination[..Length];
        var message = packet[headers.WriteTo(packet)..];
        message.Clear();
        message[0] = Type;
        BinaryPrimitives.WriteUInt16BigEndian(message[IdentifierOffset..], Identifier);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], InternetChecksum.Compute(Source, Destination, NextHeader.Icmpv6, message));
    }

    /// <summary>Whether a packet is the Echo Reply to this (RFC 4443, section 4.2), without extension headers; its checksum is right.</summary>
    public bool IsAnsweredBy(ReadOnlySpan<byte> packet)
    {
        if (ReadAddresses(packet) != (Destination, Source) || packet.Length < Length || packet[NextHeaderOffset] != (byte)NextHeader.Icmpv6)
        {
            return false;
        }

        var message = packet[Ipv6Headers.FixedLength..Length];
        return message[0] == ReplyType && message[1] == 0
            && BinaryPrimitives.ReadUInt16BigEndian(message[IdentifierOffset..]) == Identifier
            && InternetChecksum.Compute(Destination, Source, NextHeader.Icmpv6, message) == 0;
    }
}
