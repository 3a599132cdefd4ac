using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>What <c>doctor</c> shows to people: a line for each finding, in the end what to do.</summary>
internal static class FindingTable
{
    private static readonly string[] Header = ["RESULT", "CHECK", "FOUND; WHAT TO DO"];

    /// <summary>The lines, columns aligned.</summary>
    /// <param name="findings">What was found.</param>
    /// <param name="isColoured">Whether somebody looks at it.</param>
    public static IEnumerable<string> Lines(IReadOnlyList<Finding> findings, bool isColoured)
    {
        var lines = Columns.Align([Header, .. findings.Select(Row)]);
        return isColoured ? [lines[0], .. findings.Zip(lines.Skip(1), (finding, line) => Colour(finding.Result, line))] : lines;
    }

    private static string[] Row(Finding finding) =>
    [
        HistoryTable.Word(finding.Result),
        Terminal.OneLine(finding.Check),
        Terminal.OneLine(finding.Remedy is { } remedy ? $"{finding.What}; {remedy}" : finding.What),
    ];

    private static string Colour(FindingResult result, string line)
    {
        var word = HistoryTable.Word(result);
        var colour = result switch
        {
            FindingResult.Ok => Terminal.Green,
            FindingResult.Error => Terminal.Red,
            _ => Terminal.Yellow,
        };
        return $"{colour}{word}{Terminal.Plain}{line[word.Length..]}";
    }
}
