using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

public sealed class HomePrefixLifetimesTests
{
    private static readonly Ipv6Prefix Prefix = Ipv6Prefix.Parse("2001:db8:1::/64");
    private static readonly Ipv6Address Home = Ipv6Address.Parse("2001:db8:1::a");

    private readonly HomePrefixLifetimes _prefixes = new([], learns: true);

    private IReadOnlyList<HomePrefixChange> Hear(
        double now, uint valid, uint preferred, PrefixFlags flags = PrefixFlags.OnLink, RouterAdvertisementFlags routerFlags = 0) =>
        Hear(now, routerFlags, new PrefixInformation(64, flags, valid, preferred, Prefix.Address));

    private IReadOnlyList<HomePrefixChange> Hear(double now, RouterAdvertisementFlags flags, params NeighbourDiscoveryOption[] options) =>
        _prefixes.Hear(TimeSpan.FromSeconds(now), new(64, flags, 1800, 0, 0, WireArray.Create<NeighbourDiscoveryOption>(options)));

    [Fact]
    public void What_is_advertised_is_known_for_as_long_as_it_says()
    {
        Assert.Equal([new(Prefix, HomePrefixNews.Begun)], Hear(10, 100, 50));
        var prefix = Assert.Single(_prefixes.All);
        Assert.Equal((Prefix, HomePrefixOrigin.RouterAdvertisement), (prefix.Prefix, prefix.Origin));
        Assert.Equal((TimeSpan.FromSeconds(110), TimeSpan.FromSeconds(60)), (prefix.ValidUntil, prefix.PreferredUntil));
        Assert.Equal(prefix, _prefixes.Of(Home));
        Assert.Null(_prefixes.Of(Ipv6Address.Parse("2001:db8:2::a")));
        Assert.Equal(TimeSpan.FromSeconds(110), _prefixes.NextEnd);
        Assert.Empty(_prefixes.Expire(TimeSpan.FromSeconds(109.9)));
        Assert.Equal([new(Prefix, HomePrefixNews.Ended)], _prefixes.Expire(TimeSpan.FromSeconds(110)));
        Assert.True(_prefixes.IsEmpty);
        Assert.Null(_prefixes.NextEnd);
    }

    [Fact]
    public void What_is_set_stays_whatever_is_advertised()
    {
        var prefixes = new HomePrefixLifetimes([Prefix], learns: false);
        Assert.Empty(prefixes.Hear(default, new(64, 0, 1800, 0, 0, [new PrefixInformation(64, PrefixFlags.OnLink, 0, 0, Prefix.Address)])));
        Assert.Equal(new HomePrefix(Prefix, HomePrefixOrigin.Configuration), Assert.Single(prefixes.All));
        Assert.Null(prefixes.NextEnd);
    }

    [Fact]
    public void What_was_known_from_an_address_is_confirmed()
    {
        var prefixes = new HomePrefixLifetimes([Prefix], learns: true);
        Assert.Equal(new HomePrefix(Prefix, HomePrefixOrigin.OwnAddress), Assert.Single(prefixes.All));
        var heard = new RouterAdvertisement(64, 0, 1800, 0, 0, [new PrefixInformation(64, PrefixFlags.OnLink, 100, 100, Prefix.Address)]);
        Assert.Equal([new(Prefix, HomePrefixNews.Confirmed)], prefixes.Hear(default, heard));
        Assert.Equal(TimeSpan.FromSeconds(100), prefixes.NextEnd);
    }

    // RFC 6275, section 10.6.2: reconfigured or changed for any other reason than that time advances.
    [Theory]
    [InlineData(0, 1000, 500, false)]
    [InlineData(300, 1000, 500, false)] // the same again
    [InlineData(300, 700, 200, false)] // counted down
    [InlineData(300, 703, 198, false)] // counted down, and late
    [InlineData(300, 1000, 200, false)] // one of both
    [InlineData(300, 2000, 500, true)]
    [InlineData(300, 1000, 0, true)]
    [InlineData(300, uint.MaxValue, uint.MaxValue, true)]
    [InlineData(600, 1000, 0, false)] // was deprecated already
    public void Only_a_change_is_news(double later, uint valid, uint preferred, bool isNews)
    {
        Hear(0, 1000, 500);
        Assert.Equal(isNews ? [new(Prefix, HomePrefixNews.Changed)] : [], Hear(later, valid, preferred));
    }

    [Fact]
    public void Other_flags_of_the_prefix_are_news()
    {
        Hear(0, 1000, 500);
        Assert.Equal([new(Prefix, HomePrefixNews.Changed)], Hear(1, 1000, 500, PrefixFlags.OnLink | PrefixFlags.Autonomous));
        Assert.Empty(Hear(
            3, 1000, 500, PrefixFlags.OnLink | PrefixFlags.Autonomous, RouterAdvertisementFlags.Managed | RouterAdvertisementFlags.HomeAgent));
    }

    [Theory]
    [InlineData(64, PrefixFlags.Autonomous, 100, 100, "2001:db8:1::")] // not on the link
    [InlineData(64, PrefixFlags.OnLink, 100, 101, "2001:db8:1::")]
    [InlineData(0, PrefixFlags.OnLink, 100, 100, "2001:db8:1::")]
    [InlineData(129, PrefixFlags.OnLink, 100, 100, "2001:db8:1::")]
    [InlineData(255, PrefixFlags.OnLink, 100, 100, "2001:db8:1::")]
    [InlineData(64, PrefixFlags.OnLink, 100, 100, "fe80::")]
    [InlineData(64, PrefixFlags.OnLink, 100, 100, "ff02::")]
    [InlineData(64, PrefixFlags.OnLink, 0, 0, "2001:db8:1::")] // ends what was not there
    public void What_is_no_home_prefix_is_not_learnt(byte length, PrefixFlags flags, uint valid, uint preferred, string prefix)
    {
        Assert.Empty(Hear(0, 0, new PrefixInformation(length, flags, valid, preferred, Ipv6Address.Parse(prefix))));
        Assert.True(_prefixes.IsEmpty);
    }

    [Fact]
    public void The_routers_address_is_not_a_part_of_the_prefix()
    {
        Hear(0, 0, new PrefixInformation(64, PrefixFlags.OnLink | PrefixFlags.RouterAddress, 100, 100, Ipv6Address.Parse("2001:db8:1::1")));
        var option = Assert.Single(_prefixes.All).ToOption(TimeSpan.FromSeconds(40));
        Assert.Equal(new PrefixInformation(64, PrefixFlags.OnLink, 60, 60, Prefix.Address), option);
    }

    [Fact]
    public void Lifetimes_without_end_stay_so_and_those_that_have_passed_are_zero()
    {
        Hear(0, uint.MaxValue, 10);
        var option = Assert.Single(_prefixes.All).ToOption(TimeSpan.FromSeconds(11));
        Assert.Equal((uint.MaxValue, 0u), (option.ValidLifetime, option.PreferredLifetime));
    }

    [Fact]
    public void No_more_are_learnt_than_there_may_be()
    {
        for (var i = 0; i < 2 * HomePrefixLifetimes.MostLearnt; i++)
        {
            Hear(0, 0, new PrefixInformation(64, PrefixFlags.OnLink, 100, 100, new((UInt128)(0x2001_0db8_0000_0000UL + (ulong)i) << 64)));
        }

        Assert.Equal(HomePrefixLifetimes.MostLearnt, _prefixes.All.Length);
    }
}
