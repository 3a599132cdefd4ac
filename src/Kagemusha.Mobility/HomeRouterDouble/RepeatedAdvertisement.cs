using System.Buffers.Binary;
using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>
/// The home router's advertisement, as it is repeated away: every option in its place, those that nobody here knows too.
/// <para>
/// What it says was true when it was heard. A router may count its lifetimes down (RFC 4861, section 6.2.1), and the agent may be away for longer than a
/// short one lasts: repeated as they are, they would run out. So those that are not zero are raised to <see cref="LeastLifetime"/>. They are kept
/// alive for as long as the guest is away: that an address is gone from the home link is for the home agent to say, which refuses its binding, or tells
/// the prefix' lifetimes (RFC 6275, section 11.4.3): those are repeated as they are, and count down.
/// </para>
/// </summary>
public static class RepeatedAdvertisement
{
    /// <summary>In seconds: two in a row may be lost.</summary>
    private static readonly uint LeastLifetime = (uint)(3 * HomeRouterDouble.MaxAdvertisementInterval).TotalSeconds;

    // RFC 8200, section 5. Hosts ignore an option with less (RFC 4861, section 6.3.4).
    private const uint LeastMtu = 1280;

    private const byte AdvertisementInterval = 7;
    private const byte RouteInformation = 24;
    private const byte RecursiveDnsServer = 25;
    private const byte DnsSearchList = 31;
    private const byte Pref64 = 38;

    // In the data of an option, which begins behind its length.
    private const int LifetimeOffset = 2;

    // Our choice: no home link has more prefixes than that.
    private const int MostPrefixes = 32;

    /// <summary>What the guest is told.</summary>
    /// <param name="heard">The router's own advertisement.</param>
    /// <param name="mtu">What fits through the tunnel.</param>
    public static RouterAdvertisement Create(RouterAdvertisement heard, int mtu) => Create(heard, mtu, TimeSpan.Zero, new Dictionary<Ipv6Prefix, ToldLifetimes>());

    /// <summary>The router's advertisement with what the home agent says of it now, as if that had been in it (RFC 6275, section 11.4.3).</summary>
    /// <param name="heard">The advertisement.</param>
    /// <param name="prefixes">The home agent's prefixes.</param>
    /// <param name="flags">The home agent's flags.</param>
    public static RouterAdvertisement Merge(RouterAdvertisement heard, WireArray<PrefixInformation> prefixes, MobilePrefixFlags flags)
    {
        var told = prefixes.DistinctBy(Key).ToDictionary(Key);
        var known = heard.Options.OfType<PrefixInformation>().Select(Key).ToHashSet();
        IEnumerable<NeighbourDiscoveryOption> options = heard.Options.Select(option =>
            option is PrefixInformation prefix && told.TryGetValue(Key(prefix), out var now)
                // Which address the router has in it, the home agent does not say.
                ? prefix with
                {
                    Flags = now.Flags | prefix.Flags & PrefixFlags.RouterAddress,
                    ValidLifetime = now.ValidLifetime,
                    PreferredLifetime = now.PreferredLifetime,
                }
                : option);
        var room = Math.Max(0, MostPrefixes - known.Count);
        return heard with
        {
            Flags = heard.Flags & ~(RouterAdvertisementFlags.Managed | RouterAdvertisementFlags.Other)
                | (flags.HasFlag(MobilePrefixFlags.Managed) ? RouterAdvertisementFlags.Managed : 0)
                | (flags.HasFlag(MobilePrefixFlags.Other) ? RouterAdvertisementFlags.Other : 0),
            Options = [.. options, .. told.Where(each => !known.Contains(each.Key)).Take(room).Select(each => each.Value)],
        };
    }

    /// <summary>What the guest is told.</summary>
    /// <param name="heard">The router's own advertisement.</param>
    /// <param name="mtu">What fits through the tunnel.</param>
    /// <param name="now">The time.</param>
    /// <param name="told">The lifetimes that the home agent has told.</param>
    internal static RouterAdvertisement Create(RouterAdvertisement heard, int mtu, TimeSpan now, IReadOnlyDictionary<Ipv6Prefix, ToldLifetimes> told)
    {
        IEnumerable<NeighbourDiscoveryOption> options = heard.Options.Select(option => option switch
        {
            Mtu { Value: >= LeastMtu } link => link with { Value = Math.Min(link.Value, (uint)mtu) },
            Mtu link => link with { Value = (uint)mtu },
            PrefixInformation prefix when told.TryGetValue(Key(prefix), out var lifetimes) => lifetimes.PutInto(prefix, now),
            PrefixInformation prefix => prefix with { ValidLifetime = Raise(prefix.ValidLifetime), PreferredLifetime = Raise(prefix.PreferredLifetime) },
            HomeAgentInformation homeAgent => homeAgent with { Lifetime = (ushort)Raise(homeAgent.Lifetime) },
            UnknownNeighbourDiscoveryOption unknown => Raise(unknown),
            _ => option,
        });
        if (!heard.Options.Any(option => option is Mtu))
        {
            options = options.Append(new Mtu((uint)mtu));
        }

        return heard with { RouterLifetime = (ushort)Raise(heard.RouterLifetime), Options = [.. options] };
    }

    private static Ipv6Prefix Key(PrefixInformation prefix) => new(prefix.Prefix, Math.Min(prefix.PrefixLength, (byte)128));

    private static uint Raise(uint lifetime) => lifetime == 0 ? 0 : Math.Max(lifetime, LeastLifetime);

    private static UnknownNeighbourDiscoveryOption Raise(UnknownNeighbourDiscoveryOption option)
    {
        var data = option.Data.ToArray();
        switch (option.Type)
        {
            // RFC 4191, section 2.3; RFC 8106, sections 5.1 and 5.2.
            case RouteInformation or RecursiveDnsServer or DnsSearchList:
                BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(LifetimeOffset), Raise(BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(LifetimeOffset))));
                break;

            // RFC 6275, section 7.3: how often it comes at least, in milliseconds.
            case AdvertisementInterval:
                var interval = (uint)HomeRouterDouble.MaxAdvertisementInterval.TotalMilliseconds;
                BinaryPrimitives.WriteUInt32BigEndian(
                    data.AsSpan(LifetimeOffset), Math.Max(interval, BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(LifetimeOffset))));
                break;

            // RFC 8781, section 4: 13 bits in units of 8 s, and three that are not the lifetime's.
            case Pref64:
                var word = BinaryPrimitives.ReadUInt16BigEndian(data);
                var raised = (Raise((uint)(word >> 3) * 8) + 7) / 8;
                BinaryPrimitives.WriteUInt16BigEndian(data, (ushort)(raised << 3 | word & 7u));
                break;
        }

        return option with { Data = [.. data] };
    }
}
