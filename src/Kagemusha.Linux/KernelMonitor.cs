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

    /// <summary>Events were lost: look at everything anew.</summary>
    public sealed record Resynchronize : KernelEvent;
}

/// <summary>Hears of changes of links and IPv6 addresses in the network namespace of the thread that makes it, from that moment on.</summary>
public sealed class KernelMonitor : IDisposable
{
    private readonly Socket _socket = new(NetlinkSocket.Open(RTMGRP_LINK | RTMGRP_IPV6_IFADDR));
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
            if (Read(header.Type, payload) is { } happened)
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

    private static KernelEvent? Read(ushort type, ReadOnlySpan<byte> payload) => type switch
    {
        // A bridge tells of its ports in messages of its own family (AF_BRIDGE), a port's removal too.
        RTM_NEWLINK or RTM_DELLINK when payload is not [0, ..] => null,
        RTM_NEWLINK => LinkMessages.Read(payload) is { } link ? new KernelEvent.LinkChanged(link) : null,
        RTM_DELLINK => LinkMessages.Read(payload) is { } link ? new KernelEvent.LinkRemoved(link) : null,
        RTM_NEWADDR => RouteMessages.ReadAddress(payload) is { } address ? new KernelEvent.AddressChanged(address.ToAddress()) : null,
        RTM_DELADDR => RouteMessages.ReadAddress(payload) is { } address ? new KernelEvent.AddressRemoved(address.ToAddress()) : null,
        _ => null,
    };
}
