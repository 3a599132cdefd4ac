using System.Xml;

namespace Kagemusha.Control;

/// <summary>How XML is read that others wrote: without a document type, without anything from elsewhere, bounded.</summary>
internal static class BoundedXml
{
    public static XmlReader CreateReader(string text) => XmlReader.Create(
        new StringReader(text),
        new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = ControlFrame.MaximumLength });

    /// <summary>The error's line; an empty text has none.</summary>
    public static int LineOf(XmlException error) => Math.Max(error.LineNumber, 1);
}
