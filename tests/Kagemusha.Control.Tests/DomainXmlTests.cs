using System.Xml.Linq;
using Kagemusha.Wire;

namespace Kagemusha.Control.Tests;

public class DomainXmlTests
{
    [Fact]
    public void Name_uuid_and_interfaces_are_read()
    {
        var domain = DomainXml.Parse(Domains.Xml());

        Assert.Equal("vm", domain.Name);
        Assert.Equal(Guid.Parse("c0ffee00-0000-4000-8000-000000000001"), domain.Uuid);
        Assert.Equal(2, domain.Interfaces.Count);

        var network = domain.Interfaces[0];
        Assert.Equal(LinkLayerAddress.Parse("52:54:00:00:00:02"), network.Mac);
        Assert.Equal(("network", "virbr0"), (network.Type, network.SourceBridge));
        Assert.Equal(("default", "x"), (network.SourceNetwork, network.SourcePortGroup));
        Assert.Null(network.TargetDevice);

        var bridge = domain.Interface(Domains.Mac)!;
        Assert.Equal(("bridge", "br-a", "vnet3"), (bridge.Type, bridge.SourceBridge, bridge.TargetDevice));
        Assert.Equal("clean-traffic", bridge.FilterRef);
        Assert.Null(bridge.SourceNetwork);
        Assert.Null(bridge.VirtualPort);
    }

    [Fact]
    public void A_domain_without_our_metadata_is_not_enrolled()
    {
        var domain = DomainXml.Parse(Domains.Xml(metadata: ""));

        Assert.False(domain.IsEnrolled);
        Assert.Null(domain.ReadProfile());
    }

    [Fact]
    public void Our_namespace_elsewhere_in_the_document_is_not_metadata()
    {
        var xml = Domains.Xml(metadata: "").Replace("<devices>", "<devices>" + Domains.Metadata, StringComparison.Ordinal);

        Assert.False(DomainXml.Parse(xml).IsEnrolled);
    }

    [Theory]
    [InlineData("-vm1", "-vm1")]
    [InlineData("a&amp;b&lt;c&gt; 'd' \"e\"", "a&b<c> 'd' \"e\"")]
    [InlineData("影武者 🥷", "影武者 🥷")]
    public void Names_are_whatever_libvirt_takes(string xml, string name) =>
        Assert.Equal(name, DomainXml.Parse(Domains.Xml(name: xml)).Name);

    [Fact]
    public void Metadata_is_changed_and_nothing_else()
    {
        var domain = DomainXml.Parse(Domains.Xml());
        var enrolled = Domains.Profile.Interfaces[0];
        var reserved = enrolled.Addresses[0] with { ReservedThrough = 128, BindingPossible = true };
        var changed = new MobilityProfile([enrolled with { Addresses = [reserved] }]);

        var text = domain.WithProfile(changed);

        Assert.Equal(changed, DomainXml.Parse(text).ReadProfile());
        const string end = "</kagemusha:mobility>";
        var before = text[..text.IndexOf("<kagemusha:mobility", StringComparison.Ordinal)];
        var behind = text[(text.IndexOf(end, StringComparison.Ordinal) + end.Length)..];
        Assert.Equal(Domains.Xml(metadata: "x"), before + "x" + behind);
    }

    [Fact]
    public void Away_the_interface_ends_at_a_tap_and_nothing_else_changes()
    {
        var away = Domains.Interface
            .Replace("type='bridge'", "type='ethernet'", StringComparison.Ordinal)
            .Replace("<source bridge='br-a'/>", "<target dev='kgt0'/>", StringComparison.Ordinal)
            .Replace("\n      <target dev='vnet3'/>", "", StringComparison.Ordinal);
        var domain = DomainXml.Parse(Domains.Xml());

        Assert.Equal(Domains.Xml(away), domain.WithEthernet(domain.Interface(Domains.Mac)!, "kgt0"));
    }

    [Fact]
    public void The_way_home_restores_type_and_source()
    {
        var domain = DomainXml.Parse(Domains.Xml());
        var away = DomainXml.Parse(domain.WithEthernet(domain.Interface(Domains.Mac)!, "kgt0"));

        var home = away.WithHome(away.Interface(Domains.Mac)!, new(HomeSourceType.Bridge, "br-a"));

        Assert.Equal(Domains.Xml().Replace("\n      <target dev='vnet3'/>", "", StringComparison.Ordinal), home);
    }

    [Fact]
    public void Names_are_escaped_on_the_way_home()
    {
        var domain = DomainXml.Parse(Domains.Xml());

        var home = DomainXml.Parse(domain.WithHome(domain.Interface(Domains.Mac)!, new(HomeSourceType.Network, "a'b<&>\"", "p'g")));

        var restored = home.Interface(Domains.Mac)!;
        Assert.Equal(("network", "a'b<&>\"", "p'g"), (restored.Type, restored.SourceNetwork, restored.SourcePortGroup));
    }

    [Fact]
    public void Isolation_is_left_on_the_bridge_and_comes_back()
    {
        var isolated = Domains.Interface.Replace("<link state='up'/>", "<port isolated='yes'/>", StringComparison.Ordinal);
        var domain = DomainXml.Parse(Domains.Xml(isolated));
        Assert.True(domain.Interface(Domains.Mac)!.IsIsolated);

        var away = DomainXml.Parse(domain.WithEthernet(domain.Interface(Domains.Mac)!, "kgt0"));
        Assert.False(away.Interface(Domains.Mac)!.IsIsolated);

        var home = away.WithHome(away.Interface(Domains.Mac)!, new(HomeSourceType.Bridge, "br-a", IsIsolated: true));
        Assert.True(DomainXml.Parse(home).Interface(Domains.Mac)!.IsIsolated);
    }

    [Theory]
    [InlineData("<interface   type = \"bridge\" ><mac address='52:54:00:00:00:01'/><source bridge='a>b'></source></interface>",
        "<interface   type = \"ethernet\" ><mac address='52:54:00:00:00:01'/><target dev='t'/></interface>")]
    [InlineData("<interface trustGuestRxFilters='yes' type='bridge'><mac address='52:54:00:00:00:01'/></interface>",
        "<interface trustGuestRxFilters='yes' type='ethernet'><target dev='t'/><mac address='52:54:00:00:00:01'/></interface>")]
    [InlineData("<interface type='bridge'>\r\n\t<virtualport type='midonet'>\r\n<parameters a='&gt;>'/></virtualport>\r\n\t"
        + "<mac address='52:54:00:00:00:01'/><!-- <source/> --></interface>",
        "<interface type='ethernet'>\r\n\t<target dev='t'/>\r\n\t<mac address='52:54:00:00:00:01'/><!-- <source/> --></interface>")]
    [InlineData("<interface type='bridge'>\r<source/>\r<mac address='52:54:00:00:00:01'/></interface>",
        "<interface type='ethernet'>\r<target dev='t'/>\r<mac address='52:54:00:00:00:01'/></interface>")]
    [InlineData("<interface type='bridge'><backend><source/></backend><mac address='52:54:00:00:00:01'/><source/></interface>",
        "<interface type='ethernet'><backend><source/></backend><mac address='52:54:00:00:00:01'/><target dev='t'/></interface>")]
    public void Any_lay_out_is_kept(string before, string after)
    {
        var domain = DomainXml.Parse(Domains.Xml(before));

        var rewritten = domain.WithEthernet(domain.Interface(Domains.Mac)!, "t");

        Assert.Equal(Domains.Xml(after), rewritten);
        XDocument.Parse(rewritten);
    }

    [Theory]
    [InlineData("", "the domain's XML is not well formed, line 1")]
    [InlineData("<domain>\n<name>x</nom>\n</domain>", "the domain's XML is not well formed, line 2")]
    [InlineData("<!DOCTYPE domain []><domain/>", "the domain's XML is not well formed, line 1")]
    [InlineData("<network><name>x</name></network>", "this is not a domain's XML")]
    [InlineData("<domain><uuid>c0ffee00-0000-4000-8000-000000000001</uuid></domain>", "the domain's XML has no name")]
    [InlineData("<domain><name>x</name></domain>", "the domain's XML has no valid uuid")]
    [InlineData("<domain><name>x</name><uuid>c0ffee</uuid></domain>", "the domain's XML has no valid uuid")]
    public void What_is_no_domain_is_refused_in_one_line(string xml, string message) =>
        Assert.Equal(message, Assert.Throws<MalformedXmlException>(() => DomainXml.Parse(xml)).Message);

    [Fact]
    public void An_error_quotes_nothing_of_the_document()
    {
        var damaged = Domains.Xml().Replace("passwd='secret'", "passwd='a'secret", StringComparison.Ordinal);

        var error = Assert.Throws<MalformedXmlException>(() => DomainXml.Parse(damaged));

        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_prints_without_the_document() =>
        Assert.Equal("-vm1 migrate begin -", new HookCall("-vm1", "migrate", "begin", "-", "<secret/>").ToString());
}
