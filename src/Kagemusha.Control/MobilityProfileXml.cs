using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Kagemusha.Wire;

namespace Kagemusha.Control;

// <kagemusha:mobility xmlns:kagemusha="urn:kagemusha:mobility:1" version="1">
//   <kagemusha:interface mac="52:54:00:00:00:01" home-agent="2001:db8:1::2" home-agent-origin="found">
//     <kagemusha:home-agent address="2001:db8:1::3"/>
//     <kagemusha:source type="bridge" name="br0"/>
//     <kagemusha:link router="fe80::1" lladdr="52:54:00:ff:00:01" mtu="1500" advertisement="hgB...">
//       <kagemusha:prefix address="2001:db8:1::/64"/>
//     </kagemusha:link>
//     <kagemusha:address home-address="2001:db8:1::42" reserved-through="64" binding="no"/>
//     <kagemusha:address home-address="2001:db8:1::d6c1" reserved-through="0" binding="no" origin="learnt" home-agent="2001:db8:1::3"/>
//   </kagemusha:interface>
//   <kagemusha:agent address="2001:db8:f3::2" port="6275" name="hv-a" token="0123..."/>
// </kagemusha:mobility>
public sealed partial record MobilityProfile
{
    /// <summary>RFC 8200, section 5.</summary>
    private const int MinimumMtu = 1280;

    /// <summary>ICMPv6's Router Advertisement: RFC 4861, section 4.2.</summary>
    private const byte RouterAdvertisementType = 134;

    private const int RouterAdvertisementLength = 16;

    /// <summary>
    /// The metadata as virDomainSetMetadata takes it: without the namespace, which libvirt adds itself by <see cref="Key"/> and
    /// refuses to find there.
    /// </summary>
    public string ToMetadata()
    {
        var text = new StringBuilder();
        using (var writer = XmlWriter.Create(text, new() { OmitXmlDeclaration = true, Indent = true }))
        {
            writer.WriteStartElement(Element);
            writer.WriteAttributeString("version", Version.ToString(CultureInfo.InvariantCulture));
            foreach (var enrolled in Interfaces)
            {
                Write(writer, enrolled);
            }

            if (Agent is { } agent)
            {
                writer.WriteStartElement("agent");
                writer.WriteAttributeString("address", agent.Endpoint.Address.ToString());
                writer.WriteAttributeString("port", agent.Endpoint.Port.ToString(CultureInfo.InvariantCulture));
                writer.WriteAttributeString("name", agent.Endpoint.CertificateName);
                writer.WriteAttributeString("token", agent.Token.Reveal());
                writer.WriteEndElement();
            }

            writer.WriteEndElement();
        }

        return text.ToString();
    }

    /// <summary>The metadata as it stands in a domain's XML, which is what libvirt makes of <see cref="ToMetadata"/>.</summary>
    internal string ToElement()
    {
        var mobility = XElement.Parse(ToMetadata());
        foreach (var element in mobility.DescendantsAndSelf())
        {
            element.Name = XName.Get(element.Name.LocalName, Namespace);
        }

        mobility.Add(new XAttribute(XNamespace.Xmlns + Key, Namespace));
        return mobility.ToString();
    }

    /// <summary>Reads the metadata as libvirt gives it, with or without its namespace.</summary>
    /// <exception cref="MalformedXmlException">It is not ours, damaged, or of a newer version.</exception>
    public static MobilityProfile Parse(string metadata)
    {
        using var reader = BoundedXml.CreateReader(metadata);
        try
        {
            return Read(XElement.Load(reader, LoadOptions.SetLineInfo));
        }
        catch (XmlException e)
        {
            throw StrictElement.Malformed(BoundedXml.LineOf(e), "it is not well formed");
        }
    }

    /// <inheritdoc cref="Parse"/>
    internal static MobilityProfile Read(XElement metadata)
    {
        var mobility = new StrictElement(metadata);
        if (metadata.Name.LocalName != Element || metadata.Name.NamespaceName is not ("" or Namespace))
        {
            throw mobility.Malformed($"the element is not '{Element}'");
        }

        var version = mobility.Attribute<int>("version", "a number", TryParseNumber);
        if (version > Version)
        {
            throw new MalformedXmlException(
                $"the mobility metadata is of version {version}, made by a newer Kagemusha: install that on this host too", mobility.Line);
        }

        var interfaces = mobility.Elements("interface").Select(ReadInterface).ToList();
        var agents = mobility.Elements("agent").Select(ReadAgent).ToList();
        mobility.End();
        if (agents.Count > 1)
        {
            throw mobility.Malformed("there are two agents");
        }

        if (version < 1 || interfaces.Count == 0)
        {
            throw mobility.Malformed(version < 1 ? "there is no such version" : "no interface is enrolled");
        }

        var addresses = interfaces.SelectMany(enrolled => enrolled.Addresses).Select(address => address.Address).ToList();
        return interfaces.DistinctBy(enrolled => enrolled.Mac).Count() != interfaces.Count
            ? throw mobility.Malformed("two interfaces have the same 'mac'")
            : addresses.Distinct().Count() != addresses.Count ? throw mobility.Malformed("a home address is there twice")
            : new([.. interfaces]) { Agent = agents.FirstOrDefault() };
    }

    private static void Write(XmlWriter writer, EnrolledInterface enrolled)
    {
        writer.WriteStartElement("interface");
        writer.WriteAttributeString("mac", enrolled.Mac.ToString());
        writer.WriteAttributeString("home-agent", enrolled.HomeAgent.ToString());
        if (enrolled.HomeAgentOrigin == HomeAgentOrigin.Found)
        {
            writer.WriteAttributeString("home-agent-origin", "found");
        }

        foreach (var homeAgent in enrolled.OtherHomeAgents)
        {
            writer.WriteStartElement("home-agent");
            writer.WriteAttributeString("address", homeAgent.ToString());
            writer.WriteEndElement();
        }

        writer.WriteStartElement("source");
        writer.WriteAttributeString("type", enrolled.Source.Type == HomeSourceType.Bridge ? "bridge" : "network");
        writer.WriteAttributeString("name", enrolled.Source.Name);
        if (enrolled.Source.PortGroup is { } portGroup)
        {
            writer.WriteAttributeString("portgroup", portGroup);
        }

        if (enrolled.Source.IsIsolated)
        {
            writer.WriteAttributeString("isolated", "yes");
        }

        writer.WriteEndElement();

        writer.WriteStartElement("link");
        writer.WriteAttributeString("router", enrolled.Link.Router.ToString());
        writer.WriteAttributeString("lladdr", enrolled.Link.RouterLinkLayerAddress.ToString());
        writer.WriteAttributeString("mtu", enrolled.Link.Mtu.ToString(CultureInfo.InvariantCulture));
        writer.WriteAttributeString("advertisement", Convert.ToBase64String(enrolled.Link.RouterAdvertisement.Span));
        foreach (var prefix in enrolled.Link.Prefixes)
        {
            writer.WriteStartElement("prefix");
            writer.WriteAttributeString("address", prefix.ToString());
            writer.WriteEndElement();
        }

        writer.WriteEndElement();

        foreach (var address in enrolled.Addresses)
        {
            writer.WriteStartElement("address");
            writer.WriteAttributeString("home-address", address.Address.ToString());
            writer.WriteAttributeString("reserved-through", address.ReservedThrough.ToString(CultureInfo.InvariantCulture));
            writer.WriteAttributeString("binding", address.BindingPossible ? "yes" : "no");
            if (address.Origin == HomeAddressOrigin.Learnt)
            {
                writer.WriteAttributeString("origin", "learnt");
            }

            if (address.HomeAgent is { } homeAgent)
            {
                writer.WriteAttributeString("home-agent", homeAgent.ToString());
            }

            writer.WriteEndElement();
        }

        writer.WriteEndElement();
    }

    private static EnrolledInterface ReadInterface(StrictElement element)
    {
        var mac = element.Attribute<LinkLayerAddress>("mac", "an Ethernet address", LinkLayerAddress.TryParse);
        var homeAgent = element.Attribute<Ipv6Address>("home-agent", "a unicast IPv6 address", TryParseUnicast);
        var origin = element.Optional("home-agent-origin", "'given' or 'found'", TryParseHomeAgentOrigin, absent: HomeAgentOrigin.Given);
        var otherHomeAgents = element.Elements("home-agent").Select(ReadHomeAgent).ToList();
        var source = ReadSource(element.Element("source"));
        var link = ReadLink(element.Element("link"));
        var addresses = element.Elements("address").Select(address => ReadAddress(address, link)).ToList();
        element.End();
        return new(mac, source, link, homeAgent, [.. addresses]) { HomeAgentOrigin = origin, OtherHomeAgents = [.. otherHomeAgents] };
    }

    private static Ipv6Address ReadHomeAgent(StrictElement element)
    {
        var address = element.Attribute<Ipv6Address>("address", "a unicast IPv6 address", TryParseUnicast);
        element.End();
        return address;
    }

    private static HomeSource ReadSource(StrictElement element)
    {
        var type = element.Attribute<HomeSourceType>("type", "'bridge' or 'network'", TryParseSourceType);
        var name = element.Attribute<string>("name", "a name", TryParseName);
        var portGroup = element.Optional<string>("portgroup", "a name", TryParseName, absent: null);
        var isIsolated = element.Optional("isolated", "'yes' or 'no'", TryParseYesNo, absent: false);
        element.End();
        return new(type, name, portGroup, isIsolated);
    }

    private static HomeLink ReadLink(StrictElement element)
    {
        var router = element.Attribute<Ipv6Address>("router", "a link-local IPv6 address", TryParseLinkLocal);
        var linkLayerAddress = element.Attribute<LinkLayerAddress>("lladdr", "an Ethernet address", LinkLayerAddress.TryParse);
        var mtu = element.Attribute<int>("mtu", $"a number from {MinimumMtu} on", TryParseMtu);
        var advertisement = element.Attribute<WireArray<byte>>("advertisement", "a router advertisement", TryParseAdvertisement);
        var prefixes = new List<Ipv6Prefix>();
        foreach (var prefix in element.Elements("prefix"))
        {
            prefixes.Add(prefix.Attribute<Ipv6Prefix>("address", "an IPv6 prefix", Ipv6Prefix.TryParse));
            prefix.End();
        }

        element.End();
        return new([.. prefixes], router, linkLayerAddress, mtu, advertisement);
    }

    private static EnrolledAddress ReadAddress(StrictElement element, HomeLink link)
    {
        var address = element.Attribute<Ipv6Address>("home-address", "a unicast IPv6 address", TryParseUnicast);
        var reservedThrough = element.Attribute<ushort>("reserved-through", "a sequence number", TryParseSequence);
        var binding = element.Attribute<bool>("binding", "'yes' or 'no'", TryParseYesNo);
        var origin = element.Optional("origin", "'given' or 'learnt'", TryParseOrigin, absent: HomeAddressOrigin.Given);
        var homeAgent = element.Optional<Ipv6Address?>("home-agent", "a unicast IPv6 address", TryParseOptionalUnicast, absent: null);
        element.End();
        return link.Prefixes.Any(prefix => prefix.Contains(address))
            ? new(address, reservedThrough, binding, origin) { HomeAgent = homeAgent }
            : throw element.Malformed("the home address is in none of the home prefixes");
    }

    private static PeerTicket ReadAgent(StrictElement element)
    {
        var address = element.Attribute<Ipv6Address>("address", "a unicast IPv6 address", TryParseUnicast);
        var port = element.Attribute<ushort>("port", "a port", TryParsePort);
        var name = element.Attribute<string>("name", "a name", TryParseName);
        var token = element.Attribute<OneTimeToken>("token", "32 hexadecimal digits", OneTimeToken.TryParse);
        element.End();
        return new(new(address, port, name), token);
    }

    private static bool TryParseNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static bool TryParseMtu(string text, out int value) => TryParseNumber(text, out value) && value >= MinimumMtu;

    private static bool TryParseSequence(string text, out ushort value) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static bool TryParsePort(string text, out ushort value) => TryParseSequence(text, out value) && value > 0;

    private static bool TryParseUnicast(string text, out Ipv6Address value) =>
        Ipv6Address.TryParse(text, out value) && value.IsRoutableUnicast;

    private static bool TryParseOptionalUnicast(string text, out Ipv6Address? value)
    {
        var isUnicast = TryParseUnicast(text, out var address);
        value = address;
        return isUnicast;
    }

    private static bool TryParseLinkLocal(string text, out Ipv6Address value) =>
        Ipv6Address.TryParse(text, out value) && value.IsLinkLocal;

    private static bool TryParseName(string text, out string value) => (value = text).Length > 0;

    private static bool TryParseYesNo(string text, out bool value) => (value = text == "yes") || text == "no";

    private static bool TryParseOrigin(string text, out HomeAddressOrigin value)
    {
        value = text == "learnt" ? HomeAddressOrigin.Learnt : HomeAddressOrigin.Given;
        return text is "learnt" or "given";
    }

    private static bool TryParseHomeAgentOrigin(string text, out HomeAgentOrigin value)
    {
        value = text == "found" ? HomeAgentOrigin.Found : HomeAgentOrigin.Given;
        return text is "found" or "given";
    }

    private static bool TryParseSourceType(string text, out HomeSourceType value)
    {
        value = text == "network" ? HomeSourceType.Network : HomeSourceType.Bridge;
        return text is "network" or "bridge";
    }

    private static bool TryParseAdvertisement(string text, out WireArray<byte> value)
    {
        var bytes = new byte[text.Length];
        var isBase64 = Convert.TryFromBase64String(text, bytes, out var length);
        value = [.. bytes.AsSpan(0, length)];
        return isBase64 && length >= RouterAdvertisementLength && bytes[0] == RouterAdvertisementType;
    }
}
