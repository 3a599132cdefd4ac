using System.Diagnostics.CodeAnalysis;
using System.Xml;
using System.Xml.Linq;

namespace Kagemusha.Control;

/// <summary>
/// An element of our namespace of which everything has to be asked for: what is left at <see cref="End"/> is an error. Elements of
/// others are theirs.
/// </summary>
internal sealed class StrictElement(XElement element)
{
    private readonly HashSet<XName> _attributes = [];
    private readonly HashSet<XName> _elements = [];

    public delegate bool TryParse<T>(string text, [MaybeNullWhen(false)] out T value);

    public int Line => LineOf(element);

    /// <summary>A mandatory attribute.</summary>
    public T Attribute<T>(string name, string kind, TryParse<T> tryParse) =>
        AttributeOf(name) is { } attribute
            ? Value(attribute, kind, tryParse)
            : throw Malformed($"'{element.Name.LocalName}' has no attribute '{name}'");

    /// <summary>An attribute that may be absent.</summary>
    public T? Optional<T>(string name, string kind, TryParse<T> tryParse, T? absent) =>
        AttributeOf(name) is { } attribute ? Value(attribute, kind, tryParse) : absent;

    /// <summary>Any number of child elements.</summary>
    public IEnumerable<StrictElement> Elements(string name)
    {
        _elements.Add(element.Name.Namespace + name);
        return element.Elements(element.Name.Namespace + name).Select(child => new StrictElement(child));
    }

    /// <summary>A child element that is there once.</summary>
    public StrictElement Element(string name) =>
        Elements(name).ToList() is [var child] ? child : throw Malformed($"'{element.Name.LocalName}' has not one '{name}'");

    /// <summary>Nothing else of our namespace is in the element.</summary>
    public void End()
    {
        foreach (var attribute in element.Attributes())
        {
            if (!attribute.IsNamespaceDeclaration && attribute.Name.Namespace == XNamespace.None && !_attributes.Contains(attribute.Name))
            {
                throw Malformed(LineOf(attribute), $"'{element.Name.LocalName}' has an unknown attribute '{attribute.Name.LocalName}'");
            }
        }

        foreach (var child in element.Elements())
        {
            if (child.Name.Namespace == element.Name.Namespace && !_elements.Contains(child.Name))
            {
                throw Malformed(LineOf(child), $"'{element.Name.LocalName}' has an unknown element '{child.Name.LocalName}'");
            }
        }
    }

    public MalformedXmlException Malformed(string what) => Malformed(Line, what);

    public static MalformedXmlException Malformed(int line, string what) =>
        new($"the mobility metadata is malformed, line {line}: {what}; unenroll the domain and enroll it again", line);

    private static int LineOf(IXmlLineInfo node) => node.LineNumber;

    private XAttribute? AttributeOf(string name)
    {
        _attributes.Add(name);
        return element.Attribute(name);
    }

    private T Value<T>(XAttribute attribute, string kind, TryParse<T> tryParse) =>
        tryParse(attribute.Value, out var value)
            ? value
            : throw Malformed(LineOf(attribute), $"'{attribute.Name.LocalName}' of '{element.Name.LocalName}' is not {kind}");
}
