using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>
/// Sends the IPv6 packets of captured frames by a tunnel, as if a route had led them there. A checksum that is not made yet and a packet that is
/// not cut yet (GSO) stay so. One thread at a time.
/// </summary>
/// <param name="interfaceIndex">A link without a link-layer header, such as an ip6tnl.</param>
/// <exception cref="KernelException">The kernel refused it: no such interface, not root.</exception>
public sealed class FrameInjector(int interfaceIndex) : IDisposable
{
    private const int EtherTypeOffset = PacketSocket.VirtioHeaderLength + 12;
    private const int PacketOffset = PacketSocket.VirtioHeaderLength + EthernetFrame.HeaderLength;
    private const int Ipv6HeaderLength = 40;

    // linux/virtio_net.h, struct virtio_net_hdr: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, in the host's order.
    private const int HdrLenOffset = 2;
    private const int CsumStartOffset = 6;

    // Bound to IPv6: what is sent by it needs no link-layer header to say so.
    private readonly PacketSocket _socket = new(interfaceIndex, PacketFilter.Nothing, Netlink.ETH_P_IPV6, withOffloads: true);

    /// <summary>Sends the packet in a frame; a frame of anything else than IPv6 is left out.</summary>
    /// <param name="capturedFrame">A virtio_net header, an Ethernet header, a packet: as a <see cref="PacketSocket"/> with offloads gives it.</param>
    /// <exception cref="KernelException">The tunnel is down or gone, has no room, or takes no packet of this size.</exception>
    public void Send(ReadOnlyMemory<byte> capturedFrame)
    {
        var frame = capturedFrame.Span;
        if (frame.Length < PacketOffset + Ipv6HeaderLength || BinaryPrimitives.ReadUInt16BigEndian(frame[EtherTypeOffset..]) != Netlink.ETH_P_IPV6)
        {
            return;
        }

        byte[] packet = [.. frame[..PacketSocket.VirtioHeaderLength], .. frame[PacketOffset..]];
        // Both count from the start of the frame, and are zero if they say nothing.
        Shorten(packet.AsSpan(HdrLenOffset));
        Shorten(packet.AsSpan(CsumStartOffset));
        _socket.Send(packet);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static void Shorten(Span<byte> length) =>
        MemoryMarshal.Write(length, (ushort)Math.Max(0, MemoryMarshal.Read<ushort>(length) - EthernetFrame.HeaderLength));
}
