using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Kagemusha.Wire;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Kagemusha.Linux;

/// <summary>Whose a frame is, from the host's point of view (PACKET_HOST and so on).</summary>
public enum PacketType
{
    /// <summary>Sent to the interface's own address.</summary>
    Host,

    /// <summary>Sent to all.</summary>
    Broadcast,

    /// <summary>Sent to a group.</summary>
    Multicast,

    /// <summary>Sent to another station.</summary>
    OtherHost,

    /// <summary>Sent by this host.</summary>
    Outgoing,
}

/// <summary>What is known of a frame that was received.</summary>
/// <param name="Length">How many bytes of the buffer it takes.</param>
/// <param name="IsTruncated">Whether the buffer was too small.</param>
/// <param name="InterfaceIndex">The interface.</param>
/// <param name="Type">Whose it is.</param>
/// <param name="Source">The sender's link-layer address.</param>
/// <param name="Timestamp">When the kernel got it, by the system's clock.</param>
public readonly record struct ReceivedFrame(
    int Length,
    bool IsTruncated,
    int InterfaceIndex,
    PacketType Type,
    LinkLayerAddress Source,
    DateTimeOffset Timestamp);

/// <summary>What a packet socket has seen since it was asked last.</summary>
/// <param name="Packets">Frames that passed the filter, those that were dropped too.</param>
/// <param name="Drops">Frames for which there was no room (<c>tp_drops</c>).</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct PacketStatistics(uint Packets, uint Drops);

/// <summary>
/// Whole Ethernet frames of one interface, in and out, before any packet filter (tc) of the kernel. In the network namespace of
/// the thread that makes it. An interface that goes down or away is not an error but silence: <see cref="KernelMonitor"/> tells.
/// </summary>
public sealed class PacketSocket : IDisposable
{
    // linux/if_packet.h and linux/net_tstamp.h; a control message's header is 16 bytes, a timespec is two longs.
    private const int TimestampControlLength = 16 + 16;

    // linux/if_packet.h
    private const int PACKET_VNET_HDR = 15;

    /// <summary>struct virtio_net_hdr.</summary>
    public const int VirtioHeaderLength = 10;

    private readonly Socket _socket;
    // With offloads the kernel refuses to copy less than their header.
    private readonly byte[] _peeked = new byte[VirtioHeaderLength];

    /// <summary>Opens a socket that has had the filter from its first frame on.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    /// <param name="filter">Which frames it gets.</param>
    /// <param name="etherType">The only EtherType that it gets, or all (3).</param>
    /// <param name="withOffloads">
    /// Whether each frame, in and out, begins with a virtio_net header (<see cref="VirtioHeaderLength"/> bytes), by which checksums that are not made yet and packets that
    /// are not cut yet get through.
    /// </param>
    /// <param name="withoutLinkHeader">Whether it gets packets alone, without their frames' headers, which are not alike on all interfaces; so does the filter.</param>
    /// <exception cref="KernelException">The kernel refused it: no such interface, not root.</exception>
    public PacketSocket(
        int interfaceIndex, PacketFilter filter, ushort etherType = Netlink.ETH_P_ALL, bool withOffloads = false, bool withoutLinkHeader = false)
    {
        // Protocol 0 receives nothing until the socket is bound, when the filter is in place.
#pragma warning disable CA2000 // The socket owns its handle.
        _socket = new(SocketCalls.Create(AF_PACKET, withoutLinkHeader ? SOCK_DGRAM : SOCK_RAW, 0, "packets"));
#pragma warning restore CA2000
        if (withOffloads)
        {
            SocketCalls.SetOption(_socket.SafeHandle, SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
        }

        SocketCalls.AttachFilter(_socket.SafeHandle, filter);
        SocketCalls.SetOption(_socket.SafeHandle, SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
        var address = new sockaddr_ll
        {
            sll_family = (ushort)(int)AF_PACKET,
            sll_protocol = BinaryPrimitives.ReverseEndianness(etherType),
            sll_ifindex = interfaceIndex,
        };
        SocketCalls.Bind(_socket.SafeHandle, address, $"packets of interface {interfaceIndex}");
    }

    /// <summary>Also takes frames to all groups, for which an interface may otherwise not listen.</summary>
    public void ListenToAllGroups()
    {
        var address = LocalAddress();
        SocketCalls.SetOption(
            _socket.SafeHandle,
            SOL_PACKET,
            PACKET_ADD_MEMBERSHIP,
            new packet_mreq { mr_ifindex = address.sll_ifindex, mr_type = (ushort)PACKET_MR_ALLMULTI },
            "PACKET_ADD_MEMBERSHIP");
    }

    /// <summary>How many bytes of frames may wait to be received, the kernel's bookkeeping included; beyond the system's limit, too.</summary>
    public void SetReceiveBuffer(int bytes) => SocketCalls.SetOption(_socket.SafeHandle, SOL_SOCKET, SO_RCVBUFFORCE, bytes, "SO_RCVBUFFORCE");

    /// <summary>Waits for a frame. One at a time.</summary>
    /// <exception cref="ObjectDisposedException">The socket was closed meanwhile.</exception>
    public async ValueTask<ReceivedFrame> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        for (; ; )
        {
            if (TryReceive(buffer.Span, out var frame))
            {
                return frame;
            }

            var error = await SocketCalls.WaitReadableAsync(_socket, _peeked, cancellationToken);
            if (error != 0 && error != ENETDOWN)
            {
                throw new KernelException("receive of a packet", error);
            }
        }
    }

    /// <summary>Takes a frame if there is one.</summary>
    public unsafe bool TryReceive(Span<byte> buffer, out ReceivedFrame frame)
    {
        sockaddr_ll address;
        var control = stackalloc byte[2 * TimestampControlLength];
        fixed (byte* start = buffer)
        {
            var vector = new iovec { iov_base = start, iov_len = buffer.Length };
            var message = new msghdr
            {
                msg_name = &address,
                msg_namelen = sizeof(sockaddr_ll),
                msg_iov = &vector,
                msg_iovlen = 1,
                msg_control = control,
                msg_controllen = 2 * TimestampControlLength,
            };
            long length = recvmsg(SocketCalls.Descriptor(_socket.SafeHandle), &message, MSG_DONTWAIT | MSG_TRUNC);
            if (length < 0)
            {
                var error = errno;
                if (error == ENETDOWN)
                {
                    // Said once; what came before waits behind it.
                    return TryReceive(buffer, out frame);
                }

                frame = default;
                return error == EAGAIN || error == EINTR ? false : throw new KernelException("receive of a packet", error);
            }

            frame = new(
                (int)Math.Min(length, buffer.Length),
                length > buffer.Length,
                address.sll_ifindex,
                (PacketType)address.sll_pkttype,
                address.sll_halen == LinkLayerAddress.Length ? LinkLayerAddress.Read(new ReadOnlySpan<byte>(address.sll_addr, LinkLayerAddress.Length)) : default,
                ReadTimestamp(new ReadOnlySpan<byte>(control, (int)(uint)message.msg_controllen)));
            return true;
        }
    }

    /// <summary>Sends a whole frame, its Ethernet header included, by the interface.</summary>
    /// <exception cref="KernelException">The interface is down or gone, or has no room.</exception>
    public unsafe void Send(ReadOnlySpan<byte> frame)
    {
        fixed (byte* start = frame)
        {
            if (send(SocketCalls.Descriptor(_socket.SafeHandle), start, frame.Length, MSG_DONTWAIT) < 0)
            {
                throw new KernelException("send of a packet", errno);
            }
        }
    }

    /// <summary>Reads the kernel's counts and sets them to zero.</summary>
    public unsafe PacketStatistics TakeStatistics()
    {
        PacketStatistics statistics;
        socklen_t length = sizeof(PacketStatistics);
        return getsockopt(SocketCalls.Descriptor(_socket.SafeHandle), SOL_PACKET, PACKET_STATISTICS, &statistics, &length) == 0
            ? statistics
            : throw new KernelException("getsockopt PACKET_STATISTICS", errno);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static DateTimeOffset ReadTimestamp(ReadOnlySpan<byte> control) => control.Length < TimestampControlLength
        ? default
        : DateTimeOffset.UnixEpoch.AddSeconds(MemoryMarshal.Read<long>(control[16..])).AddTicks(MemoryMarshal.Read<long>(control[24..]) / TimeSpan.NanosecondsPerTick);

    private unsafe sockaddr_ll LocalAddress()
    {
        sockaddr_ll address;
        socklen_t length = sizeof(sockaddr_ll);
        return getsockname(SocketCalls.Descriptor(_socket.SafeHandle), (sockaddr*)&address, &length) == 0
            ? address
            : throw new KernelException("getsockname", errno);
    }
}
