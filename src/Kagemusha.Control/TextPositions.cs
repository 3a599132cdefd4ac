using System.Xml;

namespace Kagemusha.Control;

/// <summary>Where in the text a reader stands, as offsets: it says only lines and columns itself.</summary>
internal sealed class TextPositions
{
    private readonly string _text;
    private readonly IXmlLineInfo _position;
    private readonly List<int> _lineStarts = [0];

    public TextPositions(string text, XmlReader reader)
    {
        _text = text;
        _position = (IXmlLineInfo)reader;
        for (var i = 0; i < text.Length; i++)
        {
            // XML 1.0, section 2.11: a carriage return ends a line, alone or with the line feed behind it.
            if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')))
            {
                _lineStarts.Add(i + 1);
            }
        }
    }

    /// <summary>The reader's line, counted from 1.</summary>
    public int Line => _position.LineNumber;

    /// <summary>The offset of the <c>&lt;</c> of the start or end tag at which the reader stands.</summary>
    public int StartOfTag() => _text.LastIndexOf('<', Offset());

    /// <summary>The offset behind the <c>&gt;</c> of the tag that starts at <paramref name="start"/>.</summary>
    public int EndOfTag(int start)
    {
        var quote = '\0';
        for (var i = start; ; i++)
        {
            var c = _text[i];
            if (quote != '\0')
            {
                // A value may hold the other quote, and a '>'.
                quote = c == quote ? '\0' : quote;
            }
            else if (c is '\'' or '"')
            {
                quote = c;
            }
            else if (c == '>')
            {
                return i + 1;
            }
        }
    }

    /// <summary>The value, without its quotes, of the attribute at which the reader stands.</summary>
    public Range AttributeValue()
    {
        var start = _text.AsSpan(Offset()).IndexOfAny('\'', '"') + Offset() + 1;
        return start.._text.IndexOf(_text[start - 1], start);
    }

    /// <summary>The offset at which the white space before <paramref name="offset"/> begins.</summary>
    public int StartOfWhiteSpaceBefore(int offset) => _text.AsSpan(0, offset).TrimEnd().Length;

    private int Offset() => _lineStarts[_position.LineNumber - 1] + _position.LinePosition - 1;
}
