using System.Buffers;
using System.Diagnostics;
using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>What a tap had taken for a guest that has stopped, and the guest had not read.</summary>
/// <param name="Frames">The frames, oldest first, each with a virtio_net header before it; none where it is not known which they are.</param>
/// <param name="IsExact">Whether these are exactly those.</param>
/// <param name="AtMost">If not, how many there are at most.</param>
public sealed record Tail(IReadOnlyList<ReadOnlyMemory<byte>> Frames, bool IsExact, long AtMost);

/// <summary>
/// Keeps the last frames that were sent to a tap, to know those that no guest has got when the guest stops. A tap counts a frame as sent when
/// it is read, and a packet socket sees it before, so the difference of both counts is what waits, apart from what waited when the capture began: that is known once the
/// tap has been quiet, because a running guest reads what there is. For taps with one queue.
/// </summary>
/// <remarks>
/// QEMU, unlike vhost, reads one frame more when its guest has stopped, which the guest never gets (net/tap.c: tap_send stops after the first
/// frame that the stopped device does not take). To know whether that was the last one that had come, a frame for nobody is sent behind it: if that
/// is read, it was the one more.
/// </remarks>
public sealed class TapTail : IDisposable
{
    private const int LeastFrames = 1000;
    private const int MostBytes = 4 << 20;
    private const int LargestFrame = PacketSocket.VirtioHeaderLength + EthernetFrame.HeaderLength + 65535;

    private readonly Lock _gate = new();
    private readonly Kernel _kernel;
    private readonly int _tap;
    private readonly int _mostFrames;
    private readonly PacketSocket _socket;
    private readonly Queue<(byte[] Buffer, int Length, DateTimeOffset At)> _kept = [];
    private readonly byte[] _buffer = new byte[LargestFrame];
    private readonly LinkStatistics _start;
    private int _keptBytes;
    private long _seen;
    private long _taken;
    private long _least = long.MaxValue;
    private bool _wasQuiet;
    private bool _isInexact;
    private readonly bool _readsOneMore;
    private long? _readBeforeStop;
    private bool _isLastDecided;
    private DateTimeOffset _stoppedAt;
    private bool _isDisposed;
    private (long Seen, long Waiting, long At) _last = (-1, 0, 0);

    /// <summary>Begins to keep.</summary>
    /// <param name="kernel">Counts what has been read.</param>
    /// <param name="tap">The tap's index.</param>
    /// <param name="readsOneMore">Whether its reader is QEMU itself, not vhost.</param>
    /// <exception cref="KernelException">There is no such link, or no packet socket.</exception>
    public TapTail(Kernel kernel, int tap, bool readsOneMore)
    {
        (_kernel, _tap, _readsOneMore) = (kernel, tap, readsOneMore);
        _mostFrames = Math.Max(LeastFrames, kernel.Interfaces().Find(tap)?.TransmitQueueLength ?? 0);
        _socket = new(tap, PacketFilter.Outgoing, withOffloads: true);
        _socket.SetReceiveBuffer(MostBytes);
        // After the socket: what is read between the two only moves the least difference.
        _start = kernel.Statistics(tap) ?? throw new KernelException($"link {tap}", Tmds.Linux.LibC.ENODEV);
        TailCapture.Add(this);
    }

    /// <summary>
    /// How long a tap has to be quiet to be taken for empty. A guest that is slower than this has its tap taken for empty when it is not; the next time that it is
    /// emptier than then corrects it.
    /// </summary>
    internal static TimeSpan QuietInterval { get; } = TimeSpan.FromMilliseconds(2);

    // A frame that was sent so long before the stop was read before it.
    private static readonly TimeSpan ReadBefore = TimeSpan.FromMilliseconds(100);

    /// <summary>How long QEMU may take to read one frame more: its main loop has much to do in this moment.</summary>
    public static TimeSpan Decision { get; } = TimeSpan.FromMilliseconds(250);

    // To an address of ours that nobody has, of an EtherType for experiments.
    private static readonly byte[] FrameForNobody = [.. new byte[PacketSocket.VirtioHeaderLength], 0x02, 0x6b, 0, 0, 0, 0, 0x02, 0x6b, 0, 0, 0, 1, 0x88, 0xb5, .. new byte[46]];

    private static readonly TimeSpan KnownInterval = TimeSpan.FromMilliseconds(20);

    internal PacketSocket Socket => _socket;

    /// <summary>The guest gets no frame any more.</summary>
    /// <exception cref="KernelException">The tap has gone.</exception>
    public void GuestStopped()
    {
        lock (_gate)
        {
            if (_readBeforeStop is not null)
            {
                return;
            }

            _stoppedAt = DateTimeOffset.UtcNow;
            _readBeforeStop = _taken = Read();
            var last = _kept.Count - (int)Math.Min(_kept.Count, _seen - _taken) - 1;
            _isLastDecided = !_readsOneMore || !IsKnown || last < 0 || _stoppedAt - _kept.ElementAt(last).At > ReadBefore;
            if (!_isLastDecided)
            {
                _socket.Send(FrameForNobody);
            }
        }
    }

    /// <summary>
    /// What has come and the guest has not got; when called again, what has come or become known since: by <see cref="Decision"/> after the stop all of it.
    /// </summary>
    public Tail Take()
    {
        lock (_gate)
        {
            if (_readBeforeStop is not { } read)
            {
                throw new InvalidOperationException("the guest runs");
            }

            Drain();
            var first = _taken;
            if (!_isLastDecided && Read() > read)
            {
                _isLastDecided = true;
            }
            else if (!_isLastDecided && DateTimeOffset.UtcNow - _stoppedAt >= Decision)
            {
                _isLastDecided = true;
                return Frames(read - 1, read, first);
            }

            return Frames(first, first, first);
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
            while (_kept.TryDequeue(out var old))
            {
                ArrayPool<byte>.Shared.Return(old.Buffer);
            }
        }
    }

    /// <summary>Reads what has come, and looks whether the tap is empty.</summary>
    internal void Observe()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            Drain();
            var now = Stopwatch.GetTimestamp();
            if (_readBeforeStop is not null || Stopwatch.GetElapsedTime(_last.At, now) < (_wasQuiet ? KnownInterval : QuietInterval))
            {
                return;
            }

            var before = _seen;
            var last = _last.Waiting;
            var waiting = Count();
            // What comes between the two counts belongs to neither.
            if (before == _seen)
            {
                _least = Math.Min(_least, waiting);
                _wasQuiet |= _last.Seen == _seen && last == waiting;
            }

            _last = (_seen, waiting, now);
        }
    }

    private bool IsKnown => _wasQuiet && !_isInexact;

    /// <summary>Frames from one number on: one alone, if it is before those that are new, and those.</summary>
    private Tail Frames(long alone, long behindAlone, long first)
    {
        _taken = _seen;
        var oldest = _seen - _kept.Count;
        var wanted = Enumerable.Range(0, (int)(behindAlone - alone)).Select(at => alone + at)
            .Concat(Enumerable.Range(0, (int)(_seen - first)).Select(at => first + at)).ToList();
        return IsKnown && wanted.TrueForAll(number => number >= oldest)
            ? new([.. wanted.Select(number => Copy(_kept.ElementAt((int)(number - oldest))))], IsExact: true, 0)
            : new([], IsExact: wanted.Count == 0, wanted.Count);

        static ReadOnlyMemory<byte> Copy((byte[] Buffer, int Length, DateTimeOffset At) one) => one.Buffer.AsSpan(0, one.Length).ToArray();
    }

    /// <summary>The number of the first frame that was not read.</summary>
    private long Read() => Count() is var waiting && _wasQuiet ? Math.Clamp(_seen - (waiting - _least), 0, _seen) : 0;

    private long Count()
    {
        var now = _kernel.Statistics(_tap);
        Drain();
        if (now is not { } read)
        {
            // It has gone: nothing is read any more.
            return _last.Waiting;
        }

        // Which frames a full tap has dropped is not known.
        _isInexact |= read.TransmitDrops != _start.TransmitDrops;
        return _last.Waiting = _seen - (read.TransmittedPackets - _start.TransmittedPackets);
    }

    private void Drain()
    {
        while (_socket.TryReceive(_buffer, out var frame))
        {
            var copy = ArrayPool<byte>.Shared.Rent(frame.Length);
            _buffer.AsSpan(0, frame.Length).CopyTo(copy);
            _kept.Enqueue((copy, frame.Length, frame.Timestamp));
            _keptBytes += frame.Length;
            _seen++;
            while (_kept.Count > _mostFrames || _keptBytes > MostBytes)
            {
                var old = _kept.Dequeue();
                _keptBytes -= old.Length;
                ArrayPool<byte>.Shared.Return(old.Buffer);
            }
        }

        _isInexact |= _socket.TakeStatistics().Drops != 0;
    }
}
