using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>Sends the IPv6 packets of captured frames by a tunnel, as if a route had led them there; checksums and sizes that are left to hardware stay so.</summary>
/// <param name="interfaceIndex">The tunnel, a link without link-layer addresses.</param>
/// <exception cref="KernelException">No packet socket.</exception>
public sealed class FrameInjector(int interfaceIndex) : IDisposable
{
    private const int EtherType = PacketSocket.VirtioHeaderLength + 12;

    // struct virtio_net_hdr: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, the numbers in the host's order.
    private const int HeaderLength = 2;
    private const int ChecksumStart = 6;
    private const byte NeedsChecksum = 1;

    private readonly PacketSocket _socket = new(interfaceIndex, PacketFilter.Nothing, Netlink.ETH_P_IPV6, withOffloads: true);

    /// <summary>Sends one. A frame that is not IPv6 is left out.</summary>
    /// <param name="captured">A virtio_net header, an Ethernet header, a packet.</param>
    /// <exception cref="KernelException">The tunnel is down or gone, or its path takes no packet of this size.</exception>
    public void Send(ReadOnlyMemory<byte> captured)
    {
        var frame = captured.Span;
        if (frame.Length <= EtherType + 2 || BinaryPrimitives.ReadUInt16BigEndian(frame[EtherType..]) != Netlink.ETH_P_IPV6)
        {
            return;
        }

        var packet = new byte[frame.Length - EthernetFrame.HeaderLength];
        frame[..PacketSocket.VirtioHeaderLength].CopyTo(packet);
        frame[(PacketSocket.VirtioHeaderLength + EthernetFrame.HeaderLength)..].CopyTo(packet.AsSpan(PacketSocket.VirtioHeaderLength));
        Shorten(packet.AsSpan(HeaderLength));
        if ((packet[0] & NeedsChecksum) != 0)
        {
            Shorten(packet.AsSpan(ChecksumStart));
        }

        _socket.Send(packet);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static void Shorten(Span<byte> number)
    {
        var value = MemoryMarshal.Read<ushort>(number);
        MemoryMarshal.Write(number, (ushort)Math.Max(0, value - EthernetFrame.HeaderLength));
    }
}
