using System.Text;
using System.Xml;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>An interface in a domain's XML.</summary>
public sealed class DomainInterface
{
    /// <summary>What says where the host's end is: replaced as a whole.</summary>
    private static readonly string[] Attachment = ["source", "target", "virtualport", "port"];

    private readonly List<Range> _attachmentElements = [];
    private Range _type;
    private int _contentStart;

    private DomainInterface()
    {
    }

    /// <summary>The guest's own link-layer address.</summary>
    public LinkLayerAddress? Mac { get; private set; }

    /// <summary>libvirt's type, such as <c>bridge</c>, <c>network</c>, <c>ethernet</c> or <c>direct</c>.</summary>
    public string Type { get; private set; } = "";

    /// <summary>The bridge that the source names: of type bridge, and of type network in the XML of a running domain.</summary>
    public string? SourceBridge { get; private set; }

    /// <summary>The network that the source names.</summary>
    public string? SourceNetwork { get; private set; }

    /// <summary>The network's port group that the source names.</summary>
    public string? SourcePortGroup { get; private set; }

    /// <summary>The host's end, such as a tap's name.</summary>
    public string? TargetDevice { get; private set; }

    /// <summary>The type of the virtual port, such as <c>openvswitch</c>; a Linux bridge has none.</summary>
    public string? VirtualPort { get; private set; }

    /// <summary>Whether the bridge keeps it from its other isolated ports; libvirt refuses that for what is on no bridge.</summary>
    public bool IsIsolated { get; private set; }

    /// <summary>The filter's name, if there is one.</summary>
    public string? FilterRef { get; private set; }

    /// <summary>Reads the element at which the reader stands; the reader then stands at its end.</summary>
    internal static DomainInterface Read(XmlReader reader, TextPositions positions)
    {
        var read = new DomainInterface { Type = reader.GetAttribute("type") ?? "" };
        read._contentStart = positions.EndOfTag(positions.StartOfTag());
        if (reader.MoveToAttribute("type"))
        {
            read._type = positions.AttributeValue();
            reader.MoveToElement();
        }

        if (reader.IsEmptyElement)
        {
            return read;
        }

        var depth = reader.Depth + 1;
        while (reader.Read() && reader.Depth >= depth)
        {
            if (reader.NodeType == XmlNodeType.Element && reader.Depth == depth)
            {
                read.ReadChild(reader, positions);
            }
        }

        return read;
    }

    /// <summary>The document with this interface's type and attachment replaced.</summary>
    internal string Rewrite(string document, string type, string attachment)
    {
        var text = new StringBuilder(document.Length + attachment.Length);
        var end = 0;
        Append(_type, type);

        // In the place of the old attachment, after the same white space.
        var place = _attachmentElements.Count > 0 ? _attachmentElements[0] : new Range(_contentStart, _contentStart);
        Append(place, WhiteSpaceOf(document, place) + attachment);
        foreach (var removed in _attachmentElements.Skip(1))
        {
            Append(removed, "");
        }

        return text.Append(document.AsSpan(end)).ToString();

        void Append(Range replaced, string replacement)
        {
            text.Append(document.AsSpan(end, replaced.Start.Value - end)).Append(replacement);
            end = replaced.End.Value;
        }
    }

    private void ReadChild(XmlReader reader, TextPositions positions)
    {
        var name = reader.NamespaceURI.Length == 0 ? reader.LocalName : "";
        switch (name)
        {
            case "mac":
                Mac = LinkLayerAddress.TryParse(reader.GetAttribute("address"), out var mac) ? mac : null;
                break;
            case "source":
                SourceBridge = reader.GetAttribute("bridge");
                SourceNetwork = reader.GetAttribute("network");
                SourcePortGroup = reader.GetAttribute("portgroup");
                break;
            case "target":
                TargetDevice = reader.GetAttribute("dev");
                break;
            case "virtualport":
                VirtualPort = reader.GetAttribute("type") ?? "";
                break;
            case "port":
                IsIsolated = reader.GetAttribute("isolated") == "yes";
                break;
            case "filterref":
                FilterRef = reader.GetAttribute("filter");
                break;
        }

        var start = positions.StartOfTag();
        var end = EndOfElement(reader, positions, start);
        if (Attachment.Contains(name))
        {
            _attachmentElements.Add(new(positions.StartOfWhiteSpaceBefore(start), end));
        }
    }

    private static int EndOfElement(XmlReader reader, TextPositions positions, int start)
    {
        if (reader.IsEmptyElement)
        {
            return positions.EndOfTag(start);
        }

        var depth = reader.Depth;
        while (reader.Read() && reader.Depth > depth)
        {
        }

        return positions.EndOfTag(positions.StartOfTag());
    }

    private static string WhiteSpaceOf(string document, Range range)
    {
        var text = document[range];
        return text[..(text.Length - text.TrimStart().Length)];
    }
}
