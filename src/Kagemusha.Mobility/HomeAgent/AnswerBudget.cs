namespace Kagemusha.Mobility;

/// <summary>A token bucket for answers to packets that anybody can send (RFC 4443, section 2.4 (f)).</summary>
/// <param name="perSecond">How many a second, and how many at once.</param>
internal sealed class AnswerBudget(int perSecond)
{
    private double _left = perSecond;
    private TimeSpan _countedAt;

    /// <summary>Whether one more may be given.</summary>
    public bool Take(TimeSpan now)
    {
        _left = Math.Min(perSecond, _left + (now - _countedAt).TotalSeconds * perSecond);
        _countedAt = now;
        if (_left < 1)
        {
            return false;
        }

        _left--;
        return true;
    }
}
