using System.Buffers.Binary;
using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport;

/// <summary>A probe in a capture.</summary>
/// <param name="Probe">The probe.</param>
/// <param name="Interface">The interface's index in that network namespace.</param>
/// <param name="Outgoing">Whether the box sent it there; else it came in.</param>
/// <param name="Tunnel">The outermost IPv6 header's addresses where the probe's own is not the outermost.</param>
internal readonly record struct SeenProbe(ProbePacket Probe, int Interface, bool Outgoing, (Ipv6Address From, Ipv6Address To)? Tunnel);

/// <summary>
/// Finds probes in packets of link type LINUX_SLL2, plain or in IPv6 tunnels (RFC 2473):
/// <code>
/// protocol 2, reserved 2, interface 4, hardware type 2, packet type 1, address length 1, address 8, then the packet
/// </code>
/// </summary>
internal static class ProbeDecoder
{
    public const int LinkHeader = 20;

    // linux/if_packet.h
    public const byte PACKET_OUTGOING = 4;

    public const ushort EtherTypeIpv6 = 0x86dd;
    private const int Ipv6Header = 40;
    private const int UdpHeader = 8;

    private const byte HopByHop = 0;
    private const byte Udp = 17;
    private const byte Ipv6 = 41;
    private const byte Routing = 43;
    private const byte DestinationOptions = 60;

    /// <summary>Whether the packet is a probe, and what is known of it.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> data, out SeenProbe seen)
    {
        seen = default;
        if (data.Length < LinkHeader || BinaryPrimitives.ReadUInt16BigEndian(data) != EtherTypeIpv6)
        {
            return false;
        }

        (Ipv6Address, Ipv6Address)? tunnel = null;
        var packet = data[LinkHeader..];
        while (TryReadAddresses(packet, out var addresses))
        {
            var next = packet[6];
            var payload = packet[Ipv6Header..];
            while (next is HopByHop or Routing or DestinationOptions && payload.Length >= 8 && payload.Length >= (payload[1] + 1) * 8)
            {
                next = payload[0];
                payload = payload[((payload[1] + 1) * 8)..];
            }

            if (next == Ipv6)
            {
                tunnel ??= addresses;
                packet = payload;
                continue;
            }

            if (next != Udp || payload.Length < UdpHeader
                || BinaryPrimitives.ReadUInt16BigEndian(payload) != ProbePacket.Port
                || BinaryPrimitives.ReadUInt16BigEndian(payload[2..]) != ProbePacket.Port
                || !ProbePacket.TryParse(payload[UdpHeader..], out var probe))
            {
                return false;
            }

            seen = new(probe, BinaryPrimitives.ReadInt32BigEndian(data[4..]), data[10] == PACKET_OUTGOING, tunnel);
            return true;
        }

        return false;
    }

    private static bool TryReadAddresses(ReadOnlySpan<byte> packet, out (Ipv6Address, Ipv6Address) addresses)
    {
        addresses = default;
        if (packet.Length < Ipv6Header || packet[0] >> 4 != 6)
        {
            return false;
        }

        addresses = (Ipv6Address.Read(packet[8..]), Ipv6Address.Read(packet[24..]));
        return true;
    }
}
