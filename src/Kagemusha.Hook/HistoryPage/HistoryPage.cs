using System.Xml;
using System.Xml.Linq;

namespace Kagemusha.Hook;

/// <summary>
/// What <c>history --html</c> writes: one page that needs nothing but itself, neither script nor network. It is well-formed XML that browsers read as HTML; all
/// text from records is text to them.
/// </summary>
internal static class HistoryPage
{
    // Belt and braces: a browser that finds something to load or to run in it all the same does not.
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'";

    // Neither < nor & nor >: a style is no XML to a browser.
    private const string Style = """

        :root { --back: #fff; --text: #1b1f24; --faint: #8a919a; --rule: #d8dde3; --pause: #f3c64b; --guest: #0b62c4; --traffic: #13803c; --signalling: #b35900; --failure: #c01c28; --other: #6b7280; }
        @media screen and (prefers-color-scheme: dark) {
          :root { --back: #15181c; --text: #e3e6ea; --faint: #8f98a3; --rule: #363c44; --pause: #8a6d12; --guest: #6cb2ff; --traffic: #4cc777; --signalling: #ffa657; --failure: #ff7b72; --other: #9aa4b0; }
        }
        * { box-sizing: border-box; }
        body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin: 0 0 .3rem; }
        a { color: var(--guest); }
        section { border-top: 1px solid var(--rule); margin-top: 2rem; padding-top: 1rem; break-inside: avoid; }
        bdi, code { overflow-wrap: anywhere; }
        table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; }
        th, td { border-bottom: 1px solid var(--rule); padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; }
        th { color: var(--faint); font-weight: 600; }
        tr, figure { break-inside: avoid; }
        dl { display: flex; flex-wrap: wrap; gap: .3rem 2rem; margin: .8rem 0; } dt { color: var(--faint); font-size: .85rem; } dd { margin: 0; font-size: 1.15rem; }
        figure { margin: 1rem 0; overflow-x: auto; } figcaption, summary { color: var(--faint); font-size: .85rem; }
        .why { border-left: 4px solid var(--failure); padding-left: .8rem; }
        .outcome { border: 1px solid; border-radius: .6rem; padding: 0 .5rem; font-size: .85rem; font-weight: 400; }
        .moved { color: var(--traffic); } .failed { color: var(--failure); } .under-way, .unknown { color: var(--other); }
        svg { display: block; width: 100%; min-width: 45rem; height: auto; font: 11px system-ui, sans-serif; print-color-adjust: exact; }
        svg text { fill: var(--text); unicode-bidi: isolate; } svg .host { text-anchor: end; font-weight: 600; } svg .tick { text-anchor: middle; fill: var(--faint); } svg .inside { text-anchor: middle; }
        svg .grid { stroke: var(--rule); } svg .lane { stroke: var(--text); stroke-width: 2; } svg .leader { stroke: var(--faint); }
        svg .pause { fill: var(--pause); fill-opacity: .45; }
        svg .guest { fill: var(--guest); } svg .traffic { fill: var(--traffic); } svg .signalling { fill: var(--signalling); } svg .failure { fill: var(--failure); } svg .other { fill: var(--other); }
        @media print { body { margin: 0; max-width: none; } svg { min-width: 0; } }

        """;

    /// <summary>The page.</summary>
    /// <param name="moves">The moves, in the order in which they are to be shown: here the newest is first.</param>
    /// <param name="host">This host's name.</param>
    /// <param name="now">When it is written.</param>
    public static string Create(IReadOnlyList<TwoEnds> moves, string host, DateTimeOffset now)
    {
        var page = new XElement(
            "html",
            new XAttribute("lang", "en"),
            new XElement(
                "head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("http-equiv", "Content-Security-Policy"), new XAttribute("content", Policy)),
                new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width")),
                new XElement("title", $"Moves to and from {host}"),
                new XElement("style", Style)),
            new XElement(
                "body",
                new XElement("h1", "Moves to and from ", MoveSection.Host(host)),
                new XElement("p", $"Written {MoveSection.Instant(now)} by kagemusha-hook history."),
                moves.Count == 0 ? new XElement("p", "No enrolled VM has moved to or from this host.") : Contents(moves),
                moves.Select((move, at) => MoveSection.Create(move, Id(at)))));
        MakeText(page);
        return $"<!DOCTYPE html>\n{page.ToString(SaveOptions.DisableFormatting)}\n";
    }

    private static XElement Contents(IReadOnlyList<TwoEnds> moves) => MoveSection.Table(
        ["when", "VM", "from", "to", "pause", "outcome"],
        moves.Select((move, at) => (object[])
        [
            new XElement("a", new XAttribute("href", $"#{Id(at)}"), MoveSection.Instant(move.Began)),
            new XElement("bdi", move.Any.Name),
            MoveSection.Host(move.Any.From),
            MoveSection.Host(move.Any.To),
            HistoryTable.Milliseconds(move.Destination?.PauseMs),
            MoveSection.Outcome(move),
        ]));

    private static string Id(int at) => $"move-{at + 1}";

    /// <summary>Names may hold any character, and neither XML nor a browser takes all of them.</summary>
    private static void MakeText(XElement page)
    {
        foreach (var text in page.DescendantNodes().OfType<XText>())
        {
            text.Value = Clean(text.Value);
        }
    }

    private static string Clean(string text)
    {
        var clean = text.ToCharArray();
        for (var at = 0; at < clean.Length; at++)
        {
            if (at + 1 < clean.Length && XmlConvert.IsXmlSurrogatePair(clean[at + 1], clean[at]))
            {
                at++;
            }
            else if (!XmlConvert.IsXmlChar(clean[at]) || (char.IsControl(clean[at]) && clean[at] != '\n'))
            {
                clean[at] = '\uFFFD';
            }
        }

        return new(clean);
    }
}
