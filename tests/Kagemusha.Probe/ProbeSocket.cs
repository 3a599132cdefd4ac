using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Kagemusha.Probe;

/// <summary>The UDP socket of the probes: never blocks, and tells the kernel's time of each packet received.</summary>
internal sealed unsafe class ProbeSocket : IDisposable
{
    private const int ReceiveBuffer = 4 << 20;

    // asm-generic/socket.h, linux/sock_diag.h
    private const int SO_MEMINFO = 55;
    private const int SK_MEMINFO_DROPS = 8;
    private const int SK_MEMINFO_VARS = 9;

    // struct cmsghdr: size_t cmsg_len; int cmsg_level; int cmsg_type
    private const int ControlHeader = 16;

    private readonly byte[] _buffer = GC.AllocateArray<byte>(2048, pinned: true);
    private readonly byte[] _control = GC.AllocateArray<byte>(256, pinned: true);

    public ProbeSocket(IPAddress local)
    {
        Socket = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        SetOption(LibC.SO_RCVBUFFORCE, ReceiveBuffer);
        SetOption(LibC.SO_TIMESTAMPNS, 1);
        Socket.Bind(new IPEndPoint(local, ProbePacket.Port));
    }

    public Socket Socket { get; }

    /// <summary>Packets that the receive buffer had no room for, also behind the last one that was received.</summary>
    public long BufferDrops
    {
        get
        {
            Span<byte> info = stackalloc byte[SK_MEMINFO_VARS * sizeof(uint)];
            Socket.GetRawSocketOption(LibC.SOL_SOCKET, SO_MEMINFO, info);
            return MemoryMarshal.Cast<byte, uint>(info)[SK_MEMINFO_DROPS];
        }
    }

    /// <summary>Sends one probe. What the kernel refuses, for want of a route say, is a probe lost.</summary>
    public void Send(ProbePacket packet, SocketAddress to)
    {
        Span<byte> payload = stackalloc byte[ProbePacket.Length];
        packet.WriteTo(payload);
        fixed (byte* data = payload)
        fixed (byte* address = to.Buffer.Span)
        {
            _ = LibC.sendto((int)Socket.Handle, data, ProbePacket.Length, 0, (sockaddr*)address, (uint)to.Size);
        }
    }

    /// <summary>Takes the next packet that is a probe; false when there is none.</summary>
    /// <param name="packet">The probe.</param>
    /// <param name="at">When it arrived, in nanoseconds since 1970.</param>
    public bool TryReceive(out ProbePacket packet, out long at)
    {
        fixed (byte* data = _buffer)
        fixed (byte* control = _control)
        {
            while (true)
            {
                iovec vector = new() { iov_base = data, iov_len = _buffer.Length };
                msghdr message = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = (uint)_control.Length };
                var length = (int)LibC.recvmsg((int)Socket.Handle, &message, LibC.MSG_DONTWAIT);
                if (length < 0)
                {
                    packet = default;
                    at = 0;
                    return false;
                }

                if (ProbePacket.TryParse(_buffer.AsSpan(0, length), out packet))
                {
                    at = ReadTimestamp(_control.AsSpan(0, (int)(uint)message.msg_controllen));
                    return true;
                }
            }
        }
    }

    public void Dispose() => Socket.Dispose();

    private static long ReadTimestamp(ReadOnlySpan<byte> control)
    {
        while (control.Length >= ControlHeader)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(control);
            if (BinaryPrimitives.ReadInt32LittleEndian(control[8..]) == LibC.SOL_SOCKET
                && BinaryPrimitives.ReadInt32LittleEndian(control[12..]) == LibC.SO_TIMESTAMPNS)
            {
                var time = control[ControlHeader..];
                return BinaryPrimitives.ReadInt64LittleEndian(time) * 1_000_000_000 + BinaryPrimitives.ReadInt64LittleEndian(time[8..]);
            }

            control = control[Math.Min((length + 7) & ~7, control.Length)..];
        }

        throw new InvalidOperationException("the kernel gave a packet without a time stamp");
    }

    private void SetOption(int option, int value) =>
        Socket.SetRawSocketOption(LibC.SOL_SOCKET, option, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(ref value)));
}
