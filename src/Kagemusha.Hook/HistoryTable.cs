using System.Globalization;
using System.Text.Json;
using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>What <c>history</c> shows to people: a line for each move, the newest last, and below the last one's steps if wanted.</summary>
internal static class HistoryTable
{
    private static readonly string[] Header =
        [
            "WHEN", "DOMAIN", "FROM", "TO", "KIND", "PAUSE", "TURNED AFTER", "UPDATE AFTER", "ACKNOWLEDGED AFTER",
            "FORWARDED", "TAIL", "QUEUED", "DROPPED", "REORDERED", "OUTCOME",
        ];

    /// <summary>The lines, columns aligned.</summary>
    public static IEnumerable<string> Lines(IReadOnlyList<Move> moves, bool withSteps)
    {
        if (moves.Count == 0)
        {
            return ["no enrolled VM has moved to or from this host"];
        }

        var table = Columns.Align([Header, .. moves.Select(Row)]);
        var last = moves[^1];
        return withSteps && last.Events.Count > 0
            ? [.. table, .. Columns.Align([.. last.Events.Select(happened => Row(happened, last.Began))]).Select(line => "  " + line)]
            : table;
    }

    private static string[] Row(Move move) =>
    [
        move.Began.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        move.Name,
        move.From ?? "-",
        move.To ?? "-",
        move.Kind is { } kind ? Word(kind) : "-",
        Milliseconds(move.PauseMs),
        Milliseconds(move.TurnedAfterMs),
        Milliseconds(move.UpdateSentAfterMs),
        Milliseconds(move.AcknowledgedAfterMs),
        Number(move.Counters.Forwarded),
        Tail(move.Counters),
        Number(move.Counters.Queued),
        Number(move.Counters.Dropped),
        Number(move.Counters.Reordered),
        Word(move.Outcome),
    ];

    private static string[] Row(MoveEvent happened, DateTimeOffset began) =>
    [
        happened.At.UtcDateTime.ToString("HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
        "+" + Milliseconds((happened.At - began).TotalMilliseconds),
        Word(happened.Step),
        happened.Detail ?? "",
    ];

    /// <summary>A time, or a dash.</summary>
    public static string Milliseconds(double? time) => time is { } ms ? string.Create(CultureInfo.InvariantCulture, $"{ms:0.0} ms") : "-";

    /// <summary>A count, or a dash.</summary>
    public static string Number(long? count) => count?.ToString(CultureInfo.InvariantCulture) ?? "-";

    /// <summary>How many packets the guest had not got, as far as that is known.</summary>
    public static string Tail(MoveCounters counters) =>
        counters is { Tail: null, TailAtMost: { } most } ? $"at most {Number(most)}" : Number(counters.Tail);

    /// <summary>As in the JSON.</summary>
    public static string Word<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
