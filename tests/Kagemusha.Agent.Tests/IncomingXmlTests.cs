using Kagemusha.Control;
using Kagemusha.Mobility;

namespace Kagemusha.Agent.Tests;

public sealed class IncomingXmlTests
{
    private const string HomeInterface = """
            <interface type='bridge'>
              <mac address='52:54:00:00:00:01'/>
              <source bridge='br0'/>
              <target dev='vnet0'/>
              <model type='virtio'/>
            </interface>
        """;

    private const string HomeInterfaceWithoutTap = """
            <interface type='bridge'>
              <mac address='52:54:00:00:00:01'/>
              <source bridge='br0'/>
              <model type='virtio'/>
            </interface>
        """;

    private const string AwayInterface = """
            <interface type='ethernet'>
              <mac address='52:54:00:00:00:01'/>
              <target dev='kg525400000001'/>
              <model type='virtio'/>
            </interface>
        """;

    private const string OtherInterface = """
            <interface type='network'>
              <mac address='52:54:00:00:00:02'/>
              <source network='lan' portgroup='blue'/>
              <model type='virtio'/>
            </interface>
        """;

    [Theory]
    [InlineData(HomeInterface)]
    [InlineData(AwayInterface)]
    public void Away_the_interface_ends_at_a_tap_of_its_own_and_the_numbers_are_reserved(string before)
    {
        var after = Rewrite(Xml(Profile(64, bindingPossible: false), before), Guests.Away);
        Assert.Equal(("ethernet", "kg525400000001", null), Attachment(after));
        Assert.Equal(Profile(64 + MobileNode.SequenceBlock, bindingPossible: true), after.ReadProfile());
        Assert.Equal(Xml(Profile(0, false), AwayInterface), After(after, Profile(0, false)));
    }

    [Fact]
    public void Home_the_interface_is_on_its_bridge_again_and_the_binding_is_still_possible()
    {
        var after = Rewrite(Xml(Profile(128, bindingPossible: true), AwayInterface), Guests.AtHome);
        Assert.Equal(("bridge", null, "br0"), Attachment(after));
        Assert.Equal(Profile(128 + MobileNode.SequenceBlock, bindingPossible: true), after.ReadProfile());
        Assert.Equal(Xml(Profile(0, false), HomeInterfaceWithoutTap), After(after, Profile(0, false)));
    }

    [Fact]
    public void From_home_to_home_not_a_byte_is_changed()
    {
        var xml = Xml(Profile(64, bindingPossible: false), HomeInterface);
        Assert.Equal(xml, Rewrite(xml, Guests.AtHome).Text);
    }

    [Fact]
    public void This_hosts_agent_takes_the_place_of_the_last_ones()
    {
        var last = Profile(64, bindingPossible: false) with { Agent = new(new(Guests.CareOf.Address, 6275, "hv-a"), OneTimeToken.Create()) };
        var own = last with { Agent = new(new(Guests.CareOf.Address, 6275, "hv-b"), OneTimeToken.Create()) };
        var xml = DomainXml.Parse(Xml(last, HomeInterface));
        var places = own.Interfaces.ToDictionary(enrolled => enrolled, Attachment (_) => Guests.AtHome);
        Assert.Equal(own, DomainXml.Parse(IncomingXml.Rewrite(xml, own, places)).ReadProfile());
        Assert.Null(DomainXml.Parse(IncomingXml.Rewrite(xml, own with { Agent = null }, places)).ReadProfile()!.Agent);
    }

    [Fact]
    public void From_home_to_home_with_a_binding_that_may_remain_only_the_numbers_are_reserved()
    {
        var after = Rewrite(Xml(Profile(64, bindingPossible: true), HomeInterface), Guests.AtHome);
        Assert.Equal(Xml(Profile(64 + MobileNode.SequenceBlock, bindingPossible: true), HomeInterface), After(after, Profile(64 + MobileNode.SequenceBlock, true)));
    }

    [Theory]
    [InlineData(65471, 65535)]
    [InlineData(65472, 0)]
    [InlineData(65535, 63)]
    public void Numbers_go_on_behind_the_last_one(int before, int after) => Assert.Equal(
        (ushort)after,
        Rewrite(Xml(Profile(before, bindingPossible: true), HomeInterface), Guests.Away).ReadProfile()!.Interfaces[0].Addresses[0].ReservedThrough);

    [Fact]
    public void Each_interface_goes_where_it_belongs()
    {
        MobilityProfile profile = new([Guests.Enrolled, Guests.Second]);
        var xml = DomainXml.Parse(Xml(profile, AwayInterface + "\n" + OtherInterface));
        var away = new Attachment.Away(GuestLink.TapName(Guests.Second.Mac), Guests.CareOf);
        var after = DomainXml.Parse(IncomingXml.Rewrite(
            xml, profile, new Dictionary<EnrolledInterface, Attachment> { [Guests.Enrolled] = Guests.AtHome, [Guests.Second] = away }));

        Assert.Equal(("bridge", null, "br0"), Attachment(after));
        var second = after.Interface(Guests.Second.Mac)!;
        Assert.Equal(("ethernet", "kg525400000002", null), (second.Type, second.TargetDevice, second.SourceNetwork));
        Assert.Equal([false, true], after.ReadProfile()!.Interfaces.SelectMany(each => each.Addresses).Select(address => address.BindingPossible));
    }

    [Fact]
    public void A_networks_port_group_is_restored()
    {
        MobilityProfile profile = new([Guests.Second]);
        var away = new Attachment.Away(GuestLink.TapName(Guests.Second.Mac), Guests.CareOf);
        var xml = Xml(profile, OtherInterface);
        var there = DomainXml.Parse(IncomingXml.Place(DomainXml.Parse(xml), Guests.Second, away));
        Assert.Equal("ethernet", there.Interface(Guests.Second.Mac)!.Type);
        Assert.Equal(xml, IncomingXml.Place(there, Guests.Second, Guests.AtHome));
    }

    [Fact]
    public void What_is_in_its_place_stays_and_so_does_an_interface_that_is_not_there()
    {
        MobilityProfile profile = new([Guests.Second]);
        foreach (var (xml, enrolled, place) in ((string, EnrolledInterface, Attachment)[])
            [(HomeInterface, Guests.Enrolled, Guests.AtHome), (AwayInterface, Guests.Enrolled, Guests.Away), (HomeInterface, Guests.Second, Guests.Away)])
        {
            var text = Xml(profile, xml);
            Assert.Equal(text, IncomingXml.Place(DomainXml.Parse(text), enrolled, place));
        }
    }

    private static DomainXml Rewrite(string xml, Attachment place)
    {
        var domain = DomainXml.Parse(xml);
        var profile = domain.ReadProfile()!;
        return DomainXml.Parse(IncomingXml.Rewrite(domain, profile, profile.Interfaces.ToDictionary(enrolled => enrolled, _ => place)));
    }

    private static (string, string?, string?) Attachment(DomainXml xml)
    {
        var changed = xml.Interface(Guests.Mac)!;
        return (changed.Type, changed.TargetDevice, changed.SourceBridge);
    }

    /// <summary>The document with this metadata, to compare the rest.</summary>
    private static string After(DomainXml xml, MobilityProfile profile) => xml.WithProfile(profile);

    private static MobilityProfile Profile(int reservedThrough, bool bindingPossible) => new(
        [Guests.Enrolled with { Addresses = [new(Guests.Home, (ushort)reservedThrough, bindingPossible)] }]);

    private static string Xml(MobilityProfile profile, string interfaces) => Guests.Xml(profile, interfaces);
}
