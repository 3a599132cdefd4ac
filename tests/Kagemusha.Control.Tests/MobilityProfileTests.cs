using CsCheck;
using Kagemusha.Wire;

namespace Kagemusha.Control.Tests;

public class MobilityProfileTests
{
    private static readonly Gen<Ipv6Address> AnyAddress = Gen.Select(Gen.ULong[1, 0xffff], Gen.ULong)
        .Select((high, low) => new Ipv6Address((UInt128)0x2001_0db8 << 96 | (UInt128)high << 64 | low));

    private static readonly Gen<LinkLayerAddress> AnyLinkLayerAddress =
        Gen.ULong[0, (1UL << 48) - 1].Select(bits => new LinkLayerAddress(bits));

    private static readonly Gen<HomeSource> AnySource = Gen.Select(
        Gen.Bool, Gen.String[Gen.Char["abcé<>&'\" -."], 1, 12], Gen.String[Gen.Char["ab<&'"], 1, 4].Null(), Gen.Bool)
        .Select((bridge, name, group, isolated) =>
            new HomeSource(bridge ? HomeSourceType.Bridge : HomeSourceType.Network, name, group, isolated));

    private static readonly Gen<EnrolledInterface> AnyInterface =
        from mac in AnyLinkLayerAddress
        from source in AnySource
        from homeAgent in AnyAddress
        from homeAgentOrigin in Gen.OneOf(Enum.GetValues<HomeAgentOrigin>())
        from otherHomeAgents in AnyAddress.Array[0, 3]
        from serving in Gen.OneOf<Ipv6Address?>(null, homeAgent)
        from addresses in AnyAddress.Array[0, 4]
        from router in AnyLinkLayerAddress
        from mtu in Gen.Int[1280, 65535]
        from options in Gen.Byte.Array[15, 120]
        from reserved in Gen.UShort
        from binding in Gen.Bool
        from origin in Gen.OneOf(Enum.GetValues<HomeAddressOrigin>())
        select new EnrolledInterface(
            mac,
            source,
            new(
                [.. addresses.Select(a => new Ipv6Prefix(a, 64)).Distinct()], Ipv6Address.Parse("fe80::1"), router, mtu, [134, .. options]),
            homeAgent,
            [.. addresses.Distinct().Select(a => new EnrolledAddress(a, reserved, binding, origin) { HomeAgent = serving })])
        {
            HomeAgentOrigin = homeAgentOrigin,
            OtherHomeAgents = [.. otherHomeAgents],
        };

    [Fact]
    public void What_is_written_is_read_again() =>
        AnyInterface.Array[1, 3].Select(all => new MobilityProfile([.. all.DistinctBy(i => i.Mac)]))
            .Sample(profile => Assert.Equal(profile, MobilityProfile.Parse(profile.ToMetadata())));

    [Fact]
    public void It_is_read_from_a_domain_with_its_namespace()
    {
        var domain = DomainXml.Parse(Domains.Xml());

        Assert.True(domain.IsEnrolled);
        Assert.Equal(Domains.Profile, domain.ReadProfile());
    }

    [Theory]
    [InlineData("version=\"1\"", "", 1, "'mobility' has no attribute 'version'")]
    [InlineData("version=\"1\"", "version=\"0\"", 1, "there is no such version")]
    [InlineData("version=\"1\"", "version=\"one\"", 1, "'version' of 'mobility' is not a number")]
    [InlineData("version=\"1\"", "version=\"1\" token=\"x\"", 1, "'mobility' has an unknown attribute 'token'")]
    [InlineData("kagemusha:mobility", "kagemusha:movability", 1, "the element is not 'mobility'")]
    [InlineData("mac=\"52:54:00:00:00:01\"", "mac=\"52:54:00:00:00:1\"", 2, "'mac' of 'interface' is not an Ethernet address")]
    [InlineData("mac=\"52:54:00:00:00:01\"", "", 2, "'interface' has no attribute 'mac'")]
    [InlineData("home-agent=\"2001:db8:1::2\"", "home-agent=\"fe80::2\"", 2, "'home-agent' of 'interface' is not a unicast IPv6 address")]
    [InlineData("home-agent=\"2001:db8:1::2\"", "home-agent=\"2001:db8:1::2\" home-agent-origin=\"guessed\"", 2, "'home-agent-origin' of 'interface' is not 'given' or 'found'")]
    [InlineData("<kagemusha:source ", "<kagemusha:home-agent address=\"::1\"/><kagemusha:source ", 3, "'address' of 'home-agent' is not a unicast IPv6 address")]
    [InlineData("<kagemusha:source ", "<kagemusha:home-agent/><kagemusha:source ", 3, "'home-agent' has no attribute 'address'")]
    [InlineData("binding=\"no\"", "binding=\"no\" home-agent=\"fe80::2\"", 7, "'home-agent' of 'address' is not a unicast IPv6 address")]
    [InlineData("type=\"bridge\"", "type=\"direct\"", 3, "'type' of 'source' is not 'bridge' or 'network'")]
    [InlineData("name=\"br-a\"", "name=\"\"", 3, "'name' of 'source' is not a name")]
    [InlineData("<kagemusha:source type=\"bridge\" name=\"br-a\"/>", "", 2, "'interface' has not one 'source'")]
    [InlineData("<kagemusha:source ", "<kagemusha:sauce ", 2, "'interface' has not one 'source'")]
    [InlineData("<kagemusha:source ", "<kagemusha:tunnel/><kagemusha:source ", 3, "'interface' has an unknown element 'tunnel'")]
    [InlineData("router=\"fe80::1\"", "router=\"2001:db8:1::1\"", 4, "'router' of 'link' is not a link-local IPv6 address")]
    [InlineData("mtu=\"1500\"", "mtu=\"1279\"", 4, "'mtu' of 'link' is not a number from 1280 on")]
    [InlineData("mtu=\"1500\"", "mtu=\"+1500\"", 4, "'mtu' of 'link' is not a number from 1280 on")]
    [InlineData("advertisement=\"hg", "advertisement=\"hw", 4, "'advertisement' of 'link' is not a router advertisement")]
    [InlineData("AAAAAAA==", "AAAA", 4, "'advertisement' of 'link' is not a router advertisement")]
    [InlineData("AAAAAAA==", "!", 4, "'advertisement' of 'link' is not a router advertisement")]
    [InlineData("address=\"2001:db8:1::/64\"", "address=\"2001:db8:1::/129\"", 5, "'address' of 'prefix' is not an IPv6 prefix")]
    [InlineData("<kagemusha:prefix address=\"2001:db8:1::/64\"/>", "", 7, "the home address is in none of the home prefixes")]
    [InlineData("2001:db8:1::42", "2001:db8:2::42", 7, "the home address is in none of the home prefixes")]
    [InlineData("reserved-through=\"64\"", "reserved-through=\"65536\"", 7, "'reserved-through' of 'address' is not a sequence number")]
    [InlineData("binding=\"no\"", "binding=\"perhaps\"", 7, "'binding' of 'address' is not 'yes' or 'no'")]
    [InlineData("binding=\"no\"", "binding=\"no\" origin=\"guessed\"", 7, "'origin' of 'address' is not 'given' or 'learnt'")]
    [InlineData("</kagemusha:interface>", "", 9, "it is not well formed")]
    public void Damage_is_reported_with_its_line(string intact, string damaged, int line, string what)
    {
        var metadata = Domains.Metadata.Replace(intact, damaged, StringComparison.Ordinal);
        Assert.NotEqual(Domains.Metadata, metadata);

        var error = Assert.Throws<MalformedXmlException>(() => MobilityProfile.Parse(metadata));

        Assert.Equal(
            $"the mobility metadata is malformed, line {line}: {what}; unenroll the domain and enroll it again", error.Message);
        Assert.Equal(line, error.Line);
    }

    [Fact]
    public void A_home_address_belongs_to_one_interface()
    {
        var second = Domains.Profile.Interfaces[0] with { Mac = LinkLayerAddress.Parse("52:54:00:00:00:02") };
        var twice = Domains.Profile with { Interfaces = [.. Domains.Profile.Interfaces, second] };
        Assert.Contains("a home address is there twice", Assert.Throws<MalformedXmlException>(() => MobilityProfile.Parse(twice.ToMetadata())).Message, StringComparison.Ordinal);
        var other = twice with { Interfaces = [twice.Interfaces[0], second with { Addresses = [new(Ipv6Address.Parse("2001:db8:1::43"), 0, BindingPossible: false)] }] };
        Assert.Equal(other, MobilityProfile.Parse(other.ToMetadata()));
    }

    [Fact]
    public void An_address_that_does_not_say_how_it_became_known_was_given()
    {
        Assert.DoesNotContain("origin", Domains.Metadata, StringComparison.Ordinal);
        Assert.Equal(HomeAddressOrigin.Given, MobilityProfile.Parse(Domains.Metadata).Interfaces[0].Addresses[0].Origin);
    }

    [Fact]
    public void In_a_domain_the_line_is_the_domain_s()
    {
        var xml = Domains.Xml(metadata: Domains.Metadata.Replace("mtu=\"1500\"", "mtu=\"15\"", StringComparison.Ordinal));
        var domain = DomainXml.Parse(xml);

        Assert.True(domain.IsEnrolled);
        Assert.Equal(9, Assert.Throws<MalformedXmlException>(domain.ReadProfile).Line);
    }

    [Fact]
    public void A_newer_version_has_its_own_error_whatever_else_it_holds()
    {
        const string newer = "<mobility version='2' token='x'><realm/></mobility>";

        var error = Assert.Throws<MalformedXmlException>(() => MobilityProfile.Parse(newer));

        Assert.Equal(
            "the mobility metadata is of version 2, made by a newer Kagemusha: install that on this host too", error.Message);
    }

    [Fact]
    public void What_others_put_into_it_is_theirs() =>
        Assert.Equal(
            Domains.Profile,
            MobilityProfile.Parse(Domains.Metadata.Replace(
                "<kagemusha:source ",
                "<x:note xmlns:x='urn:example' x:id='1'>hello</x:note><!-- --><kagemusha:source ",
                StringComparison.Ordinal)));

    [Theory]
    [InlineData("<!DOCTYPE mobility [<!ENTITY e 'x'>]><mobility version='1'/>")]
    [InlineData("")]
    [InlineData("mobility")]
    public void What_is_not_xml_or_has_a_document_type_is_refused(string metadata) =>
        Assert.Throws<MalformedXmlException>(() => MobilityProfile.Parse(metadata));

    [Fact]
    public void Any_truncation_is_refused()
    {
        for (var length = 0; length < Domains.Metadata.Length; length++)
        {
            Assert.Throws<MalformedXmlException>(() => MobilityProfile.Parse(Domains.Metadata[..length]));
        }
    }

    [Fact]
    public void Any_damaged_character_is_refused_or_read_never_thrown_on_otherwise() =>
        Gen.Select(Gen.Int[0, Domains.Metadata.Length - 1], Gen.Char["<>&'\"/ x0:=\0￿"]).Sample((index, c) =>
        {
            var damaged = Domains.Metadata[..index] + c + Domains.Metadata[(index + 1)..];
            try
            {
                MobilityProfile.Parse(MobilityProfile.Parse(damaged).ToMetadata());
            }
            catch (MalformedXmlException e)
            {
                Assert.DoesNotContain("\n", e.Message, StringComparison.Ordinal);
            }
        });
}
