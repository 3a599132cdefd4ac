using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>A move as one or both of its hosts have recorded it, on one clock: the destination's, or the source's where that alone is known.</summary>
internal sealed class TwoEnds
{
    /// <summary>Records of one VM that begin further apart are of different moves: hosts' clocks differ by less. Our choice.</summary>
    private static readonly TimeSpan MostApart = TimeSpan.FromMinutes(2);

    // A record whose steps are further from its beginning is none.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    // What both ends know of, the best known first.
    private static readonly MoveStep[] Shared = [MoveStep.Suspended, MoveStep.TrafficTurned];

    /// <param name="source">The source's record, or null where it is not known.</param>
    /// <param name="destination">The destination's, or null where it is not known; one of both is.</param>
    public TwoEnds(Move? source, Move? destination)
    {
        (Source, Destination) = (source, destination);
        var common = Shared.Where(step => source?.At(step) is not null && destination?.At(step) is not null).ToList();
        HasOneClock = source is null || destination is null || common.Count > 0;
        var ahead = common.Count > 0 ? source!.At(common[0])!.Value - destination!.At(common[0])!.Value : TimeSpan.Zero;
        Events =
        [
            .. (from happened in source?.Events ?? []
                select new HostEvent(MoveRole.Source, happened.Step, happened.At - ahead, happened.Detail))
                .Concat(
                    from happened in destination?.Events ?? []
                    let place = Shared.Contains(happened.Step) ? MoveRole.Source : MoveRole.Destination
                    where place == MoveRole.Destination || source?.At(happened.Step) is null
                    select new HostEvent(place, happened.Step, happened.At, happened.Detail))
                .OrderBy(happened => happened.At),
        ];
        Began = Events.Count > 0 ? Events[0].At : Any.Began;
    }

    public Move? Source { get; }

    public Move? Destination { get; }

    /// <summary>The destination's record, which says more, or the source's.</summary>
    public Move Any => Destination ?? Source!;

    /// <summary>What happened at both, by its time; what the destination was told of the source is the source's.</summary>
    public IReadOnlyList<HostEvent> Events { get; }

    /// <summary>When the first of it did.</summary>
    public DateTimeOffset Began { get; }

    /// <summary>Whether the two hosts' times can be compared: both records have a moment in common.</summary>
    public bool HasOneClock { get; }

    /// <summary>How it ended: one that failed at one end has failed.</summary>
    public MoveOutcome Outcome =>
        Records.Any(record => record.Outcome == MoveOutcome.Failed) ? MoveOutcome.Failed
        : Records.Any(record => record.Outcome == MoveOutcome.Moved) ? MoveOutcome.Moved
        : Any.Outcome;

    /// <summary>Why it failed, as each record that says so has it.</summary>
    public IEnumerable<string> Failures =>
        from record in Records
        where record.Outcome == MoveOutcome.Failed
        select record.Events is [.., { Detail: { } detail }] ? detail : "no reason is recorded";

    /// <summary>What is recorded, the source first.</summary>
    public IEnumerable<Move> Records => new[] { Source, Destination }.OfType<Move>();

    /// <summary>When something first happened, or null.</summary>
    public DateTimeOffset? At(MoveStep step) => Events.FirstOrDefault(happened => happened.Step == step)?.At;

    /// <summary>Finds for each of this host's records the other host's of the same move, if it is there.</summary>
    /// <param name="here">This host's records.</param>
    /// <param name="there">The other host's.</param>
    public static IEnumerable<TwoEnds> Pair(IEnumerable<Move> here, IEnumerable<Move> there)
    {
        var left = there.ToList();
        foreach (var move in here)
        {
            var other = left.Where(other => AreOne(move, other)).MinBy(other => (other.Began - move.Began).Duration());
            if (other is not null)
            {
                left.Remove(other);
            }

            yield return move.Role == MoveRole.Source ? new(move, other) : new(other, move);
        }
    }

    // A host calls the other by the name in its certificate: that is not compared, but nobody moves to where he is.
    private static bool AreOne(Move one, Move other) =>
        one.Uuid == other.Uuid
        && one.Role != other.Role
        && (one.Role == MoveRole.Source ? one.From != other.To : one.To != other.From)
        && (one.Began - other.Began).Duration() <= MostApart
        && other.Events.All(happened => (happened.At - other.Began).Duration() <= Longest);
}

/// <summary>Something that happened at one end of a move.</summary>
/// <param name="Place">At which.</param>
/// <param name="Step">What.</param>
/// <param name="At">When, on the move's one clock.</param>
/// <param name="Detail">In words, or null.</param>
internal sealed record HostEvent(MoveRole Place, MoveStep Step, DateTimeOffset At, string? Detail);
