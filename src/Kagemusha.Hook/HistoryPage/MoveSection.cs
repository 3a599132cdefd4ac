using System.Globalization;
using System.Xml.Linq;
using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>One move on the page: what became of it, its timeline, what each host counted, and each step.</summary>
internal static class MoveSection
{
    /// <summary>A part that is so much of the whole is not drawn once more.</summary>
    private const double Most = 0.5;

    /// <summary>The section.</summary>
    /// <param name="move">The move.</param>
    /// <param name="id">What it is linked by.</param>
    public static XElement Create(TwoEnds move, string id) => new(
        "section",
        new XAttribute("id", id),
        new XElement("h2", new XElement("bdi", move.Any.Name), ": ", Host(move.Any.From), " → ", Host(move.Any.To), " ", Outcome(move)),
        new XElement("p", $"{Instant(move.Began)}, {(move.Any.Kind is { } kind ? HistoryTable.Word(kind) : "kind not known")}, ", new XElement("code", move.Any.Uuid)),
        move.Failures.Select(why => new XElement("p", new XAttribute("class", "why"), "Failed: ", new XElement("bdi", why))),
        Measures(move),
        Drawings(move),
        Counters(move),
        move.Events.Count > 0 ? Steps(move) : null);

    /// <summary>A word for how it ended, coloured.</summary>
    public static XElement Outcome(TwoEnds move)
    {
        var word = HistoryTable.Word(move.Outcome);
        return new("span", new XAttribute("class", $"outcome {word}"), word);
    }

    /// <summary>A time of day.</summary>
    public static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>A host's name, or that it is not known.</summary>
    public static XElement Host(string? name) => new("bdi", name ?? "not known");

    private static XElement Measures(TwoEnds move) => new(
        "dl",
        Measure("pause", move.Destination?.PauseMs),
        Measure("traffic turned after the suspension", (move.Source ?? move.Destination)!.TurnedAfterMs),
        Measure("update sent after the resume", move.Destination?.UpdateSentAfterMs),
        Measure("acknowledged after the resume", move.Destination?.AcknowledgedAfterMs));

    private static XElement Measure(string what, double? ms) => new("div", new XElement("dt", what), new XElement("dd", HistoryTable.Milliseconds(ms)));

    private static IEnumerable<XElement> Drawings(TwoEnds move)
    {
        if (move.Events.Count == 0)
        {
            yield return new("p", "No step is recorded.");
            yield break;
        }

        var (first, last) = (move.Events[0].At, move.Events[^1].At);
        var part = Switch(move) is { } close && (close.To - close.From) < Most * (last - first) ? close : ((DateTimeOffset From, DateTimeOffset To)?)null;
        yield return Figure(
            new Timeline(move, first, last, happened => happened.At >= part?.From && happened.At <= part?.To),
            part is null ? "The move." : "The whole move; what is not named here is in the next drawing.");
        if (part is var (from, to))
        {
            yield return Figure(new Timeline(move, from, to, _ => false), "Around the pause.");
        }
    }

    /// <summary>From the suspension to the acknowledgement, as far as they are known, with a tenth more at both ends.</summary>
    private static (DateTimeOffset From, DateTimeOffset To)? Switch(TwoEnds move)
    {
        MoveStep[] steps = [MoveStep.Suspended, MoveStep.TrafficTurned, MoveStep.TailSent, MoveStep.Resumed, MoveStep.UpdateSent, MoveStep.Acknowledged, MoveStep.TakenBack];
        var known = steps.Select(move.At).OfType<DateTimeOffset>().ToList();
        if (known.Count < 2)
        {
            return null;
        }

        var (from, to) = (known.Min(), known.Max());
        var margin = (to - from) / 10;
        return (from - margin, to + margin);
    }

    private static XElement Figure(Timeline timeline, string caption) =>
        new("figure", timeline.Draw(caption), new XElement("figcaption", caption));

    private static XElement Counters(TwoEnds move)
    {
        return Table(
            ["packets", .. move.Records.Select(record => HistoryTable.Word(record.Role))],
            [
                Row("forwarded", counters => HistoryTable.Number(counters.Forwarded)),
                Row("tail", HistoryTable.Tail),
                Row("queued", counters => HistoryTable.Number(counters.Queued)),
                Row("dropped", counters => HistoryTable.Number(counters.Dropped)),
                Row("reordered", counters => HistoryTable.Number(counters.Reordered)),
            ]);

        object[] Row(string what, Func<MoveCounters, string> count) => [what, .. move.Records.Select(record => count(record.Counters))];
    }

    private static XElement Steps(TwoEnds move) => new(
        "details",
        new XAttribute("open", "open"),
        new XElement("summary", "each step"),
        new XElement("p", Clock(move)),
        Table(
            ["when", "after", "source", "destination"],
            move.Events.Select(happened =>
            {
                var what = new XElement("span", HistoryTable.Word(happened.Step), happened.Detail is { } detail ? [" ", new XElement("bdi", detail)] : (object[])[]);
                return (object[])
                [
                    happened.At.UtcDateTime.ToString("HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
                    HistoryTable.Milliseconds((happened.At - move.Began).TotalMilliseconds),
                    happened.Place == MoveRole.Source ? what : "",
                    happened.Place == MoveRole.Destination ? what : "",
                ];
            })));

    private static string Clock(TwoEnds move) => move switch
    {
        { Source: null } => "As the destination has recorded it; of the source it knows what the source's agent told it.",
        { Destination: null } => "As the source has recorded it.",
        { HasOneClock: true } => "As both hosts have recorded it, on the destination's clock: they have the suspension or the turn of the traffic in common.",
        _ => "As both hosts have recorded it, each by its own clock: the records have no moment in common by which to compare them.",
    };

    /// <summary>A table with a header.</summary>
    public static XElement Table(IEnumerable<object> header, IEnumerable<object[]> rows) => new(
        "table",
        new XElement("thead", new XElement("tr", header.Select(cell => new XElement("th", cell)))),
        new XElement("tbody", rows.Select(row => new XElement("tr", row.Select(cell => new XElement("td", cell))))));
}
