using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>A prefix of the home link, and for how long it holds.</summary>
/// <param name="Prefix">The prefix.</param>
/// <param name="Origin">Whose word it is.</param>
public sealed record HomePrefix(Ipv6Prefix Prefix, HomePrefixOrigin Origin)
{
    // Seven bits tell reserved anycast addresses apart.
    private const int LongestWithAnycast = 128 - 7;

    /// <summary>When addresses of it end, on the clock of the home agent's <c>now</c>; the greatest time for never.</summary>
    public TimeSpan ValidUntil { get; init; } = TimeSpan.MaxValue;

    /// <summary>When addresses of it are deprecated (RFC 4862, section 5.5.4); the greatest time for never.</summary>
    public TimeSpan PreferredUntil { get; init; } = TimeSpan.MaxValue;

    /// <summary>The option that it was heard in last; null when in none.</summary>
    public PrefixInformation? Heard { get; init; }

    /// <summary>The home agents' anycast address (RFC 2526); null where the prefix leaves no room for it.</summary>
    public Ipv6Address? HomeAgentsAnycast => Prefix.Length <= LongestWithAnycast ? Prefix.HomeAgentsAnycast : null;

    /// <summary>The option of a prefix advertisement (RFC 6275, section 6.8), with the lifetimes that are left; the router's address (R) is not its affair.</summary>
    public PrefixInformation ToOption(TimeSpan now) => new(
        (byte)Prefix.Length,
        (Heard?.Flags ?? PrefixFlags.OnLink) & ~PrefixFlags.RouterAddress,
        Seconds(ValidUntil, now),
        Seconds(PreferredUntil, now),
        Prefix.Address);

    /// <summary>Whether it is the routers' or the home agents' anycast address (RFC 4291, section 2.6.1; RFC 2526).</summary>
    public bool IsAnycast(Ipv6Address address) =>
        HomeAgentsAnycast is { } homeAgents && (address == homeAgents || address == Prefix.Address);

    // All ones is infinity (RFC 4861, section 4.6.2).
    private static uint Seconds(TimeSpan until, TimeSpan now) => until == TimeSpan.MaxValue ? uint.MaxValue
        : (uint)Math.Clamp((until - now).TotalSeconds, 0, uint.MaxValue - 1);
}

/// <summary>Where a home prefix is known from.</summary>
public enum HomePrefixOrigin
{
    /// <summary>It is set.</summary>
    Configuration,

    /// <summary>This node has an address of it on the home link; no router has said more.</summary>
    OwnAddress,

    /// <summary>A router advertises it on the home link.</summary>
    RouterAdvertisement,
}
