namespace Kagemusha.Linux;

/// <summary>What is known of a tap at one time.</summary>
/// <param name="Seen">How many frames have been sent to it since the capture began.</param>
/// <param name="Read">How many its reader has read since it was made (<c>tx_packets</c>: a tap counts a frame when it is read).</param>
/// <param name="Dropped">How many it had no room for since it was made (<c>tx_dropped</c>).</param>
internal readonly record struct TapCounts(long Seen, long Read, long Dropped)
{
    /// <summary>How many wait to be read, but for a constant.</summary>
    public long Waiting => Seen - Read - Dropped;
}

/// <summary>Which frames wait in a tap, by their numbers.</summary>
/// <param name="Start">The first; none before it is known to wait.</param>
/// <param name="End">Behind the last; those behind were dropped.</param>
/// <param name="WasSeenEmpty">Whether none before the start waits.</param>
/// <param name="MixedUntil">Dropped frames may be among those before this one, none among those from it on.</param>
internal readonly record struct Unread(long Start, long End, bool WasSeenEmpty, long MixedUntil);

/// <summary>
/// Concludes from counts which frames wait in a tap. A running guest reads what there is, so a tap that has been at its emptiest several times, and
/// never below, was empty then. Pure.
/// </summary>
internal sealed class TapAccount
{
    /// <summary>In so many samples it has to be as empty as it ever was.</summary>
    public const int Sightings = 5;

    private long _least = long.MaxValue;
    private int _sightings;
    private TapCounts _last = new(0, -1, -1);
    private TapCounts _rest;
    private long _dropsEnd;
    private long _dropsEndAtRest;

    /// <summary>Whether there is nothing to learn from another sample, unless frames come.</summary>
    public bool IsEmpty => _sightings >= Sightings && _last.Waiting == _least;

    /// <summary>Takes a sample while the guest runs.</summary>
    /// <param name="counts">
    /// <paramref name="counts"/>.Seen was counted last: what came meanwhile can only make the tap look fuller than it was.
    /// </param>
    /// <param name="isOfOneMoment">Whether no frame came while it was taken.</param>
    public void Add(TapCounts counts, bool isOfOneMoment)
    {
        Note(counts);
        if (isOfOneMoment && counts.Waiting == _least)
        {
            _sightings++;
        }
    }

    /// <summary>Which frames wait, when the guest has stopped.</summary>
    /// <param name="counts">Of one moment.</param>
    public Unread Conclude(TapCounts counts)
    {
        Note(counts);
        // Once nobody reads, a tap takes frames until it is full and then none: the dropped ones are the last.
        var end = counts.Seen - (counts.Dropped - _rest.Dropped);
        return new(end - (counts.Waiting - _least), end, _sightings >= Sightings, _dropsEndAtRest);
    }

    private void Note(TapCounts counts)
    {
        if (counts.Waiting < _least)
        {
            (_least, _sightings) = (counts.Waiting, 0);
        }

        if (counts.Dropped != _last.Dropped)
        {
            _dropsEnd = counts.Seen;
        }

        if (counts.Read != _last.Read)
        {
            (_rest, _dropsEndAtRest) = (counts, _dropsEnd);
        }

        _last = counts;
    }
}
