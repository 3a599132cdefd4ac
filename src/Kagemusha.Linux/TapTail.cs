using Kagemusha.Wire;
using Tmds.Linux;

namespace Kagemusha.Linux;

/// <summary>What a tap had taken for a guest that has stopped, and the guest has not got.</summary>
/// <param name="Frames">
/// The frames in order, each a virtio_net header (<see cref="PacketSocket.VirtioHeaderLength"/> bytes) and an Ethernet frame. If not exact, those
/// that the guest cannot have got: to send them elsewhere delivers none twice.
/// </param>
/// <param name="IsExact">Whether these are all of them and nothing else.</param>
/// <param name="AtMost">How many there were at most; if exact, how many there were.</param>
public sealed record Tail(IReadOnlyList<ReadOnlyMemory<byte>> Frames, bool IsExact, long AtMost);

/// <summary>
/// Keeps the last frames that were sent to a guest's tap, so that those which the guest has not got when it stops can be led to where it goes on.
/// <code>
///     sent to the tap    a packet socket sees it
///     dropped            tx_dropped counts it: the queue is full
///     read               tx_packets counts it: QEMU or vhost has taken it, for the guest
/// </code>
/// The difference is what waits, apart from what waited already when the capture began; that is known once the tap was seen empty. Exact for a tap
/// with one queue. In the network namespace of the thread that makes it.
/// </summary>
/// <remarks>
/// QEMU, unlike vhost, reads one frame more when its guest has stopped, which the guest never gets (net/tap.c: tap_send stops after the first
/// frame that the stopped device does not take). To know whether that was the last one that had come, a frame for nobody is sent behind it: if
/// anything is read from then on, it was not; if nothing has been read by the time that QEMU has polled the tap again, it was. And it may read
/// one between the moment in which the guest is no longer to run and that in which its processors stand still, which nobody can tell from those that the guest
/// got: so that this is none of the guest's, a copy for nobody is to go before each of its frames (<see cref="FilterAction.Herald"/>).
/// </remarks>
public sealed class TapTail : IDisposable
{
    private const int LeastFrames = 1000;

    // vhost takes so many out of the queue before it reads the first (VHOST_NET_BATCH), and puts them back when it stops.
    private const int VhostBatch = 64;
    private const int MostBytes = 4 << 20;
    private const int LargestFrame = PacketSocket.VirtioHeaderLength + EthernetFrame.HeaderLength + 65536;

    // What comes while the thread is not run; the kernel counts its own bookkeeping too.
    private const int ReceiveBuffer = 8 << 20;
    private const int MostAtOnce = 1024;
    private const int MostTries = 8;
    private const int IdleInterval = 4;

    // Of an EtherType for experiments.
    private static readonly byte[] FrameForNobody = [.. new byte[PacketSocket.VirtioHeaderLength], .. Filter.Nobody.ToArray(), 0x02, 0x6b, 0, 0, 0, 1, 0x88, 0xb5, .. new byte[46]];

    private readonly Lock _gate = new();
    private readonly Kernel _kernel;
    private readonly int _tap;
    private readonly bool _readsOneMore;
    private readonly int _queueLength;
    private readonly PacketSocket _socket;
    private readonly FrameWindow _window;
    private readonly TapAccount _account = new();
    private bool _isDisposed;
    private int _idle;
    private Stop? _stop;

    /// <summary>Begins to keep frames, while the guest runs.</summary>
    /// <param name="kernel">Says how many have been read; to be disposed of later than this.</param>
    /// <param name="tap">The tap's index.</param>
    /// <param name="readsOneMore">Whether its reader is QEMU itself, not vhost.</param>
    /// <exception cref="KernelException">The kernel refused it: no such interface, not root.</exception>
    public TapTail(Kernel kernel, int tap, bool readsOneMore)
    {
        (_kernel, _tap, _readsOneMore) = (kernel, tap, readsOneMore);
        _queueLength = Math.Max(LeastFrames, kernel.Interfaces().Find(tap)?.TransmitQueueLength ?? 0) + VhostBatch;
        _window = new(_queueLength, MostBytes, LargestFrame);
        _socket = new(tap, PacketFilter.Outgoing, withOffloads: true);
        _socket.SetReceiveBuffer(ReceiveBuffer);
        Attend();
        TailCapture.Add(this);
    }

    internal PacketSocket Socket => _socket;

    /// <summary>Whether the tap was seen empty, and nothing waits.</summary>
    internal bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                return _account.IsEmpty;
            }
        }
    }

    /// <summary>Whether the last frame may have been read for a guest that had stopped: until it was seen that it was not, or <see cref="ReaderPolled"/>.</summary>
    public bool IsInDoubt
    {
        get
        {
            lock (_gate)
            {
                return _stop?.OneMore is not null;
            }
        }
    }

    /// <summary>The guest gets no frame any more.</summary>
    public void GuestStopped()
    {
        lock (_gate)
        {
            if (_stop is not null)
            {
                return;
            }

            if (CountAtRest() is not { } counts)
            {
                Drain(int.MaxValue);
                _stop = new(new(_window.Next, 0, 0), new(_window.Next, _window.Next, WasSeenEmpty: false, MixedUntil: 0));
                return;
            }

            var unread = _account.Conclude(counts);
            var last = unread.Start - 1;
            _stop = new(counts, unread);
            if (_readsOneMore && unread.WasSeenEmpty && last >= _window.First)
            {
                _stop.OneMore = last;
                SendForNobody();
            }
        }
    }

    /// <summary>QEMU has polled the tap since <see cref="GuestStopped"/>: what it has not read by now, it does not read.</summary>
    public void ReaderPolled()
    {
        lock (_gate)
        {
            if (_stop is { } stop)
            {
                stop.HasPolled = true;
            }
        }
    }

    /// <summary>
    /// What has come and the guest has not got, after <see cref="GuestStopped"/>; when called again, what has come or become known since. Not exact if
    /// the tap was never seen empty, if it dropped frames while it was read, or if more came than is kept: the length of the tap's queue, and 4 MiB.
    /// </summary>
    public Tail Take()
    {
        lock (_gate)
        {
            if (_stop is not { } stop)
            {
                throw new InvalidOperationException("the guest runs");
            }

            Drain(int.MaxValue);
            var counted = CountAtRest();
            var frames = new List<ReadOnlyMemory<byte>>();
            var (isExact, atMost) = TakeOneMore(stop, counted, frames);

            // With a tap that has gone there are no new drops.
            stop.Dropped = counted?.Dropped ?? stop.Dropped;
            var end = Math.Max(stop.Taken, stop.Unread.End + _window.Next - stop.Counts.Seen - (stop.Dropped - stop.Counts.Dropped));
            var first = Math.Max(stop.Taken, _window.First);
            var heralds = 0;
            for (var number = first; number < end; number++)
            {
                heralds += Add(number, frames) ? 0 : 1;
            }

            // One that was read made room for another among those that were dropped.
            var isMixed = stop.Unread.MixedUntil > stop.Taken || (end < _window.Next && counted is { } counts && counts.Read != stop.Counts.Read);
            isExact &= stop.IsStartKnown && first == stop.Taken && !isMixed;
            atMost += (stop.IsStartKnown ? end - stop.Taken : _queueLength) - heralds;
            stop.Taken = end;
            stop.IsStartKnown = true;
            return new(frames, isExact, atMost);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        TailCapture.Remove(this);
        lock (_gate)
        {
            _isDisposed = true;
            _socket.Dispose();
        }
    }

    /// <summary>Takes in what has come, and looks whether the tap is empty.</summary>
    internal void Attend()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            var before = _window.Next;
            Drain(MostAtOnce);
            // An empty tap to which nothing comes is looked at less often.
            _idle = _window.Next == before && _account.IsEmpty ? _idle + 1 : 0;
            if (_stop is not null || _idle % IdleInterval != 0)
            {
                return;
            }

            before = _window.Next;
            if (Read() is { } statistics)
            {
                Drain(MostAtOnce);
                _account.Add(Count(statistics), isOfOneMoment: _window.Next == before);
            }
        }
    }

    /// <summary>Takes the frame that QEMU may have read for a guest that had stopped, once it is known whether it has.</summary>
    private (bool IsExact, long AtMost) TakeOneMore(Stop stop, TapCounts? counted, List<ReadOnlyMemory<byte>> frames)
    {
        if (stop.OneMore is not { } number)
        {
            return (true, 0);
        }

        if (counted?.Read > stop.Counts.Read)
        {
            stop.OneMore = null;
            return (true, 0);
        }

        if (!stop.HasPolled)
        {
            return (true, 0);
        }

        stop.OneMore = null;
        if (counted is null || number < _window.First)
        {
            return (false, 1);
        }

        return (true, Add(number, frames) ? 1 : 0);
    }

    private void SendForNobody()
    {
        try
        {
            _socket.Send(FrameForNobody);
        }
        catch (KernelException)
        {
            // The tap is full, down or going: then nothing is read of it by which to know.
        }
    }

    /// <summary>Adds a frame, unless it is for nobody.</summary>
    private bool Add(long number, List<ReadOnlyMemory<byte>> frames)
    {
        var frame = _window[number];
        var isForNobody = frame[PacketSocket.VirtioHeaderLength..].StartsWith(FrameForNobody.AsSpan(PacketSocket.VirtioHeaderLength, LinkLayerAddress.Length));
        if (!isForNobody)
        {
            frames.Add(frame.ToArray());
        }

        return !isForNobody;
    }

    private TapCounts Count(LinkStatistics statistics) => new(_window.Next, statistics.TransmittedPackets, statistics.TransmitDrops);

    /// <summary>Counts all at one moment: what has been read and dropped is the same before and after what has come was counted.</summary>
    private TapCounts? CountAtRest()
    {
        var before = Read();
        for (var tries = 0; tries < MostTries && before is not null; tries++)
        {
            Drain(int.MaxValue);
            var after = Read();
            if (after is { } statistics && Count(statistics) == Count(before.Value))
            {
                return Count(statistics);
            }

            before = after;
        }

        return null;
    }

    private LinkStatistics? Read()
    {
        try
        {
            return _kernel.Statistics(_tap);
        }
        catch (KernelException)
        {
            // As with a tap that has gone: nothing can be concluded.
            return null;
        }
    }

    private void Drain(int most)
    {
        for (var received = 0; received < most && TryReceive(); received++)
        {
        }

        if (_socket.TakeStatistics().Drops is > 0 and var drops)
        {
            _window.Skip(drops);
        }
    }

    private bool TryReceive()
    {
        try
        {
            if (!_socket.TryReceive(_window.Slot(), out var frame))
            {
                return false;
            }

            if (frame.IsTruncated)
            {
                _window.Skip(1);
            }
            else
            {
                _window.Add(frame.Length);
            }
        }
        catch (KernelException error) when (error.Errno == LibC.EINVAL)
        {
            // A kind of GSO that a virtio_net header has no words for. The kernel has given the frame up.
            _window.Skip(1);
        }

        return true;
    }

    /// <summary>What was known when the guest had stopped, and what has been taken since.</summary>
    private sealed record Stop(TapCounts Counts, Unread Unread)
    {
        public long Dropped { get; set; } = Counts.Dropped;

        public long Taken { get; set; } = Unread.Start;

        public bool IsStartKnown { get; set; } = Unread.WasSeenEmpty;

        public bool HasPolled { get; set; }

        /// <summary>The last frame that was read, if it is not known yet whether it was read for a guest that ran.</summary>
        public long? OneMore { get; set; }
    }
}
