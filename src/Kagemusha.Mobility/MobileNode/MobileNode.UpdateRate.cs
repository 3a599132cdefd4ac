namespace Kagemusha.Mobility;

// How many updates go out (RFC 6275, section 11.8).
public sealed partial class MobileNode
{
    // MAX_UPDATE_RATE (RFC 6275, section 12): so many a second.
    private const int MaxUpdateRate = 3;
    private static readonly TimeSpan UpdateRateInterval = TimeSpan.FromSeconds(1);

    private readonly Queue<TimeSpan> _sentAt = new(MaxUpdateRate); // The last updates, oldest first.

    // Several reasons to tell home agents at once may come together. Null when one may go now, else when.
    private TimeSpan? RateLimit(TimeSpan now) =>
        _sentAt.Count == MaxUpdateRate && _sentAt.Peek() + UpdateRateInterval is var next && next > now ? next : null;

    private static TimeSpan Doubled(TimeSpan timeout) => 2 * timeout < MaxBindackTimeout ? 2 * timeout : MaxBindackTimeout;

    private void CountUpdate(TimeSpan now)
    {
        if (_sentAt.Count == MaxUpdateRate)
        {
            _sentAt.Dequeue();
        }

        _sentAt.Enqueue(now);
    }
}
