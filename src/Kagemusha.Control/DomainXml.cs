using System.Xml;
using System.Xml.Linq;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>
/// A domain's XML as libvirt gives it to hooks and clients. It is kept as text: a rewrite changes the one interface and not a byte
/// besides. It holds secrets: never log it.
/// </summary>
public sealed class DomainXml
{
    private readonly XElement? _metadata;
    private readonly Range _metadataPlace;

    private DomainXml(
        string text, string name, Guid uuid, XElement? metadata, Range metadataPlace, IReadOnlyList<DomainInterface> interfaces)
    {
        Text = text;
        _metadata = metadata;
        _metadataPlace = metadataPlace;
        Name = name;
        Uuid = uuid;
        Interfaces = interfaces;
    }

    /// <summary>The document.</summary>
    public string Text { get; }

    /// <summary>The domain's name.</summary>
    public string Name { get; }

    /// <summary>The domain's UUID.</summary>
    public Guid Uuid { get; }

    /// <summary>The interfaces, in the document's order.</summary>
    public IReadOnlyList<DomainInterface> Interfaces { get; }

    /// <summary>Whether the domain has our metadata, well or badly formed.</summary>
    public bool IsEnrolled => _metadata is not null;

    /// <summary>Reads our metadata.</summary>
    /// <returns>Null if the domain is not enrolled.</returns>
    /// <exception cref="MalformedXmlException">It is damaged, or of a newer version.</exception>
    public MobilityProfile? ReadProfile() => _metadata is null ? null : MobilityProfile.Read(_metadata);

    /// <summary>The interface with this guest's address, or null.</summary>
    public DomainInterface? Interface(LinkLayerAddress mac) => Interfaces.FirstOrDefault(candidate => candidate.Mac == mac);

    /// <summary>Reads a domain's XML.</summary>
    /// <exception cref="MalformedXmlException">It is not a domain's XML.</exception>
    public static DomainXml Parse(string text)
    {
        using var reader = BoundedXml.CreateReader(text);
        try
        {
            return Read(reader, text);
        }
        catch (XmlException e)
        {
            // Not the exception's own words: they may quote the document.
            var line = BoundedXml.LineOf(e);
            throw new MalformedXmlException($"the domain's XML is not well formed, line {line}", line);
        }
    }

    /// <summary>The document with the interface ending at a tap of its own, outside any bridge.</summary>
    /// <param name="target">An interface of this document.</param>
    /// <param name="device">The tap's name, which libvirt keeps if it does not begin as its own names do (vnet).</param>
    public string WithEthernet(DomainInterface target, string device) =>
        target.Rewrite(Text, "ethernet", $"<target dev='{Escape(device)}'/>");

    /// <summary>The document with the interface at its home again.</summary>
    /// <param name="target">An interface of this document.</param>
    /// <param name="source">The type and source that it had there.</param>
    public string WithHome(DomainInterface target, HomeSource source)
    {
        var type = source.Type == HomeSourceType.Bridge ? "bridge" : "network";
        var portGroup = source.PortGroup is { } name ? $" portgroup='{Escape(name)}'" : "";
        var port = source.IsIsolated ? "<port isolated='yes'/>" : "";
        return target.Rewrite(Text, type, $"<source {type}='{Escape(source.Name)}'{portGroup}/>{port}");
    }

    /// <summary>The document with other metadata of ours in the place of what it has.</summary>
    /// <exception cref="InvalidOperationException">The domain is not enrolled.</exception>
    public string WithProfile(MobilityProfile profile) => IsEnrolled
        ? string.Concat(Text.AsSpan(0, _metadataPlace.Start.Value), profile.ToElement(), Text.AsSpan(_metadataPlace.End.Value))
        : throw new InvalidOperationException("the domain is not enrolled");

    private static string Escape(string value) => System.Security.SecurityElement.Escape(value);

    private static DomainXml Read(XmlReader reader, string text)
    {
        var positions = new TextPositions(text, reader);
        string? name = null;
        Guid? uuid = null;
        XElement? metadata = null;
        Range metadataPlace = default;
        var interfaces = new List<DomainInterface>();
        var path = new Stack<string>();
        while (reader.Read())
        {
            if (reader.NodeType == XmlNodeType.EndElement)
            {
                path.Pop();
            }

            if (reader.NodeType != XmlNodeType.Element)
            {
                continue;
            }

            // Only libvirt's own elements have no namespace.
            path.Push(reader.NamespaceURI.Length == 0 ? reader.LocalName : "");
            switch (path.Count, path.Peek())
            {
                case (1, not "domain"):
                    throw new MalformedXmlException("this is not a domain's XML", positions.Line);
                case (2, "name"):
                    name = Element(reader).Value;
                    path.Pop();
                    break;
                case (2, "uuid"):
                    uuid = Guid.TryParseExact(Element(reader).Value.Trim(), "D", out var parsed) ? parsed : null;
                    path.Pop();
                    break;
                case (3, "") when path.ElementAt(1) == "metadata"
                    && reader is { LocalName: MobilityProfile.Element, NamespaceURI: MobilityProfile.Namespace }:
                    var start = positions.StartOfTag();
                    metadata = Element(reader);
                    metadataPlace = start..positions.EndOfTag(positions.StartOfTag());
                    path.Pop();
                    break;
                case (3, "interface") when path.ElementAt(1) == "devices":
                    interfaces.Add(DomainInterface.Read(reader, positions));
                    path.Pop();
                    break;
                default:
                    if (reader.IsEmptyElement)
                    {
                        path.Pop();
                    }

                    break;
            }
        }

        return new(text, name ?? throw Lacks("name"), uuid ?? throw Lacks("valid uuid"), metadata, metadataPlace, interfaces);
    }

    private static MalformedXmlException Lacks(string what) => new($"the domain's XML has no {what}", 1);

    /// <summary>The element at which the reader stands, with lines; the reader then stands at its end.</summary>
    private static XElement Element(XmlReader reader)
    {
        using var element = reader.ReadSubtree();
        return XElement.Load(element, LoadOptions.SetLineInfo);
    }
}
