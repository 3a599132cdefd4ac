namespace Kagemusha.Mobility;

/// <summary>
/// How long a home agent takes to process an update for a binding that it has. Packets that follow an update pass its kernel faster than
/// the update passes its daemon: so much later they are let go.
/// </summary>
public sealed class HomeAgentTiming
{
    /// <summary>The hold without any sample: our choice, as long as a busy machine may take.</summary>
    public static readonly TimeSpan DefaultHold = TimeSpan.FromMilliseconds(100);

    /// <summary>What is held at least, however fast the home agent was.</summary>
    public static readonly TimeSpan ShortestHold = TimeSpan.FromMilliseconds(5);

    /// <summary>What is held at most, however slow the home agent was.</summary>
    public static readonly TimeSpan LongestHold = ArrivalPath.LongestHold;

    // A home agent that was slow once is so for a while; one that has become faster is believed after so many.
    private const int Kept = 8;
    private const double Margin = 1.5;
    private static readonly TimeSpan MarginAtLeast = TimeSpan.FromMilliseconds(3);

    private readonly Queue<TimeSpan> _samples = new(Kept);

    /// <summary>Whether there is a sample.</summary>
    public bool IsKnown => _samples.Count > 0;

    /// <summary>The longest of the last few; zero before the first.</summary>
    public TimeSpan Processing => _samples.DefaultIfEmpty().Max();

    /// <summary>How long packets are to be held behind an update.</summary>
    public TimeSpan Hold
    {
        get
        {
            var hold = IsKnown ? Processing * Margin + MarginAtLeast : DefaultHold;
            return TimeSpan.FromTicks(Math.Clamp(hold.Ticks, ShortestHold.Ticks, LongestHold.Ticks));
        }
    }

    /// <summary>Takes a sample.</summary>
    /// <param name="elapsed">
    /// From an update to its acknowledgement. Of an existing binding only: before a new one the home agent looks for duplicates.
    /// </param>
    /// <param name="roundTrip">How long an echo took to the home agent and back, at about that time.</param>
    public void Add(TimeSpan elapsed, TimeSpan roundTrip)
    {
        if (_samples.Count == Kept)
        {
            _samples.Dequeue();
        }

        // On a path whose delay varies an echo may well be slower.
        _samples.Enqueue(elapsed > roundTrip ? elapsed - roundTrip : TimeSpan.Zero);
    }
}
