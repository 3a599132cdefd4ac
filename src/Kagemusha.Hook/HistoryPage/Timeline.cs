using System.Globalization;
using System.Xml.Linq;
using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>
/// A part of a move drawn to scale:
/// <code>
///          suspended +1200.0 ms
///          |   traffic turned +1203.3 ms
///   source o---o------------------------      the source's steps above its line
///          [ pause ]
///     dest --------o---o----------------      the destination's below
///                  |   update sent +1242.3 ms
///                  resumed +1241.0 ms
/// </code>
/// </summary>
internal sealed class Timeline
{
    private const double Width = 1100;
    private const double PlotLeft = 130;
    private const double PlotRight = 900; // Behind it is room for the last step's words.
    private const double RowHeight = 16;
    private const double CharacterWidth = 6.4; // Of 11 px, on the safe side.
    private const int LongestWords = 36;
    private const int LongestName = 18;
    private const int MostTicks = 8;

    private static readonly int[] Parts = [1, 2, 5, 10];
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private readonly TwoEnds _move;
    private readonly DateTimeOffset _from;
    private readonly double _length; // ms
    private readonly double _sourceLine;
    private readonly double _destinationLine;
    private readonly double _axis;
    private readonly List<Label> _above;
    private readonly List<Label> _below;

    /// <param name="move">The move.</param>
    /// <param name="from">Where the drawing begins.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="unnamed">Whose words are left to another drawing.</param>
    public Timeline(TwoEnds move, DateTimeOffset from, DateTimeOffset to, Func<HostEvent, bool> unnamed)
    {
        _move = move;
        _from = from;
        _length = Math.Max((to - from).TotalMilliseconds, 1);
        var drawn = move.Events.Where(happened => happened.At >= from && happened.At <= to).ToList();
        _above = Place(drawn.Where(happened => happened.Place == MoveRole.Source), unnamed);
        _below = Place(drawn.Where(happened => happened.Place == MoveRole.Destination), unnamed);
        _sourceLine = 24 + (Rows(_above) * RowHeight);
        _destinationLine = _sourceLine + 44;
        _axis = _destinationLine + 20 + (Rows(_below) * RowHeight);
    }

    /// <summary>The drawing.</summary>
    /// <param name="caption">What it shows, for whoever does not see it.</param>
    public XElement Draw(string caption) => new(
        Svg + "svg",
        new XAttribute("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {Width} {_axis + 24:0.#}")),
        new XAttribute("role", "img"),
        new XElement(Svg + "title", caption),
        Axis(),
        Pause(),
        Lane(_move.Source?.From ?? _move.Any.From ?? "source", _sourceLine),
        Lane(_move.Destination?.To ?? _move.Any.To ?? "destination", _destinationLine),
        _above.Select(label => Draw(label, _sourceLine, -1)),
        _below.Select(label => Draw(label, _destinationLine, 1)));

    private IEnumerable<XElement> Axis()
    {
        var step = Step(_length);
        var first = Math.Ceiling((_from - _move.Began).TotalMilliseconds / step) * step;
        for (var tick = first; tick <= (_from - _move.Began).TotalMilliseconds + _length; tick += step)
        {
            var x = X(_move.Began + TimeSpan.FromMilliseconds(tick));
            yield return Line("grid", x, 12, x, _axis);
            yield return Text("tick", x, _axis + 14, step >= 1000 ? $"{Number(tick / 1000)} s" : $"{Number(tick)} ms");
        }
    }

    // Where the guest does not come back to life at the destination, it does when the source takes back what it gave.
    private IEnumerable<XElement> Pause()
    {
        if (_move.At(MoveStep.Suspended) is not { } suspended || (_move.At(MoveStep.Resumed) ?? _move.At(MoveStep.TakenBack)) is not { } resumed
            || resumed < suspended)
        {
            yield break;
        }

        var (left, right) = (Math.Clamp(X(suspended), PlotLeft, PlotRight), Math.Clamp(X(resumed), PlotLeft, PlotRight));
        if (right - left < 1)
        {
            right = left + 1; // In the drawing of a long move it is no more than a line.
        }

        yield return new XElement(
            Svg + "rect",
            new XAttribute("class", "pause"), At("x", left), At("y", _sourceLine - 6), At("width", right - left), At("height", _destinationLine - _sourceLine + 12));
        var words = $"pause {(resumed - suspended).TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture)} ms";
        if (right - left > words.Length * CharacterWidth)
        {
            yield return Text("inside", (left + right) / 2, ((_sourceLine + _destinationLine) / 2) + 4, words);
        }
    }

    private static IEnumerable<XElement> Lane(string host, double y) =>
    [
        Text("host", PlotLeft - 12, y + 4, Cut(host, LongestName)),
        Line("lane", PlotLeft, y, PlotRight, y),
    ];

    private static IEnumerable<XElement> Draw(Label label, double lane, int direction)
    {
        if (label.Row is { } row)
        {
            var y = lane + (direction * (14 + (row * RowHeight)));
            yield return Line("leader", label.X, lane, label.X, y);
            yield return Text("words", label.X + 3, direction > 0 ? y + 4 : y + 2, label.Words);
        }

        yield return new XElement(
            Svg + "circle",
            new XAttribute("class", Class(label.Event.Step)), At("cx", label.X), At("cy", lane), At("r", 4.5),
            new XElement(Svg + "title", label.Event.Detail is { } detail ? $"{label.Words}: {detail}" : label.Words));
    }

    // From the last to the first, each in a row beyond those that its words would cover: no line to a word crosses another.
    private List<Label> Place(IEnumerable<HostEvent> events, Func<HostEvent, bool> unnamed)
    {
        var labels = new List<Label>();
        foreach (var happened in events.Reverse())
        {
            var x = X(happened.At);
            var words = Cut(Words(happened), LongestWords) + " +" + Number(Math.Round((happened.At - _move.Began).TotalMilliseconds, 1)) + " ms";
            var end = x + 8 + (words.Length * CharacterWidth);
            int? row = unnamed(happened) ? null : labels.Where(label => label.Row is not null && label.X < end).Max(label => label.Row) + 1 ?? 0;
            labels.Add(new(happened, x, words, row));
        }

        return labels;
    }

    private static int Rows(IEnumerable<Label> labels) => labels.Max(label => label.Row) + 1 ?? 0;

    private double X(DateTimeOffset at) => PlotLeft + ((at - _from).TotalMilliseconds / _length * (PlotRight - PlotLeft));

    /// <summary>What a step is called here: of the hook's calls, which it was.</summary>
    private static string Words(HostEvent happened)
    {
        var step = HistoryTable.Word(happened.Step).Replace('-', ' ');
        return happened.Step == MoveStep.HookCalled && happened.Detail is { } call ? $"hook: {call}" : step;
    }

    private static string Class(MoveStep step) => step switch
    {
        MoveStep.Suspended or MoveStep.Resumed => "guest",
        MoveStep.TrafficTurned or MoveStep.TailSent or MoveStep.FirstPacketIn or MoveStep.FirstPacketOut or MoveStep.PathChanged => "traffic",
        MoveStep.UpdateSent or MoveStep.Acknowledged => "signalling",
        MoveStep.TakenBack => "failure",
        _ => "other",
    };

    /// <summary>1, 2 or 5 of a power of ten, for no more than <see cref="MostTicks"/> of them.</summary>
    private static double Step(double length)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(length / MostTicks)));
        return Parts.Select(part => part * power).First(step => length / step <= MostTicks);
    }

    private static string Cut(string text, int length) => text.Length > length ? text[..(length - 1)] + "…" : text;

    private static string Number(double number) => number.ToString("0.###", CultureInfo.InvariantCulture);

    private static XElement Text(string kind, double x, double y, string text) =>
        new(Svg + "text", new XAttribute("class", kind), At("x", x), At("y", y), text);

    private static XElement Line(string kind, double x1, double y1, double x2, double y2) =>
        new(Svg + "line", new XAttribute("class", kind), At("x1", x1), At("y1", y1), At("x2", x2), At("y2", y2));

    private static XAttribute At(string name, double place) => new(name, place.ToString("0.##", CultureInfo.InvariantCulture));

    // The row is how far from the lane its words are; null if they are not here.
    private sealed record Label(HostEvent Event, double X, string Words, int? Row);
}
