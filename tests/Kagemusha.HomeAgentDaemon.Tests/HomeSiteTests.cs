using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon.Tests;

public sealed class HomeSiteTests
{
    private static readonly HomeAgentSettings Settings = new("lan", null, null, null, TimeSpan.FromHours(1), null);

    private static readonly NetworkInterface[] Links =
    [
        new(1, "lo"),
        new(2, "wan") { Address = LinkLayerAddress.Parse("02:00:00:00:00:f1") },
        new(3, "lan") { Address = LinkLayerAddress.Parse("02:00:00:00:00:01") },
    ];

    private static readonly InterfaceAddress[] Addresses =
    [
        Address(1, "::1", 128),
        Address(2, "2001:db8:f1::2", 64),
        Address(3, "fe80::1", 64),
        Address(3, "2001:db8:1::7", 64, isUsable: false),
        Address(3, "2001:db8:1::1", 64),
        Address(3, "2001:db8:2::1", 64),
        Address(3, "2001:db8:3::1", 128),
    ];

    private static InterfaceAddress Address(int link, string address, int length, bool isUsable = true) =>
        new(link, Ipv6Address.Parse(address), length, isUsable);

    [Fact]
    public void The_home_link_tells_all_that_is_not_set()
    {
        var site = HomeSite.Find(Settings, Links, Addresses);
        Assert.Equal("lan", site.Link.Name);
        Assert.Equal(LinkLayerAddress.Parse("02:00:00:00:00:01"), site.Configuration.LinkLayerAddress);
        Assert.Equal(Ipv6Address.Parse("2001:db8:1::1"), site.Configuration.Address);
        Assert.Equal([Ipv6Prefix.Parse("2001:db8:1::/64"), Ipv6Prefix.Parse("2001:db8:2::/64")], site.Configuration.HomePrefixes);
        Assert.Equal(TimeSpan.FromHours(1), site.Configuration.MaximumLifetime);
        Assert.Equal(
            ["2001:db8:f1::2", "fe80::1", "2001:db8:1::7", "2001:db8:2::1", "2001:db8:3::1"],
            site.Configuration.OtherAddresses.Select(a => a.ToString()));
        Assert.True(site.Configuration.LearnsPrefixes);
        Assert.Equal([AccessRule.Any], site.Configuration.AccessList);
    }

    [Fact]
    public void What_is_set_is_taken()
    {
        var settings = Settings with
        {
            Address = Ipv6Address.Parse("2001:db8:f1::2"),
            Prefixes = [Ipv6Prefix.Parse("2001:db8:9::/64")],
            AccessList = [],
        };
        var site = HomeSite.Find(settings, Links, Addresses);
        Assert.Equal(settings.Address, site.Configuration.Address);
        Assert.Equal(settings.Prefixes, site.Configuration.HomePrefixes);
        Assert.False(site.Configuration.LearnsPrefixes);
        Assert.Empty(site.Configuration.AccessList);
    }

    [Theory]
    [InlineData("lam", null, "home_link lam: there is no such interface; there are lo, wan, lan")]
    [InlineData("lo", null, "home_link lo: it has no Ethernet address")]
    [InlineData("lan", "2001:db8:1::7", "address 2001:db8:1::7: it is not an address of this machine, or not usable yet")]
    [InlineData("lan", "2001:db8:1::99", "address 2001:db8:1::99: it is not an address of this machine, or not usable yet")]
    public void What_is_not_there_is_refused(string link, string? address, string expected)
    {
        var settings = Settings with { HomeLink = link, Address = address is null ? null : Ipv6Address.Parse(address) };
        var error = Assert.Throws<RefusedException>(() => HomeSite.Find(settings, Links, Addresses));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_home_link_without_a_global_address_is_refused() => Assert.StartsWith(
        "home_link lan: it has no global address yet",
        Assert.Throws<RefusedException>(() => HomeSite.Find(Settings, Links, Addresses[..4])).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_home_link_without_a_prefix_waits_for_a_router() =>
        Assert.Empty(HomeSite.Find(Settings, Links, Addresses[6..]).Configuration.HomePrefixes);
}
