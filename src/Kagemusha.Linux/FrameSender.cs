using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Kagemusha.Linux;

/// <summary>Sends whole Ethernet frames by any interface of a network namespace, and hears nothing. In that of the thread that makes it.</summary>
/// <exception cref="KernelException">The kernel refused it: not root.</exception>
public sealed class FrameSender : IDisposable
{
    private readonly System.Net.Sockets.SafeSocketHandle _handle = SocketCalls.Create(AF_PACKET, SOCK_RAW, 0, "frames");

    /// <summary>Sends a frame, its Ethernet header included.</summary>
    /// <exception cref="KernelException">The interface is down or gone, or has no room.</exception>
    public unsafe void Send(int interfaceIndex, ReadOnlySpan<byte> frame)
    {
        var address = new sockaddr_ll { sll_family = (ushort)(int)AF_PACKET, sll_ifindex = interfaceIndex };
        fixed (byte* start = frame)
        {
            if (sendto(SocketCalls.Descriptor(_handle), start, frame.Length, MSG_DONTWAIT, (sockaddr*)&address, sizeof(sockaddr_ll)) < 0)
            {
                throw new KernelException("send of a packet", errno);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
