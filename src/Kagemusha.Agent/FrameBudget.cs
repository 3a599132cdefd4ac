namespace Kagemusha.Agent;

/// <summary>A token bucket that is full after a second without frames, and then lets a second's worth through at once.</summary>
/// <param name="perSecond">How many frames a second there are tokens for.</param>
internal sealed class FrameBudget(int perSecond)
{
    private static readonly TimeSpan Burst = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _cost = TimeSpan.FromSeconds(1) / perSecond;

    // When the bucket is full again.
    private TimeSpan? _fullAt;

    /// <summary>Spends a token.</summary>
    /// <returns>How long to wait for the next one; zero or less for not at all.</returns>
    public TimeSpan Spend(TimeSpan now)
    {
        var fullAt = (_fullAt > now ? _fullAt.Value : now) + _cost;
        _fullAt = fullAt;
        return fullAt + _cost - Burst - now;
    }
}
