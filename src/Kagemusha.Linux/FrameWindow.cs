namespace Kagemusha.Linux;

/// <summary>The last frames of many, each known by its number. Frames are received right into it; nothing is allocated for one.</summary>
/// <param name="mostFrames">How many it keeps at most.</param>
/// <param name="bytes">How many bytes it takes; it keeps this less one slot at least.</param>
/// <param name="largestFrame">The size of a slot.</param>
internal sealed class FrameWindow(int mostFrames, int bytes, int largestFrame)
{
    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(bytes);
    private readonly (int At, int Length)[] _frames = new (int, int)[mostFrames];
    private int _at;

    /// <summary>The number of the oldest frame that is kept, or <see cref="Next"/>.</summary>
    public long First { get; private set; }

    /// <summary>The number that the next frame gets: how many there have been.</summary>
    public long Next { get; private set; }

    /// <summary>A frame that is kept.</summary>
    public ReadOnlySpan<byte> this[long number]
    {
        get
        {
            var frame = Find(number);
            return _bytes.AsSpan(frame.At, frame.Length);
        }
    }

    /// <summary>Where to put the next frame; old ones make room for it.</summary>
    public Span<byte> Slot()
    {
        if (_bytes.Length - _at < largestFrame)
        {
            DropWhileOldestIsIn(_at, _bytes.Length);
            _at = 0;
        }

        DropWhileOldestIsIn(_at, _at + largestFrame);
        return _bytes.AsSpan(_at, largestFrame);
    }

    /// <summary>Takes what was put into <see cref="Slot"/>.</summary>
    public void Add(int length)
    {
        if (Next - First == mostFrames)
        {
            First++;
        }

        _frames[Next++ % mostFrames] = (_at, length);
        _at += length;
    }

    /// <summary>Counts frames that were not received. Nobody knows where among the others they belong: all before them go.</summary>
    public void Skip(long count) => First = Next += count;

    private (int At, int Length) Find(long number) =>
        number >= First && number < Next ? _frames[number % mostFrames] : throw new ArgumentOutOfRangeException(nameof(number));

    // What lies at or behind the place that is written to is left from the lap before: the oldest.
    private void DropWhileOldestIsIn(int start, int end)
    {
        while (First < Next && _frames[First % mostFrames].At is var at && at >= start && at < end)
        {
            First++;
        }
    }
}
