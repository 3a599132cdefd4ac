namespace Kagemusha.Control;

/// <summary>A domain's XML, or our metadata in it, is not what it has to be. The message quotes none of it: it may hold secrets.</summary>
public sealed class MalformedXmlException(string message, int line) : Exception(message)
{
    /// <summary>The line, counted from 1 in the text that was read.</summary>
    public int Line { get; } = line;
}
