using System.Net.Sockets;
using Kagemusha.Wire;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Kagemusha.Linux;

/// <summary>Sends whole IPv6 packets, their headers included, along the kernel's routes. In the network namespace of the thread that makes it.</summary>
public sealed unsafe class RawIpv6Sender : IDisposable
{
    private const int HeaderLength = 40;
    private const int DestinationOffset = 24;

    // asm-generic/socket.h
    private const int SO_BINDTOIFINDEX = 62;

    private readonly SafeSocketHandle _handle;
    private readonly int _link;

    /// <summary>Opens a sender.</summary>
    /// <param name="link">The only interface that it sends by (a VRF: by its routes), or null for any.</param>
    /// <exception cref="KernelException">The kernel refused it: no such interface, not root.</exception>
    public RawIpv6Sender(NetworkInterface? link = null)
    {
        _handle = SocketCalls.Create(AF_INET6, SOCK_RAW, IPPROTO_RAW, "raw IPv6");
        SocketCalls.AttachFilter(_handle, PacketFilter.Nothing);
        if (link is not null)
        {
            SocketCalls.SetOption(_handle, SOL_SOCKET, SO_BINDTOIFINDEX, link.Index, $"SO_BINDTOIFINDEX {link.Name}");
            _link = link.Index;
        }
    }

    /// <summary>Sends a packet to the destination in its header.</summary>
    /// <exception cref="KernelException">There is no route, or the packet is larger than the interface's MTU.</exception>
    public void Send(ReadOnlySpan<byte> packet)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(packet.Length, HeaderLength);
        var destination = Ipv6Address.Read(packet[DestinationOffset..]);
        var address = new sockaddr_in6
        {
            sin6_family = AF_INET6,
            sin6_scope_id = (uint)(destination.IsLinkLocal || destination.IsMulticast ? _link : 0),
        };
        destination.WriteTo(new Span<byte>(&address.sin6_addr, Ipv6Address.Length));
        fixed (byte* start = packet)
        {
            if (sendto(SocketCalls.Descriptor(_handle), start, packet.Length, MSG_DONTWAIT, (sockaddr*)&address, sizeof(sockaddr_in6)) < 0)
            {
                throw new KernelException($"send to {destination}", errno);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}

/// <summary>
/// Holds an IPv6 protocol, unread, so that the kernel takes it for handled and answers no packet of it with a parameter
/// problem (RFC 4443, section 3.4). Whoever wants the packets receives them by a <see cref="PacketSocket"/>.
/// </summary>
public sealed class ProtocolHolder : IDisposable
{
    private readonly SafeSocketHandle _handle;

    /// <summary>Holds a protocol in the network namespace of the calling thread, until it is disposed of.</summary>
    /// <exception cref="KernelException">The kernel refused it: not root.</exception>
    public ProtocolHolder(byte protocol)
    {
        _handle = SocketCalls.Create(AF_INET6, SOCK_RAW, protocol, $"IPv6 protocol {protocol}");
        SocketCalls.AttachFilter(_handle, PacketFilter.Nothing);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
