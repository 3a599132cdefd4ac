using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>The home agents on the home link, by their router advertisements (RFC 6275, section 10.5.1).</summary>
internal sealed class HomeAgentsList
{
    /// <summary>So many are kept at most, and of each so many addresses: anybody on the home link can advertise some.</summary>
    public const int MostHomeAgents = 32;

    /// <summary>As above.</summary>
    public const int MostAddresses = 8;

    private readonly Dictionary<Ipv6Address, Entry> _entries = [];

    /// <summary>A home agent, by its link-local address.</summary>
    private sealed record Entry(ushort Preference, TimeSpan Expires, WireArray<Ipv6Address> Addresses);

    /// <summary>Takes what a router says.</summary>
    /// <param name="now">The time.</param>
    /// <param name="source">Its link-local address.</param>
    /// <param name="advertisement">What it says.</param>
    public void Hear(TimeSpan now, Ipv6Address source, RouterAdvertisement advertisement)
    {
        Expire(now);
        var information = advertisement.Options.OfType<HomeAgentInformation>().FirstOrDefault();
        var lifetime = information?.Lifetime ?? advertisement.RouterLifetime;
        if (!advertisement.Flags.HasFlag(RouterAdvertisementFlags.HomeAgent) || lifetime == 0)
        {
            _entries.Remove(source);
            return;
        }

        var known = _entries.GetValueOrDefault(source);
        if (known is not null || _entries.Count < MostHomeAgents)
        {
            _entries[source] = new(
                information?.Preference ?? 0,
                now + TimeSpan.FromSeconds(lifetime),
                [.. advertisement.RouterAddresses.Where(a => a.IsRoutableUnicast).Concat(known?.Addresses ?? []).Distinct().Take(MostAddresses)]);
        }
    }

    /// <summary>The global addresses of all home agents, the preferred ones first, and those that are equally preferred, and those of one, in random order.</summary>
    /// <param name="now">The time.</param>
    /// <param name="own">This home agent's address, which is one of them even if no router says so; then its preference is the default one, zero.</param>
    /// <param name="random">Numbers from 0 up to 1.</param>
    public IEnumerable<Ipv6Address> Addresses(TimeSpan now, Ipv6Address own, Func<double> random)
    {
        Expire(now);
        var entries = _entries.Values.ToList();
        if (!entries.Exists(entry => entry.Addresses.Contains(own)))
        {
            entries.Add(new(0, TimeSpan.MaxValue, [own]));
        }

        return entries.Select(entry => (Entry: entry, Place: random())).OrderByDescending(e => e.Entry.Preference).ThenBy(e => e.Place)
            .SelectMany(e => e.Entry.Addresses.Select(address => (Address: address, Place: random())).OrderBy(a => a.Place)).Select(a => a.Address).Distinct();
    }

    private void Expire(TimeSpan now)
    {
        foreach (var (source, _) in _entries.Where(e => e.Value.Expires <= now).ToList())
        {
            _entries.Remove(source);
        }
    }
}
