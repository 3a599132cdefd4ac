using System.Buffers.Binary;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>A frame as a packet socket with offloads gives it: virtio_net header, Ethernet header, packet.</summary>
internal static class CapturedPacket
{
    private const int Ethernet = 10;
    private const int EtherType = Ethernet + 12;
    private const int Destination = EtherType + 2 + 24;
    private const ushort Ipv6 = 0x86dd;

    /// <summary>Whether it is an IPv6 packet to this address.</summary>
    public static bool IsFor(ReadOnlySpan<byte> frame, Ipv6Address address) =>
        frame.Length >= Destination + Ipv6Address.Length
        && BinaryPrimitives.ReadUInt16BigEndian(frame[EtherType..]) == Ipv6
        && Ipv6Address.Read(frame[Destination..]) == address;
}
