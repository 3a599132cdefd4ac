using System.Buffers.Binary;
using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>Bytes of packets, good and bad.</summary>
internal static class Packets
{
    /// <summary>An IPv6 packet (RFC 8200, section 3).</summary>
    public static byte[] Ipv6(Ipv6Address source, Ipv6Address destination, byte nextHeader, byte[] payload, byte hopLimit = 64)
    {
        var packet = new byte[40 + payload.Length];
        packet[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload.Length);
        packet[6] = nextHeader;
        packet[7] = hopLimit;
        source.WriteTo(packet.AsSpan(8));
        destination.WriteTo(packet.AsSpan(24));
        payload.CopyTo(packet, 40);
        return packet;
    }

    /// <summary>An Ethernet frame.</summary>
    public static byte[] Frame(LinkLayerAddress destination, LinkLayerAddress source, EtherType etherType, byte[] packet) =>
        new EthernetFrame(destination, source, etherType, WireArray.Create<byte>(packet)).ToArray();

    /// <summary>An extension header of eight bytes: hop-by-hop or destination options with padding, or a routing header of an unknown type.</summary>
    public static byte[] Extension(byte nextHeader, byte[] payload) => [nextHeader, 0, 1, 4, 0, 0, 0, 0, .. payload];

    /// <summary>A destination options header with a home address option (RFC 6275, section 6.3).</summary>
    public static byte[] HomeAddressOption(Ipv6Address home, byte nextHeader, byte[] payload) => [nextHeader, 2, 1, 2, 0, 0, 0xc9, 16, .. home.ToArray(), .. payload];

    /// <summary>A type 2 routing header (RFC 6275, section 6.4).</summary>
    public static byte[] Type2Routing(Ipv6Address home, byte nextHeader, byte[] payload) => [nextHeader, 2, 2, 1, 0, 0, 0, 0, .. home.ToArray(), .. payload];

    /// <summary>A fragment header (RFC 8200, section 4.5): the first of several fragments, or another one.</summary>
    public static byte[] Fragment(byte nextHeader, int offset, byte[] payload) => [nextHeader, 0, (byte)(offset >> 5), (byte)(offset << 3 | 1), 1, 2, 3, 4, .. payload];

    /// <summary>A binding update (RFC 6275, section 6.1.7); nobody looks at its checksum here.</summary>
    public static byte[] MobilityHeader { get; } = [59, 1, 5, 0, 0, 0, 0, 1, 0xc0, 0, 0, 10, 1, 2, 0, 0];

    /// <summary>A datagram with some text.</summary>
    public static byte[] Udp(Ipv6Address source, Ipv6Address destination, ushort port, byte[] text)
    {
        byte[] datagram = [0x30, 0x39, (byte)(port >> 8), (byte)port, 0, (byte)(8 + text.Length), 0, 0, .. text];
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(6), Checksum(source, destination, 17, datagram));
        return datagram;
    }

    /// <summary>A neighbour solicitation (RFC 4861, section 4.3) as a whole packet.</summary>
    public static byte[] Solicitation(Ipv6Address source, Ipv6Address target, LinkLayerAddress sender) => new NeighbourDiscoveryPacket(
        source,
        target.SolicitedNode,
        new NeighbourSolicitation(target, [new SourceLinkLayerAddress(sender)])).ToArray();

    /// <summary>Waits for a Packet Too Big (RFC 4443, section 3.2), and says whether it is from and to these.</summary>
    public static async Task IsToldAsync(PacketSocket socket, Ipv6Address source, Ipv6Address destination, int mtu, CancellationToken deadline)
    {
        var buffer = new byte[2048];
        do
        {
            await socket.ReceiveAsync(buffer, deadline);
        }
        while (buffer[14 + 6] != 58 || buffer[14 + 40] != 2);
        Assert.Equal(
            (source, destination, mtu),
            (Ipv6Address.Read(buffer.AsSpan(14 + 8)), Ipv6Address.Read(buffer.AsSpan(14 + 24)), BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(14 + 44))));
    }

    /// <summary>The checksum with the pseudo-header of RFC 8200, section 8.1.</summary>
    private static ushort Checksum(Ipv6Address source, Ipv6Address destination, byte protocol, byte[] payload)
    {
        byte[] all = [.. source.ToArray(), .. destination.ToArray(), 0, 0, 0, (byte)payload.Length, 0, 0, 0, protocol, .. payload, .. payload.Length % 2 == 1 ? new byte[1] : []];
        uint sum = 0;
        for (var i = 0; i < all.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(all.AsSpan(i));
        }

        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~((sum & 0xffff) + (sum >> 16));
    }
}
