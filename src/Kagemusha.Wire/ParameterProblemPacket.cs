using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>
/// A whole IPv6 packet that tells the sender of another that a field of its headers makes no sense (RFC 4443, section 3.4). It is only ever written: who is
/// told so by others can do nothing about it.
/// <code>
/// |    Type = 4   |   Code = 0    |          Checksum             |
/// |                            Pointer                            |
/// |   As much of the other packet as fits into 1280 bytes ...
/// </code>
/// </summary>
/// <param name="Source">The IPv6 header's source.</param>
/// <param name="Destination">The IPv6 header's destination: the other packet's source.</param>
/// <param name="Pointer">Which byte of the other packet it is.</param>
/// <param name="Invoking">The other packet.</param>
public sealed record ParameterProblemPacket(Ipv6Address Source, Ipv6Address Destination, uint Pointer, WireArray<byte> Invoking)
    : Ipv6Packet(Source, Destination)
{
    private const byte Type = 4;
    private const int MessageLength = 8;
    private const byte HopLimit = 64;

    /// <inheritdoc/>
    public override int Length => Math.Min(Ipv6Headers.FixedLength + MessageLength + Invoking.Count, MinimumMtu);

    /// <inheritdoc/>
    public override void WriteTo(Span<byte> destination)
    {
        var headers = new Ipv6Headers { Source = Source, Destination = Destination, HopLimit = HopLimit, UpperLayer = NextHeader.Icmpv6 };
        var packet = destination[..Length];
        var message = packet[headers.WriteTo(packet)..];
        message[..MessageLength].Clear();
        message[0] = Type;
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], Pointer);
        Invoking.Span[..(message.Length - MessageLength)].CopyTo(message[MessageLength..]);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], InternetChecksum.Compute(Source, Destination, NextHeader.Icmpv6, message));
    }
}
