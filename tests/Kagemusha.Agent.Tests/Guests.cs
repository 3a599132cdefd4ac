using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>The guests of the tests: at home on br0 behind 2001:db8:1::2, away at 2001:db8:f4::2 on eth0.</summary>
internal static class Guests
{
    public static readonly Guid Uuid = Guid.Parse("c0ffee00-0000-4000-8000-000000000001");
    public static readonly LinkLayerAddress Mac = LinkLayerAddress.Parse("52:54:00:00:00:01");
    public static readonly Ipv6Address Home = Ipv6Address.Parse("2001:db8:1::42");
    public static readonly Ipv6Address HomeAgent = Ipv6Address.Parse("2001:db8:1::2");
    public static readonly CareOf CareOf = new(Ipv6Address.Parse("2001:db8:f4::2"), "eth0", 2, 1500);
    public static readonly Attachment.Home AtHome = new("br0", "vnet0");
    public static readonly Attachment.Away Away = new(GuestLink.TapName(Mac), CareOf);

    public static readonly AgentConfiguration Configuration =
        new("test:///default", null, TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(1.5), 6275);

    public static readonly EnrolledInterface Enrolled = new(
        Mac,
        new(HomeSourceType.Bridge, "br0"),
        new(
            [Ipv6Prefix.Parse("2001:db8:1::/64")],
            Ipv6Address.Parse("fe80::1"),
            LinkLayerAddress.Parse("52:54:00:ff:00:01"),
            1500,
            [134, 0, 0, 0, 64, 0x20, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
        HomeAgent,
        [new(Home, 64, BindingPossible: false)]);

    /// <summary>Another interface of the same guest.</summary>
    public static readonly EnrolledInterface Second = Enrolled with
    {
        Mac = LinkLayerAddress.Parse("52:54:00:00:00:02"),
        Source = new(HomeSourceType.Network, "lan", "blue"),
        Addresses = [new(Ipv6Address.Parse("2001:db8:1::43"), 128, BindingPossible: false)],
    };

    /// <summary>A guest whose nodes have not been told anything yet.</summary>
    public static Guest Make(Attachment place, Presence presence = Presence.Running, Guid? uuid = null, params EnrolledInterface[] interfaces)
    {
        var links = (interfaces.Length > 0 ? interfaces : [Enrolled]).Select(enrolled =>
        {
            var link = new GuestLink(enrolled, place);
            link.Registrations.AddRange(enrolled.Addresses.Select(address => new Registration(address.Address, Node(enrolled, address))));
            return link;
        });
        return new(uuid ?? Uuid, "vm", [.. links]) { Presence = presence };
    }

    /// <summary>What the home agent answers to an update from the care-of address.</summary>
    public static MobilityPacket Answer(MobilityPacket update, BindingStatus status = BindingStatus.Accepted) => new(
        update.Destination,
        update.Source,
        null,
        update.HomeAddressOption,
        new BindingAcknowledgement(status, 0, ((BindingUpdate)update.Message).Sequence, Math.Min(((BindingUpdate)update.Message).Lifetime, (ushort)100), []));

    /// <summary>The guest's XML as libvirt gives it to the hook.</summary>
    public static string Xml(MobilityProfile profile, string interfaces, string name = "vm", Guid? uuid = null)
    {
        var empty = DomainXml.Parse($"""
            <domain type='test'>
              <name>{name}</name>
              <memory>65536</memory>
              <os><type>hvm</type></os>
              <uuid>{uuid ?? Uuid}</uuid>
              <metadata>
                <kagemusha:mobility xmlns:kagemusha="urn:kagemusha:mobility:1" version="1"/>
              </metadata>
              <devices>
            {interfaces}
              </devices>
            </domain>

            """);
        return empty.WithProfile(profile);
    }

    private static MobileNode Node(EnrolledInterface enrolled, EnrolledAddress address) =>
        new(new(address.Address, enrolled.HomeAgent), GuestLifecycle.Newest(address, new Dictionary<Ipv6Address, MobileNodeSnapshot>()), Clock.Now, () => 0);
}
