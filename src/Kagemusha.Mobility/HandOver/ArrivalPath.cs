namespace Kagemusha.Mobility;

/// <summary>
/// How a guest's own packets leave the foreign host that it has come to, until the home agent has acknowledged that host: a home agent
/// takes tunnelled packets from the current care-of address only (RFC 6275, section 10.4.5), and which one that is, nobody here can know
/// before the acknowledgement. After each call look at <see cref="Path"/>, and call <see cref="WakeUp"/> at <see cref="NextWakeUp"/>.
/// </summary>
public sealed class ArrivalPath
{
    /// <summary>No packet is held longer, whatever the home agent does: our choice, for it delays the guest's own traffic.</summary>
    public static readonly TimeSpan LongestHold = TimeSpan.FromMilliseconds(250);

    /// <summary>An update without an answer for so long is taken for lost, as the mobile node takes it that repeats it.</summary>
    public static readonly TimeSpan AnswerLimit = MobileNode.InitialBindackTimeout;

    private bool _sourceWasRegistered;
    private TimeSpan _hold;
    private bool _hasBegun;
    private bool _isAcknowledged;
    private TimeSpan _heldSince;
    private TimeSpan _answerDue;

    /// <summary>The path before the guest runs.</summary>
    /// <param name="sourceWasRegistered">
    /// Whether the home agent had acknowledged the source's care-of address. Where not, as at home, it has none to compare with: packets go
    /// through the source as they did before.
    /// </param>
    /// <param name="hold">How long packets wait behind an update, for the home agent to process it.</param>
    public ArrivalPath(bool sourceWasRegistered, TimeSpan hold) => SourceChanged(sourceWasRegistered, hold);

    /// <summary>Where the guest's packets go now.</summary>
    public OutboundPath Path { get; private set; }

    /// <summary>When <see cref="WakeUp"/> is to be called; null for not before something happens.</summary>
    public TimeSpan? NextWakeUp { get; private set; }

    /// <summary>What is known of the source has changed. Once the guest runs, what it was at its suspension stays.</summary>
    public void SourceChanged(bool registered, TimeSpan hold)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hold, TimeSpan.Zero);
        if (!_hasBegun)
        {
            _sourceWasRegistered = registered;
            _hold = hold;
            Path = registered ? OutboundPath.Held : OutboundPath.ThroughSource;
        }
    }

    /// <summary>A Binding Update has left, the first one with the guest's resume: what the guest sends from now on follows it.</summary>
    public void UpdateSent(TimeSpan now)
    {
        if (_sourceWasRegistered && !_isAcknowledged)
        {
            var isHeldOn = _hasBegun && Path == OutboundPath.Held;
            _heldSince = isHeldOn ? _heldSince : now;
            _answerDue = now + AnswerLimit;
            Path = OutboundPath.Held;
            NextWakeUp = Earlier(now + _hold, _heldSince + LongestHold);
        }

        _hasBegun = true;
        WakeUp(now);
    }

    /// <summary>The home agent has accepted an update: the tunnel from now on.</summary>
    public void Acknowledged(TimeSpan now)
    {
        _hasBegun = true;
        _isAcknowledged = true;
        Path = OutboundPath.HomeAgentTunnel;
        NextWakeUp = null;
    }

    /// <summary>The update was refused, not sent, or is given up: the home agent still takes what comes through the source.</summary>
    public void UpdateUnanswered(TimeSpan now)
    {
        _hasBegun = true;
        if (!_isAcknowledged)
        {
            Path = OutboundPath.ThroughSource;
            NextWakeUp = null;
        }
    }

    /// <summary><see cref="NextWakeUp"/> has come. A call that comes early or twice does no harm.</summary>
    public void WakeUp(TimeSpan now)
    {
        if (Path == OutboundPath.Held && NextWakeUp <= now)
        {
            Path = OutboundPath.HomeAgentTunnel;
            NextWakeUp = _answerDue;
        }

        if (Path == OutboundPath.HomeAgentTunnel && NextWakeUp <= now)
        {
            UpdateUnanswered(now);
        }
    }

    private static TimeSpan Earlier(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
