namespace Kagemusha.MoveReport;

/// <summary>By how much the network made the moves' latest probes late, against the most that it may.</summary>
/// <param name="Direction"><c>in</c> or <c>out</c>, as in <see cref="NetworkAdded"/>.</param>
/// <param name="Statistic"><c>median</c> or <c>maximum</c>, over the moves.</param>
/// <param name="MeasuredMs">Without what the home agent needed where that is not the network's.</param>
/// <param name="LimitMs">The most that it may be.</param>
internal sealed record Verdict(string Direction, string Statistic, double MeasuredMs, double LimitMs)
{
    /// <summary>What a move may add to the way between its two hosts.</summary>
    public const double MarginMs = 5;

    public bool Ok => MeasuredMs <= LimitMs;

    /// <summary>Judges the moves of a run, of which there is one at least, in one direction.</summary>
    /// <param name="direction">Which.</param>
    /// <param name="moves">By how much each move's latest probe was late, and how much of that was the home agent's.</param>
    /// <param name="hostToHostMs">The way between the two hosts.</param>
    /// <param name="controlMs">How late a process that has nothing to do with the network was in the moves.</param>
    public static IReadOnlyList<Verdict> Of(
        string direction, IEnumerable<(double AddedMs, double HomeAgentMs)> moves, double hostToHostMs, double controlMs)
    {
        var added = moves.Select(move => Math.Round(Math.Max(0, move.AddedMs - move.HomeAgentMs), 3)).Order().ToArray();
        var limit = hostToHostMs + MarginMs;
        return
        [
            new(direction, "median", added[added.Length / 2], limit),
            new(direction, "maximum", added[^1], Math.Round(limit + controlMs, 3)),
        ];
    }
}
