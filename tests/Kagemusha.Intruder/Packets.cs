using System.Buffers.Binary;
using Kagemusha.Wire;

namespace Kagemusha.Intruder;

/// <summary>Packets that <see cref="Wire"/> does not make, for nobody of ours sends them.</summary>
internal static class Packets
{
    private const int HeaderLength = 40;
    private const byte Udp = 17;
    private const byte Tcp = 6;

    /// <summary>An IPv6 packet (RFC 8200, section 3).</summary>
    public static byte[] Ipv6(Ipv6Address source, Ipv6Address destination, byte nextHeader, ReadOnlySpan<byte> payload, byte hopLimit = 64)
    {
        var packet = new byte[HeaderLength + payload.Length];
        packet[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload.Length);
        packet[6] = nextHeader;
        packet[7] = hopLimit;
        source.WriteTo(packet.AsSpan(8));
        destination.WriteTo(packet.AsSpan(24));
        payload.CopyTo(packet.AsSpan(HeaderLength));
        return packet;
    }

    /// <summary>A datagram; by default to the discard service (RFC 863).</summary>
    public static byte[] Datagram(Ipv6Address source, Ipv6Address destination, ReadOnlySpan<byte> data, ushort port = 9, byte hopLimit = 64)
    {
        byte[] datagram = [0xc0, 0, (byte)(port >> 8), (byte)port, (byte)((8 + data.Length) >> 8), (byte)(8 + data.Length), 0, 0, .. data];
        return Checked(source, destination, Udp, datagram, 6, hopLimit);
    }

    /// <summary>The first segment of a connection.</summary>
    public static byte[] Connect(Ipv6Address source, Ipv6Address destination, ushort port, ReadOnlySpan<byte> data)
    {
        byte[] segment = [0xc0, 0, (byte)(port >> 8), (byte)port, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0, .. data];
        return Checked(source, destination, Tcp, segment, 16, 64);
    }

    /// <summary>An echo request (RFC 4443, section 4.1).</summary>
    public static byte[] Echo(Ipv6Address source, Ipv6Address destination, ReadOnlySpan<byte> data) =>
        Icmpv6(source, destination, 128, [0, 1, 0, 1, .. data], 64);

    /// <summary>Any ICMPv6 message.</summary>
    /// <param name="source">The source.</param>
    /// <param name="destination">The destination.</param>
    /// <param name="type">The message's type.</param>
    /// <param name="body">What follows the checksum.</param>
    /// <param name="hopLimit">The hop limit.</param>
    public static byte[] Icmpv6(Ipv6Address source, Ipv6Address destination, byte type, ReadOnlySpan<byte> body, byte hopLimit = 255) =>
        Checked(source, destination, (byte)NextHeader.Icmpv6, [type, 0, 0, 0, .. body], 2, hopLimit);

    /// <summary>Puts an extension header before all others of a packet.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="type">The header's number.</param>
    /// <param name="rest">What follows the header's first byte, which is the next one's number.</param>
    public static byte[] Behind(NextHeader type, ReadOnlySpan<byte> rest, ReadOnlySpan<byte> packet)
    {
        byte[] longer = [.. packet[..HeaderLength], packet[6], .. rest, .. packet[HeaderLength..]];
        longer[6] = (byte)type;
        BinaryPrimitives.WriteUInt16BigEndian(longer.AsSpan(4), (ushort)(longer.Length - HeaderLength));
        return longer;
    }

    /// <summary>Behind options that say nothing: hop-by-hop or destination options (RFC 8200, sections 4.3 and 4.6).</summary>
    public static byte[] BehindOptions(NextHeader type, ReadOnlySpan<byte> packet) => Behind(type, [0, 1, 4, 0, 0, 0, 0], packet);

    /// <summary>Behind a Home Address option (RFC 6275, section 6.3).</summary>
    public static byte[] BehindHomeAddress(Ipv6Address home, ReadOnlySpan<byte> packet) =>
        Behind(NextHeader.DestinationOptions, [2, 1, 2, 0, 0, 0xc9, Ipv6Address.Length, .. home.ToArray()], packet);

    /// <summary>Behind a routing header with one address (RFC 6275, section 6.4; type 0: RFC 2460, section 4.4).</summary>
    public static byte[] BehindRouting(byte type, Ipv6Address via, ReadOnlySpan<byte> packet) =>
        Behind(NextHeader.Routing, [2, type, 1, 0, 0, 0, 0, .. via.ToArray()], packet);

    /// <summary>A packet as one fragment that is all of it (RFC 6946).</summary>
    public static byte[] Atomic(ReadOnlySpan<byte> packet) => Behind(NextHeader.Fragment, [0, 0, 0, .. Identification], packet);

    /// <summary>A part of a packet's payload as a fragment (RFC 8200, section 4.5).</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="from">Where the part begins, a multiple of eight.</param>
    /// <param name="to">Where it ends; what follows is another fragment's.</param>
    public static byte[] Fragment(ReadOnlySpan<byte> packet, int from, int to)
    {
        var more = HeaderLength + to < packet.Length ? 1 : 0;
        byte[] part = [.. packet[..HeaderLength], .. packet[(HeaderLength + from)..(HeaderLength + to)]];
        return Behind(NextHeader.Fragment, [0, (byte)(from >> 8), (byte)(from | more), .. Identification], part);
    }

    /// <summary>An IPv4 packet (RFC 791, section 3.1).</summary>
    public static byte[] Ipv4(uint source, uint destination, byte protocol, ReadOnlySpan<byte> payload)
    {
        byte[] packet = [0x45, 0, 0, (byte)(20 + payload.Length), 0, 0, 0, 0, 64, protocol, 0, 0, .. new byte[8], .. payload];
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(12), source);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(16), destination);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Fold(Sum(packet.AsSpan(0, 20))));
        return packet;
    }

    private static ReadOnlySpan<byte> Identification => [0x6b, 0x69, 0x6e, 0x67];

    /// <summary>The checksum of upper layers, over their bytes and the pseudo-header of RFC 8200, section 8.1.</summary>
    private static byte[] Checked(Ipv6Address source, Ipv6Address destination, byte protocol, byte[] payload, int checksumAt, byte hopLimit)
    {
        var sum = Sum(source.ToArray()) + Sum(destination.ToArray()) + (uint)payload.Length + protocol + Sum(payload);
        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(checksumAt), Fold(sum));
        return Ipv6(source, destination, protocol, payload, hopLimit);
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (var at = 0; at < bytes.Length; at++)
        {
            sum += at % 2 == 0 ? (uint)bytes[at] << 8 : bytes[at];
        }

        return sum;
    }

    private static ushort Fold(uint sum)
    {
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~((sum & 0xffff) + (sum >> 16));
    }
}
