using Kagemusha.Wire;

namespace Kagemusha.Control.Tests;

/// <summary>The domain and the profile that the tests read, write and damage.</summary>
internal static class Domains
{
    public static readonly LinkLayerAddress Mac = LinkLayerAddress.Parse("52:54:00:00:00:01");

    public static readonly MobilityProfile Profile = new([
        new(
            Mac,
            new(HomeSourceType.Bridge, "br-a"),
            new(
                [Ipv6Prefix.Parse("2001:db8:1::/64")],
                Ipv6Address.Parse("fe80::1"),
                LinkLayerAddress.Parse("52:54:00:ff:00:01"),
                1500,
                [134, 0, 0, 0, 64, 0x20, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
            Ipv6Address.Parse("2001:db8:1::2"),
            [new(Ipv6Address.Parse("2001:db8:1::42"), 64, BindingPossible: false)]),
    ]);

    public const string Metadata = """
        <kagemusha:mobility xmlns:kagemusha="urn:kagemusha:mobility:1" version="1">
          <kagemusha:interface mac="52:54:00:00:00:01" home-agent="2001:db8:1::2">
            <kagemusha:source type="bridge" name="br-a"/>
            <kagemusha:link router="fe80::1" lladdr="52:54:00:ff:00:01" mtu="1500" advertisement="hgAAAEAgBwgAAAAAAAAAAA==">
              <kagemusha:prefix address="2001:db8:1::/64"/>
            </kagemusha:link>
            <kagemusha:address home-address="2001:db8:1::42" reserved-through="64" binding="no"/>
          </kagemusha:interface>
        </kagemusha:mobility>
        """;

    public const string Interface = """
            <interface type='bridge'>
              <mac address='52:54:00:00:00:01'/>
              <source bridge='br-a'/>
              <target dev='vnet3'/>
              <model type='virtio'/>
              <driver name='vhost' queues='2'/>
              <filterref filter='clean-traffic'>
                <parameter name='IP' value='192.0.2.1'/>
              </filterref>
              <link state='up'/>
              <mtu size='1500'/>
              <alias name='net0'/>
              <address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/>
            </interface>
        """;

    public static string Xml(string interfaces = Interface, string metadata = Metadata, string name = "vm") => $"""
        <domain type='kvm' id='3'>
          <name>{name}</name>
          <uuid>c0ffee00-0000-4000-8000-000000000001</uuid>
          <metadata>
            <other:mobility xmlns:other="urn:example" version="9"><name>not this</name><uuid/></other:mobility>
        {metadata}
          </metadata>
          <description>a &gt; b, "c" &amp; 'd'</description>
          <devices>
            <disk type='file'><source file='/a>b'/><target dev='vda'/></disk>
            <interface type='network'>
              <mac address='52:54:00:00:00:02'/>
              <source network='default' portid='1c9e0a6f-52dc-4a2b-8f61-2f5bfa4a1f2e' bridge='virbr0' portgroup='x'/>
            </interface>
        {interfaces}
            <graphics type='vnc' passwd='secret'/>
          </devices>
        </domain>

        """;
}
