using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon.Tests;

public sealed class HomeAgentSettingsTests : IDisposable
{
    private static readonly PrefixAdvertisementIntervals Intervals = new(TimeSpan.FromSeconds(600), TimeSpan.FromSeconds(86_400));

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    private HomeAgentSettings Read(string text)
    {
        File.WriteAllText(_path, text);
        return HomeAgentSettings.Read(_path);
    }

    [Fact]
    public void All_that_can_be_set_is_read()
    {
        var settings = Read("home_link = \"lan\"\naddress = \"2001:db8:1::1\"\nprefixes = [\"2001:db8:1::/64\"]\naccess_list = [\"2001:db8:1::a\"]\nmax_lifetime_s = 420\n");
        Assert.Equal("lan", settings.HomeLink);
        Assert.Equal(Ipv6Address.Parse("2001:db8:1::1"), settings.Address);
        Assert.Equal([Ipv6Prefix.Parse("2001:db8:1::/64")], settings.Prefixes);
        Assert.Equal([new AccessRule(Ipv6Prefix.Parse("2001:db8:1::a/128"), AccessRule.Any.CareOfAddresses)], settings.AccessList);
        Assert.Equal(TimeSpan.FromSeconds(420), settings.MaximumLifetime);
    }

    [Theory]
    [InlineData("", 600, 86_400)]
    [InlineData("prefix_advertisements = true\nmin_prefix_advertisement_s = 10\nmax_prefix_advertisement_s = 10\n", 10, 10)]
    [InlineData("prefix_advertisements = false\nmin_prefix_advertisement_s = 10\n", null, null)]
    public void Prefix_advertisements_can_be_switched_off_and_timed(string text, int? least, int? most)
    {
        var intervals = Read("home_link = \"lan\"\n" + text).PrefixAdvertisements;
        Assert.Equal((least, most), ((int?)intervals?.Minimum.TotalSeconds, (int?)intervals?.Maximum.TotalSeconds));
    }

    [Fact]
    public void The_home_link_is_enough() =>
        Assert.Equal(new("lan", null, null, null, TimeSpan.FromHours(1), Intervals), Read("home_link = \"lan\"\n"));

    [Theory]
    [InlineData("", "home_link: is not set")]
    [InlineData("home_link = 7", "line 1: home_link must be a text in quotes")]
    [InlineData("home_link = \"lan\"\nhome_lnk = \"lan\"", "line 2: unknown key 'home_lnk'")]
    [InlineData("home_link = \"lan\"\naddress = \"fe80::1\"", "address: fe80::1 is no address that a host elsewhere could reach")]
    [InlineData("home_link = \"lan\"\naddress = \"192.0.2.1\"", "line 2: address must be an IPv6 address")]
    [InlineData("home_link = \"lan\"\nprefixes = \"2001:db8:1::/64\"", "line 2: prefixes must be a list")]
    [InlineData("home_link = \"lan\"\naccess_list = [\"2001:db8:1::a form 2001:db8:f1::/48\"]", "line 2: access_list must be a list like")]
    [InlineData("home_link = \"lan\"\nmax_lifetime_s = 3", "line 2: max_lifetime_s must be a whole number from 4 to 262140")]
    [InlineData("home_link = \"lan\"\nprefix_advertisements = 1", "line 2: prefix_advertisements must be true or false, not 1")]
    [InlineData("home_link = \"lan\"\nmax_prefix_advertisement_s = 10", "line 2: max_prefix_advertisement_s: 10 is less than min_prefix_advertisement_s, 600")]
    [InlineData("home_link = \"lan", "line 1: ")]
    [InlineData("home_link = \"lan\\", "the file ends at a backslash: remove it and close the text")]
    [InlineData("home_link = \"l\\u0\n", "line 1: Unexpected escape character")]
    public void An_error_says_the_file_and_where(string text, string expected)
    {
        var error = Assert.Throws<ConfigurationException>(() => Read(text));
        Assert.StartsWith(_path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void The_shipped_file_says_what_is_missing_and_its_examples_are_valid()
    {
        var shipped = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "home-agent.toml"));
        Assert.Throws<ConfigurationException>(() => Read(shipped));
        // A commented-out key has no space behind its mark.
        var settings = Read(System.Text.RegularExpressions.Regex.Replace(shipped, "(?m)^#(?=[a-z])", ""));
        Assert.Equal("lan", settings.HomeLink);
        Assert.NotNull(settings.Address);
        Assert.NotNull(settings.Prefixes);
        Assert.Equal(2, settings.AccessList?.Count);
        Assert.Equal(TimeSpan.FromHours(1), settings.MaximumLifetime);
        Assert.Equal(Intervals, settings.PrefixAdvertisements);
    }
}
