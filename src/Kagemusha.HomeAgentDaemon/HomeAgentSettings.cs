using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>What the administrator has set: <c>/etc/kagemusha/home-agent.toml</c>, every key documented in the shipped file.</summary>
/// <param name="HomeLink">The interface on the home link.</param>
/// <param name="Address">The home agent's address, or null for the home link's first global one.</param>
/// <param name="Prefixes">Where home addresses may be, or null for the prefixes of the home link's global addresses and its routers' advertisements.</param>
/// <param name="AccessList">Who may register, or null for everybody.</param>
/// <param name="MaximumLifetime">The longest lifetime that is granted.</param>
/// <param name="PrefixAdvertisements">When mobile nodes are told of the home prefixes unasked, or null for never.</param>
internal sealed record HomeAgentSettings(
    string HomeLink, Ipv6Address? Address, IReadOnlyList<Ipv6Prefix>? Prefixes, IReadOnlyList<AccessRule>? AccessList, TimeSpan MaximumLifetime,
    PrefixAdvertisementIntervals? PrefixAdvertisements)
{
    public const string Path = "/etc/kagemusha/home-agent.toml";

    /// <exception cref="ConfigurationException">One line that says file, line, key and what to do.</exception>
    public static HomeAgentSettings Read(string path = Path)
    {
        var file = ConfigurationFile.Read(path);
        var settings = new HomeAgentSettings(
            file.Text("home_link") ?? "",
            file.Address("address"),
            file.List<Ipv6Prefix>("prefixes", "a list of IPv6 prefixes, [\"2001:db8:1::/64\"]", Ipv6Prefix.TryParse),
            file.List<AccessRule>(
                "access_list", "a list like [\"2001:db8:1::a\", \"2001:db8:1:0:1::/80 from 2001:db8:f1::/48\"]", AccessRule.TryParse),
            // 16 bits of 4 seconds (RFC 6275, section 6.1.7).
            TimeSpan.FromSeconds(file.Number("max_lifetime_s", 4, 262_140) ?? 3600),
            ReadIntervals(file));
        file.RefuseTheRest();
        if (settings.HomeLink.Length == 0)
        {
            throw file.Error("home_link", "is not set: name the interface on the home link");
        }

        if (settings.Address is { IsRoutableUnicast: false })
        {
            throw file.Error("address", $"{settings.Address} is no address that a host elsewhere could reach");
        }

        return settings;
    }

    private static PrefixAdvertisementIntervals? ReadIntervals(ConfigurationFile file)
    {
        // RFC 6275, section 12: MinMobPfxAdvInterval and MaxMobPfxAdvInterval.
        var least = file.Number("min_prefix_advertisement_s", 1, 86_400) ?? 600;
        var most = file.Number("max_prefix_advertisement_s", 1, 604_800) ?? 86_400;
        if (most < least)
        {
            throw file.Error("max_prefix_advertisement_s", $"{most} is less than min_prefix_advertisement_s, {least}");
        }

        return file.Switch("prefix_advertisements") ?? true ? new(TimeSpan.FromSeconds(least), TimeSpan.FromSeconds(most)) : null;
    }
}
