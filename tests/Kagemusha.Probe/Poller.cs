using System.Net.Sockets;
using Tmds.Linux;

namespace Kagemusha.Probe;

/// <summary>Waits for any of a few sockets, or for a time, to the nanosecond.</summary>
internal sealed unsafe class Poller
{
    private readonly pollfd[] _sockets = GC.AllocateArray<pollfd>(8, pinned: true);
    private int _count;

    /// <summary>Waits for a socket that is null never.</summary>
    public void Add(Socket? socket, bool write = false)
    {
        if (socket is not null)
        {
            _sockets[_count++] = new() { fd = (int)socket.Handle, events = write ? (short)(LibC.POLLIN + LibC.POLLOUT) : LibC.POLLIN };
        }
    }

    /// <summary>
    /// Waits until one of the added sockets is ready or <paramref name="until"/> on the monotonic clock, for ever if there is no such time,
    /// and forgets them.
    /// </summary>
    public void Wait(long? until)
    {
        var rest = until is { } time ? Math.Max(0, time - Clock.Monotonic) : 0;
        timespec timeout = new() { tv_sec = rest / Clock.Second, tv_nsec = (int)(rest % Clock.Second) };
        fixed (pollfd* sockets = _sockets)
        {
            _ = LibC.ppoll(sockets, (uint)_count, until is null ? null : &timeout, null);
        }

        _count = 0;
    }
}
