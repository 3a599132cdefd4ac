namespace Kagemusha.MoveReport;

/// <summary>How late the network made a move's latest probe.</summary>
/// <param name="AddedMs">Compared with when nothing moves.</param>
/// <param name="HomeAgentMs">What of it is the home agent's and not the network's.</param>
/// <param name="ControlMs">How late a process that has nothing to do with the network was during the move.</param>
internal readonly record struct MoveLateness(double AddedMs, double HomeAgentMs, double ControlMs)
{
    /// <summary>The network's.</summary>
    public double NetworkMs => Math.Round(Math.Max(0, AddedMs - HomeAgentMs), 3);
}

/// <summary>By how much the network made the moves' latest probes late, against the most that it may.</summary>
/// <param name="Direction"><c>in</c> or <c>out</c>, as in <see cref="NetworkAdded"/>.</param>
/// <param name="Statistic">
/// <c>median</c> over the moves, or the <c>worst</c> move: the one that is the latest beyond what its control was.
/// </param>
/// <param name="MeasuredMs">Without what the home agent needed where that is not the network's.</param>
/// <param name="LimitMs">The most that it may be.</param>
internal sealed record Verdict(string Direction, string Statistic, double MeasuredMs, double LimitMs)
{
    /// <summary>What a move may add to the way between its two hosts.</summary>
    public const double MarginMs = 5;

    public bool Ok => MeasuredMs <= LimitMs;

    /// <summary>
    /// Judges the moves of a run, of which there is one at least, in one direction. A stall of the machine excuses the move that it was
    /// in, and no other.
    /// </summary>
    /// <param name="direction">Which.</param>
    /// <param name="hostToHostMs">The way between the two hosts.</param>
    /// <param name="moves">The moves.</param>
    public static IReadOnlyList<Verdict> Of(string direction, double hostToHostMs, IReadOnlyCollection<MoveLateness> moves)
    {
        var limit = hostToHostMs + MarginMs;
        var worst = moves.MaxBy(move => move.NetworkMs - move.ControlMs);
        return
        [
            new(direction, "median", Median(moves.Select(move => move.NetworkMs)), limit),
            new(direction, "worst", worst.NetworkMs, Math.Round(limit + worst.ControlMs, 3)),
        ];
    }

    /// <summary>The upper one of two.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
