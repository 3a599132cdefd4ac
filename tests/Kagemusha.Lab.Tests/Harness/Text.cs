namespace Kagemusha.Lab.Tests;

/// <summary>Looks for words in what programs print.</summary>
internal static class Text
{
    /// <summary>Whether a text has a word in it, letter by letter.</summary>
    public static bool Has(this string text, string word) => text.Contains(word, StringComparison.Ordinal);
}
