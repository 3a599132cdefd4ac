using System.Net.Sockets;
using System.Runtime.CompilerServices;
using static Kagemusha.Linux.Netlink;
using static Tmds.Linux.LibC;

namespace Kagemusha.Linux;

/// <summary>Something changed in the kernel.</summary>
public abstract record KernelEvent
{
    private KernelEvent()
    {
    }

    /// <summary>A link is new or has changed.</summary>
    /// <param name="Link">The link as it is now.</param>
    public sealed record LinkChanged(NetworkInterface Link) : KernelEvent;

    /// <summary>A link has gone.</summary>
    /// <param name="Link">The link as it was.</param>
    public sealed record LinkRemoved(NetworkInterface Link) : KernelEvent;

    /// <summary>An IPv6 address is new or has changed, for example when duplicate address detection has ended.</summary>
    /// <param name="Address">The address as it is now.</param>
    public sealed record AddressChanged(InterfaceAddress Address) : KernelEvent;

    /// <summary>An IPv6 address has gone.</summary>
    /// <param name="Address">The address as it was.</param>
    public sealed record AddressRemoved(InterfaceAddress Address) : KernelEvent;

    /// <summary>Another program has made, changed or taken away a route to one address, a filter or a clsact.</summary>
    public sealed record Altered : KernelEvent;

    /// <summary>Events were lost: look at everything anew.</summary>
    public sealed record Resynchronize : KernelEvent;
}

/// <summary>
/// Hears of changes of links and IPv6 addresses in the network namespace of the thread that makes it, from that moment on; and of routes and filters, if it is
/// told by what one changes the kernel oneself: of that it does not tell, as far as the kernel says whose a change is.
/// </summary>
/// <param name="own">What one changes the kernel by; null to hear of links and addresses only.</param>
public sealed class KernelMonitor(Kernel? own = null) : IDisposable
{
    // More than the kernel has to say while a comparison of ten thousand bindings goes on.
    private const int ReceiveBuffer = 4 << 20;

    private readonly Socket _socket = new(Open(own));
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly byte[] _peeked = new byte[1];

    /// <summary>The changes as they come, without an end. One reader.</summary>
    /// <exception cref="ObjectDisposedException">The monitor was closed meanwhile.</exception>
    public async IAsyncEnumerable<KernelEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (; ; )
        {
            var events = TryReceive();
            if (events is null)
            {
                var error = await SocketCalls.WaitReadableAsync(_socket, _peeked, cancellationToken);
                events = error == 0 ? [] : AfterError(error);
            }

            foreach (var happened in events)
            {
                yield return happened;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static SafeSocketHandle Open(Kernel? own)
    {
        var handle = NetlinkSocket.Open(RTMGRP_LINK | RTMGRP_IPV6_IFADDR | (own is null ? 0 : RTMGRP_IPV6_ROUTE | RTMGRP_TC));
        if (own is not null)
        {
            SocketCalls.AttachFilter(handle, PacketFilter.NetlinkOfOthers(own.Ports));
            SocketCalls.SetOption(handle, SOL_SOCKET, SO_RCVBUFFORCE, ReceiveBuffer, "SO_RCVBUFFORCE");
        }

        return handle;
    }

    /// <summary>What one datagram says, or null if there is none.</summary>
    private List<KernelEvent>? TryReceive()
    {
        var length = Receive(out var error);
        if (length < 0)
        {
            return error == EAGAIN || error == EINTR ? null : AfterError(error);
        }

        var events = new List<KernelEvent>();
        NetlinkSocket.Parse(_buffer.AsSpan(0, length), (in header, payload) =>
        {
            if (Read(header, payload) is { } happened)
            {
                events.Add(happened);
            }
        });
        return events;
    }

    /// <summary>From the first message that had no room on, the kernel drops all, without another word, until the socket is empty.</summary>
    private List<KernelEvent> AfterError(int error)
    {
        while (error == ENOBUFS || error == EINTR || error == 0)
        {
            Receive(out error);
        }

        return error == EAGAIN ? [new KernelEvent.Resynchronize()] : throw new KernelException("receive from rtnetlink", error);
    }

    private unsafe int Receive(out int error)
    {
        fixed (byte* start = _buffer)
        {
            long length = recv(SocketCalls.Descriptor(_socket.SafeHandle), start, _buffer.Length, MSG_DONTWAIT);
            error = length < 0 ? errno : 0;
            return (int)length;
        }
    }

    private static KernelEvent? Read(NetlinkHeader header, ReadOnlySpan<byte> payload) => header.Type switch
    {
        // A bridge tells of its ports in messages of its own family (AF_BRIDGE), a port's removal too.
        RTM_NEWLINK or RTM_DELLINK when payload is not [0, ..] => null,
        RTM_NEWLINK => LinkMessages.Read(payload) is { } link ? new KernelEvent.LinkChanged(link) : null,
        RTM_DELLINK => LinkMessages.Read(payload) is { } link ? new KernelEvent.LinkRemoved(link) : null,
        RTM_NEWADDR => RouteMessages.ReadAddress(payload) is { } address ? new KernelEvent.AddressChanged(address.ToAddress()) : null,
        RTM_DELADDR => RouteMessages.ReadAddress(payload) is { } address ? new KernelEvent.AddressRemoved(address.ToAddress()) : null,

        // What the kernel does by itself (from port 0) follows from a link or an address, of which it tells, too.
        RTM_NEWROUTE or RTM_DELROUTE => header.Port != 0 && RouteMessages.ReadRoute(payload) is { Destination.Length: 128 } ? new KernelEvent.Altered() : null,
        RTM_NEWTFILTER or RTM_DELTFILTER => header.Port != 0 ? new KernelEvent.Altered() : null,
        RTM_NEWQDISC or RTM_DELQDISC => header.Port != 0 && FilterMessages.ReadClassifier(payload) is not null ? new KernelEvent.Altered() : null,
        _ => null,
    };
}
