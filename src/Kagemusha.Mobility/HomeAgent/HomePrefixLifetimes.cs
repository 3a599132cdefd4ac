using System.Collections.Immutable;
using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>
/// The prefixes of the home link (the Prefix List of RFC 4861, section 5.1): those that are set, for ever; or else those of this node's own addresses,
/// until routers advertise them, and those that routers advertise, for as long as they say.
/// </summary>
public sealed class HomePrefixLifetimes
{
    /// <summary>So many are learnt at most: anybody on the home link can advertise some.</summary>
    public const int MostLearnt = 32;

    /// <summary>Of a lifetime that is advertised as it passes, seconds are rounded, and frames are late.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(10);

    private readonly bool _learns;
    private readonly Dictionary<Ipv6Prefix, HomePrefix> _prefixes = [];

    /// <summary>The prefixes that are known from the beginning.</summary>
    /// <param name="prefixes">The prefixes.</param>
    /// <param name="learns">Whether they are those of this node's addresses, and routers may say more; else they are set.</param>
    public HomePrefixLifetimes(IEnumerable<Ipv6Prefix> prefixes, bool learns)
    {
        _learns = learns;
        var origin = learns ? HomePrefixOrigin.OwnAddress : HomePrefixOrigin.Configuration;
        foreach (var prefix in prefixes)
        {
            _prefixes[prefix] = new(prefix, origin);
        }
    }

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _prefixes.Count == 0;

    /// <summary>The prefixes, in order.</summary>
    public ImmutableArray<HomePrefix> All => [.. _prefixes.Values.OrderBy(p => p.Prefix.Address).ThenBy(p => p.Prefix.Length)];

    /// <summary>When the next one ends; null when none does.</summary>
    public TimeSpan? NextEnd =>
        _prefixes.Values.Select(p => (TimeSpan?)p.ValidUntil).Min() is { } end && end < TimeSpan.MaxValue ? end : null;

    /// <summary>The prefix that the address lies in; of several the one that lasts longest; null when in none.</summary>
    public HomePrefix? Of(Ipv6Address address)
    {
        HomePrefix? longest = null;
        foreach (var prefix in _prefixes.Values)
        {
            if (prefix.Prefix.Contains(address) && (longest is null || prefix.ValidUntil > longest.ValidUntil))
            {
                longest = prefix;
            }
        }

        return longest;
    }

    /// <summary>Takes what a router on the home link says (RFC 4861, section 6.3.4).</summary>
    /// <returns>What is new of it: not that time has passed.</returns>
    public IReadOnlyList<HomePrefixChange> Hear(TimeSpan now, RouterAdvertisement advertisement)
    {
        var changes = new List<HomePrefixChange>();
        if (!_learns)
        {
            return changes;
        }

        foreach (var option in advertisement.Options.OfType<PrefixInformation>().Where(IsHomePrefix))
        {
            var prefix = new Ipv6Prefix(option.Prefix, option.PrefixLength);
            var known = _prefixes.GetValueOrDefault(prefix);
            if (option.ValidLifetime == 0)
            {
                if (known is not null)
                {
                    _prefixes.Remove(prefix);
                    changes.Add(new(prefix, HomePrefixNews.Ended));
                }

                continue;
            }

            if (known is null && _prefixes.Count >= MostLearnt)
            {
                continue;
            }

            var heard = new HomePrefix(prefix, HomePrefixOrigin.RouterAdvertisement)
            {
                ValidUntil = Until(now, option.ValidLifetime),
                PreferredUntil = Until(now, option.PreferredLifetime),
                Heard = option,
            };
            _prefixes[prefix] = heard;
            if (known is null)
            {
                changes.Add(new(prefix, HomePrefixNews.Begun));
            }
            else if (known.Heard is null)
            {
                changes.Add(new(prefix, HomePrefixNews.Confirmed));
            }
            else if (IsOther(now, known, heard))
            {
                changes.Add(new(prefix, HomePrefixNews.Changed));
            }
        }

        return changes;
    }

    /// <summary>Forgets the prefixes whose time has passed.</summary>
    public IReadOnlyList<HomePrefixChange> Expire(TimeSpan now)
    {
        if (!(NextEnd <= now))
        {
            return [];
        }

        var ended = _prefixes.Where(p => p.Value.ValidUntil <= now).ToList();
        ended.ForEach(p => _prefixes.Remove(p.Key));
        return [.. ended.Select(p => new HomePrefixChange(p.Value.Prefix, HomePrefixNews.Ended))];
    }

    // On the link, and not longer preferred than valid (RFC 4861, section 6.3.4; RFC 4862, section 5.5.3).
    private static bool IsHomePrefix(PrefixInformation option) =>
        option.Flags.HasFlag(PrefixFlags.OnLink) && option.PrefixLength is > 0 and <= 128 && option.Prefix.IsRoutableUnicast
        && option.PreferredLifetime <= option.ValidLifetime;

    private static TimeSpan Until(TimeSpan now, uint lifetime) =>
        lifetime == uint.MaxValue ? TimeSpan.MaxValue : now + TimeSpan.FromSeconds(lifetime);

    /// <summary>RFC 6275, section 10.6.2: a lifetime that is advertised unchanged, or as much shorter as time has passed, is no news.</summary>
    private static bool IsOther(TimeSpan now, HomePrefix known, HomePrefix heard) =>
        known.Heard!.Flags != heard.Heard!.Flags
        || (known.Heard.ValidLifetime != heard.Heard.ValidLifetime && !IsNear(now, known.ValidUntil, heard.ValidUntil))
        || (known.Heard.PreferredLifetime != heard.Heard.PreferredLifetime && !IsNear(now, known.PreferredUntil, heard.PreferredUntil));

    private static bool IsNear(TimeSpan now, TimeSpan one, TimeSpan other)
    {
        var difference = Latest(now, one) - Latest(now, other);
        return difference <= Tolerance && difference >= -Tolerance;
    }

    private static TimeSpan Latest(TimeSpan one, TimeSpan other) => one > other ? one : other;
}

/// <summary>What a router has said of a prefix, that was not so before.</summary>
/// <param name="Prefix">The prefix.</param>
/// <param name="News">What.</param>
public sealed record HomePrefixChange(Ipv6Prefix Prefix, HomePrefixNews News);

/// <summary>What there can be new of a prefix.</summary>
public enum HomePrefixNews
{
    /// <summary>It is there.</summary>
    Begun,

    /// <summary>A router says what this node knew from its own address.</summary>
    Confirmed,

    /// <summary>It has other flags or lifetimes.</summary>
    Changed,

    /// <summary>It is no longer valid.</summary>
    Ended,
}
