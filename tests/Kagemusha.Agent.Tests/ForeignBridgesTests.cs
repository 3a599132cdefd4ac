using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class ForeignBridgesTests
{
    private static readonly AdvertisedRouter Home = Router("fe80::1", "52:54:00:ff:00:01", "2001:db8:1::");
    private static readonly AdvertisedRouter Renumbered = Router("fe80::1", "52:54:00:ff:00:01", "2001:db8:7::");
    private static readonly AdvertisedRouter Successor = Router("fe80::2", "52:54:00:ff:00:02", "2001:db8:1::");
    private static readonly AdvertisedRouter Foreign = Router("fe80::1", "52:54:00:ff:00:03", "2001:db8:2::");

    /// <summary>The routers on a link, and whether it is another than the guest's home link.</summary>
    public static TheoryData<object[], bool> Links => new()
    {
        { [], false },
        { [Home], false },
        { [Foreign], true },
        { [Foreign, Home], false },
        { [Foreign, Renumbered], false },
        { [Successor], false },
        { [Foreign, Router("fe80::9", "52:54:00:ff:00:01", "2001:db8:3::")], true },
    };

    [Theory]
    [MemberData(nameof(Links), DisableDiscoveryEnumeration = true)]
    public void A_link_is_foreign_where_routers_are_and_none_of_home(object[] routers, bool isForeign) =>
        Assert.Equal(isForeign, ForeignBridges.IsForeign([.. routers.Cast<AdvertisedRouter>()], Guests.Enrolled.Link));

    private static AdvertisedRouter Router(string address, string mac, string prefix) => new(
        Ipv6Address.Parse(address),
        LinkLayerAddress.Parse(mac),
        new(64, RouterAdvertisementFlags.None, 1800, 0, 0, [new PrefixInformation(64, PrefixFlags.OnLink, 86400, 14400, Ipv6Address.Parse(prefix))]));
}
