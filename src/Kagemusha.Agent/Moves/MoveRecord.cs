using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>What becomes known of a move while it goes on; used on the agent's loop alone.</summary>
/// <param name="uuid">The guest's UUID.</param>
/// <param name="name">Its name.</param>
/// <param name="role">Which end of the move this host is.</param>
/// <param name="began">When this host first heard of it, by <see cref="Clock"/>.</param>
internal sealed class MoveRecord(Guid uuid, string name, MoveRole role, TimeSpan began)
{
    /// <summary>A path that flaps makes no endless record; the last place is the end's.</summary>
    public const int MostEvents = 32;

    /// <summary>Longer details are cut: the whole history has to fit into one reply.</summary>
    public const int LongestDetail = 160;

    // More is no answer to believe.
    private const double LongestAgo = 86400;
    private const string AtTheSource = "at the source";

    private readonly DateTimeOffset _began = DateTimeOffset.UtcNow - (Clock.Now - began);
    private readonly List<(MoveStep Step, TimeSpan At, string? Detail)> _events = [];

    /// <summary>The host at the other end, once it is known.</summary>
    public string? Peer { get; set; }

    /// <summary>What libvirt's events say it is, once they do.</summary>
    public MoveKind? Kind { get; set; }

    /// <summary>The guest's packets that needed help.</summary>
    public MoveCounters Counters { get; set; } = new();

    /// <summary>How it ended.</summary>
    public MoveOutcome Outcome { get; private set; }

    /// <summary>Something has happened.</summary>
    /// <param name="step">What.</param>
    /// <param name="detail">In words, where the step does not say all.</param>
    /// <param name="at">When, by <see cref="Clock"/>, or null for now. A wall clock that is set during the move changes no interval.</param>
    public void Add(MoveStep step, string? detail = null, TimeSpan? at = null)
    {
        if (_events.Count < MostEvents - 1 || (step == MoveStep.Ended && _events.Count < MostEvents))
        {
            _events.Add((step, at ?? Clock.Now, detail?.Length > LongestDetail ? detail[..LongestDetail] : detail));
        }
    }

    /// <summary>Something has happened, unless it has before.</summary>
    public void AddFirst(MoveStep step, string? detail, TimeSpan at)
    {
        if (At(step) is null)
        {
            Add(step, detail, at);
        }
    }

    /// <summary>The source's agent has said how the guest left, in times before its answer: nobody knows by how much the hosts' clocks differ.</summary>
    /// <param name="left">What it has said; nothing is written down of what cannot be.</param>
    /// <param name="sentAt">When it has, as far as is known.</param>
    /// <param name="firstThroughSource">When the first packet came from there: the traffic had been turned by then.</param>
    public void Add(DomainLeft left, TimeSpan sentAt, TimeSpan? firstThroughSource)
    {
        if (left is not { SuspendedAgo: >= 0 and <= LongestAgo, TurnedAgo: >= 0 and <= LongestAgo })
        {
            return;
        }

        var turned = sentAt - TimeSpan.FromSeconds(left.TurnedAgo);
        turned = firstThroughSource < turned ? firstThroughSource.Value : turned;
        Kind = left.Kind;
        Add(MoveStep.Suspended, AtTheSource, turned - TimeSpan.FromSeconds(left.SuspendedAgo - left.TurnedAgo));
        Add(MoveStep.TrafficTurned, AtTheSource, turned);
    }

    /// <summary>When something first happened, by <see cref="Clock"/>, or null.</summary>
    public TimeSpan? At(MoveStep step) => _events.Where(happened => happened.Step == step).Min(happened => (TimeSpan?)happened.At);

    /// <summary>Nothing more will come.</summary>
    /// <param name="outcome">How it ended.</param>
    /// <param name="detail">Why, if it failed.</param>
    public void End(MoveOutcome outcome, string? detail = null)
    {
        Outcome = outcome;
        Add(MoveStep.Ended, detail);
    }

    /// <summary>What is known by now.</summary>
    public Move TakeSnapshot() => new(
        name,
        uuid,
        role,
        role == MoveRole.Source ? Environment.MachineName : Peer,
        role == MoveRole.Source ? Peer : Environment.MachineName,
        Kind,
        _began,
        Outcome,
        [.. _events.OrderBy(happened => happened.At).Select(happened => new MoveEvent(happened.Step, _began + (happened.At - began), happened.Detail))],
        Counters);
}
