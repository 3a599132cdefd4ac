using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class GivenAddressesTests
{
    private static readonly InterfaceAtHome One = At("52:54:00:00:00:01", "br0", 1, "2001:db8:1::");
    private static readonly InterfaceAtHome Two = At("52:54:00:00:00:02", "br0", 1, "2001:db8:1::");
    private static readonly InterfaceAtHome Three = At("52:54:00:00:00:03", "br1", 2, "2001:db8:2::");

    [Fact]
    public void Each_belongs_to_the_interface_on_whose_home_link_it_is()
    {
        var given = GivenAddresses.Of(Request(null, "2001:db8:2::1", "2001:db8:1::1", "2001:db8:2::2", "2001:db8:1::1"), [One, Three]);
        Assert.Equal(["2001:db8:1::1"], given[One.Mac].Select(address => $"{address}"));
        Assert.Equal(["2001:db8:2::1", "2001:db8:2::2"], given[Three.Mac].Select(address => $"{address}"));
    }

    [Theory]
    [InlineData(
        "2001:db8:3::1 is in no prefix of the home link (2001:db8:1::/64, advertised by fe80::1, 2001:db8:2::/64, advertised by fe80::1)", null, "2001:db8:3::1")]
    [InlineData("fe80::1 is in no prefix of the home link (2001:db8:1::/64, advertised by fe80::1, 2001:db8:2::/64, advertised by fe80::1)", null, "fe80::1")]
    [InlineData(
        "2001:db8:1::1 may be that of several interfaces, choose one by --interface: 52:54:00:00:00:01 (on br0), 52:54:00:00:00:02 (on br0)",
        null, "2001:db8:2::1", "2001:db8:1::1")]
    [InlineData("ff02::1 cannot be a home agent's address", "ff02::1")]
    [InlineData(
        "--home-agent is for one home link, and the interfaces are on several: choose one by --interface: 52:54:00:00:00:01 (on br0), 52:54:00:00:00:02 (on br0), 52:54:00:00:00:03 (on br1)",
        "2001:db8:1::2")]
    public void What_is_no_interfaces_for_sure_is_refused(string line, string? homeAgent, params string[] addresses) =>
        Assert.Equal(line, Assert.Throws<RefusedException>(() => GivenAddresses.Of(Request(homeAgent, addresses), [One, Two, Three])).Message);

    [Fact]
    public void A_home_agent_may_be_given_for_interfaces_of_one_home_link() => Assert.Empty(GivenAddresses.Of(Request("2001:db8:1::2"), [One, Two]));

    private static EnrollRequest Request(string? homeAgent, params string[] addresses) => new(
        "vm", [.. addresses.Select(Ipv6Address.Parse)], homeAgent is null ? null : Ipv6Address.Parse(homeAgent), null);

    private static InterfaceAtHome At(string mac, string bridge, int index, string prefix)
    {
        var advertisement = new RouterAdvertisement(
            64, RouterAdvertisementFlags.None, 1800, 0, 0, [new PrefixInformation(64, PrefixFlags.OnLink, 86400, 14400, Ipv6Address.Parse(prefix))]);
        var xml = DomainXml.Parse(Guests.Xml(new([Guests.Enrolled]), $"<interface type='bridge'><mac address='{mac}'/><source bridge='{bridge}'/></interface>"));
        return new(
            Assert.Single(xml.Interfaces),
            new(HomeSourceType.Bridge, bridge),
            new NetworkInterface(index, bridge) { Mtu = 1500 },
            new(Ipv6Address.Parse("fe80::1"), LinkLayerAddress.Parse("02:00:00:00:00:01"), advertisement),
            [],
            [Ipv6Address.Parse("2001:db8:1::2")]);
    }
}
