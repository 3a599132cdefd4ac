using System.Buffers.Binary;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>A frame as a packet socket with offloads gives it: virtio_net header, Ethernet header, packet.</summary>
internal static class CapturedPacket
{
    /// <summary>The length of all that is before the packet.</summary>
    public const int HeaderLength = PacketSocket.VirtioHeaderLength + EthernetFrame.HeaderLength;

    // RFC 8200, section 3.
    private const int Source = HeaderLength + 8;
    private const int Destination = Source + Ipv6Address.Length;
    private const int Payload = Destination + Ipv6Address.Length;

    /// <summary>Whether it is an IPv6 packet to this address.</summary>
    public static bool IsFor(ReadOnlySpan<byte> frame, Ipv6Address address) => IsIpv6(frame) && Ipv6Address.Read(frame[Destination..]) == address;

    /// <summary>Where an IPv6 packet comes from; null for anything else.</summary>
    public static Ipv6Address? SourceOf(ReadOnlySpan<byte> frame) => IsIpv6(frame) ? Ipv6Address.Read(frame[Source..]) : null;

    private static bool IsIpv6(ReadOnlySpan<byte> frame) =>
        frame.Length >= Payload && (EtherType)BinaryPrimitives.ReadUInt16BigEndian(frame[(HeaderLength - 2)..]) == EtherType.Ipv6;
}
