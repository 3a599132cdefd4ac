namespace Kagemusha.Hook;

/// <summary>Cells below one another.</summary>
internal static class Columns
{
    /// <summary>A line for each row, each column as wide as its longest cell.</summary>
    public static IReadOnlyList<string> Align(IReadOnlyList<string[]> rows)
    {
        var widths = rows[0].Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        return [.. rows.Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd())];
    }
}
