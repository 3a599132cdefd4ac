using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Kagemusha.Control;

namespace Kagemusha.Hook.Tests;

public sealed class HistoryPageTests
{
    private const string Hostile = "</style><script>alert(1)</script>&<!--\"'\0\u0007\ud800\u202e]]>";

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static readonly Move Source = TwoEndsTests.Source;
    private static readonly Move Destination = TwoEndsTests.Destination;

    internal static readonly Move FailedMove = Source with
    {
        Outcome = MoveOutcome.Failed,
        Events =
        [
            .. Source.Events.Take(4),
            new(MoveStep.TakenBack, TwoEndsTests.Began.AddMilliseconds(5420), null),
            new(MoveStep.Ended, TwoEndsTests.Began.AddMilliseconds(5421), "operation aborted: the connection to hv-b was lost"),
        ],
    };

    /// <summary>A move, how many drawings it has, and how many of its steps are marked in them.</summary>
    public static TheoryData<string, Move?, Move?, int, int> Moves => new()
    {
        { "both ends", Source, Destination, 2, 17 + 10 },
        { "the source alone", Source, null, 2, 7 + 3 },
        { "the destination alone", null, Destination, 2, 12 + 8 },
        { "a failed one", FailedMove, null, 2, 6 + 5 },
        { "one step", Source with { Events = [Source.Events[0]] }, null, 1, 1 },
        { "no step", null, Destination with { Events = [] }, 0, 0 },
        { "nothing is known", null, Destination with { Events = [], From = null, To = null, Kind = null, Outcome = MoveOutcome.Unknown, Counters = new() }, 0, 0 },
        { "all at once", Source with { Events = [.. Source.Events.Select(happened => happened with { At = TwoEndsTests.Began })] }, null, 1, 7 },
        {
            "as many steps as a record may have, and for a day",
            null, Destination with { Events = [.. Enumerable.Range(0, 32).Select(hour => new MoveEvent(MoveStep.PathChanged, TwoEndsTests.Began.AddHours(hour), null))] },
            1, 32
        },
    };

    [Theory]
    [MemberData(nameof(Moves))]
    public void A_move_is_drawn_to_scale_as_far_as_it_is_known(string what, Move? source, Move? destination, int drawings, int marks)
    {
        var page = Parse(HistoryPage.Create([new(source, destination)], "hv-a", TwoEndsTests.Began));

        Assert.NotNull(what);
        Assert.Equal(drawings, page.Descendants(Svg + "svg").Count());
        Assert.Equal(marks, page.Descendants(Svg + "circle").Count());
        // All that is drawn is in the picture.
        Assert.All(page.Descendants(Svg + "svg"), drawing =>
        {
            var size = drawing.Attribute("viewBox")!.Value.Split(' ').Select(Number).ToList();
            Assert.All(
                drawing.Descendants().Attributes().Where(attribute => attribute.Name.LocalName is "x" or "x1" or "x2" or "cx"),
                x => Assert.InRange(Number(x.Value), 0, size[2]));
            Assert.All(
                drawing.Descendants().Attributes().Where(attribute => attribute.Name.LocalName is "y" or "y1" or "y2" or "cy"),
                y => Assert.InRange(Number(y.Value), 0, size[3]));
        });
    }

    [Fact]
    public void The_pause_is_shaded_from_the_suspension_to_the_resume()
    {
        var close = Parse(HistoryPage.Create([new(Source, Destination)], "hv-a", TwoEndsTests.Began)).Descendants(Svg + "svg").Last();

        var pause = Assert.Single(close.Elements(Svg + "rect"));
        var guest = close.Elements(Svg + "circle").Where(mark => mark.Attribute("class")!.Value == "guest").Select(mark => Place(mark, "cx")).ToList();
        Assert.Equal([Place(pause, "x"), Place(pause, "x") + Place(pause, "width")], guest, (one, other) => Math.Abs(one - other) < 0.02);
        Assert.Contains("pause 40.0 ms", close.Elements(Svg + "text").Select(text => text.Value));
    }

    // Each word stands alone, and no line to another goes through it.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(900)]
    public void Words_do_not_cover_one_another(int apart)
    {
        var events = Enumerable.Range(0, 32).Select(at => new MoveEvent(MoveStep.Acknowledged, TwoEndsTests.Began.AddMilliseconds(at * apart % 4001), $"{at}"));
        var drawing = Parse(HistoryPage.Create([new(null, Destination with { Events = [.. events] })], "hv-a", TwoEndsTests.Began))
            .Descendants(Svg + "svg").First();

        var words = drawing.Elements(Svg + "text").Where(IsOf("words"))
            .Select(text => (Left: Place(text, "x"), Right: Place(text, "x") + (text.Value.Length * 5.5), Y: Place(text, "y"))).ToList();
        Assert.Equal(32, words.Count);
        Assert.All(words, one => Assert.DoesNotContain(words, other => other != one && Math.Abs(other.Y - one.Y) < 12 && other.Left < one.Right && one.Left < other.Right));
        Assert.Equal(32, words.Distinct().Count());
        Assert.All(words, one => Assert.DoesNotContain(
            drawing.Elements(Svg + "line").Where(IsOf("leader")),
            line => Place(line, "x1") > one.Left && Place(line, "x1") < one.Right && Place(line, "y2") > one.Y + 4));
    }

    [Fact]
    public void Text_of_records_is_text()
    {
        var hostile = Source with
        {
            Name = Hostile,
            From = Hostile,
            To = Hostile,
            Outcome = MoveOutcome.Failed,
            Events = [new(MoveStep.HookCalled, TwoEndsTests.Began, Hostile), new(MoveStep.Ended, TwoEndsTests.Began.AddSeconds(1), Hostile)],
        };

        var text = HistoryPage.Create([new(hostile, null)], Hostile, TwoEndsTests.Began);
        var page = Parse(text);

        Assert.DoesNotContain("<script", text, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(1, text.Split("</style>").Length - 1);
        var readable = "</style><script>alert(1)</script>&<!--\"'\ufffd\ufffd\ufffd\u202e]]>";
        Assert.Equal([readable], page.Descendants("h1").Elements("bdi").Select(name => name.Value));
        Assert.Contains($"Failed: {readable}", page.Descendants("p").Select(paragraph => paragraph.Value));
    }

    [Fact]
    public void The_page_needs_nothing_but_itself()
    {
        var text = HistoryPage.Create([new(Source, Destination)], "hv-a", TwoEndsTests.Began);
        var page = Parse(text);

        Assert.DoesNotContain(page.Descendants(), element => element.Name.LocalName is "script" or "link" or "img" or "iframe" or "object" or "image" or "use");
        Assert.All(page.Descendants("a"), link => Assert.StartsWith("#", link.Attribute("href")!.Value, StringComparison.Ordinal));
        Assert.DoesNotContain(page.Descendants().Attributes(), attribute => attribute.Name.LocalName.StartsWith("on", StringComparison.Ordinal));
        var style = page.Descendants("style").Single().Value;
        Assert.DoesNotContain("url(", style, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", style, StringComparison.Ordinal);
        // To a browser it is no XML: what has to be escaped there would be wrong here.
        Assert.True(style.IndexOfAny(['<', '>', '&']) < 0);
        Assert.StartsWith("<!DOCTYPE html>", text, StringComparison.Ordinal);
    }

    // HTML knows an end of its own only of these: any other has to be ended by its name.
    [Fact]
    public void Elements_end_as_html_has_it()
    {
        string[] endless = ["meta", "br", "circle", "line", "rect"];

        Assert.All(
            Parse(HistoryPage.Create([new(Source, Destination), new(null, Destination with { Events = [] })], "hv-a", TwoEndsTests.Began)).Descendants(),
            element => Assert.True(!element.IsEmpty || endless.Contains(element.Name.LocalName), element.Name.LocalName));
    }

    [Fact]
    public void Each_move_is_linked_from_the_top()
    {
        var page = Parse(HistoryPage.Create([new(Source, Destination), new(FailedMove, null)], "hv-a", TwoEndsTests.Began));

        Assert.Equal(
            page.Descendants("section").Select(section => $"#{section.Attribute("id")!.Value}"),
            page.Descendants("a").Select(link => link.Attribute("href")!.Value));
        Assert.Equal(["moved", "failed"], page.Descendants("h2").Elements("span").Select(outcome => outcome.Value));
        Assert.Equal(["Failed: operation aborted: the connection to hv-b was lost"], page.Descendants("p").Where(IsOf("why")).Select(why => why.Value));
    }

    [Fact]
    public void Of_no_move_it_says_so() =>
        Assert.Contains("No enrolled VM has moved", Parse(HistoryPage.Create([], "hv-a", TwoEndsTests.Began)).Value, StringComparison.Ordinal);

    private static XElement Parse(string page)
    {
        using var reader = XmlReader.Create(new StringReader(page), new() { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null });
        return XElement.Load(reader);
    }

    private static Func<XElement, bool> IsOf(string kind) => element => element.Attribute("class")?.Value == kind;

    private static double Place(XElement element, string name) => Number(element.Attribute(name)!.Value);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
