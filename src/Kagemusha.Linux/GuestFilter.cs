using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>The filter of a guest's port that is not on the guest's own link: what the guest sends gets on only if it is an ordinary packet of its own.</summary>
public static class GuestFilter
{
    private const ushort FirstDestination = 100;
    private const ushort FirstSource = 30000;
    private const ushort Last = ushort.MaxValue;

    /// <summary>
    /// Headers by which a packet would be taken for another one's behind its first destination (RFC 6275, sections 6.1, 6.3 and
    /// 6.4; RFC 8200, section 4; RFC 2473).
    /// </summary>
    private static readonly NextHeader[] ForbiddenHeaders =
        [NextHeader.HopByHopOptions, NextHeader.Ipv6, NextHeader.Routing, NextHeader.DestinationOptions, NextHeader.Mobility];

    private static readonly Ipv6Prefix[] ForbiddenDestinations = [Ipv6Prefix.Parse("fe80::/10"), Ipv6Prefix.Parse("ff00::/8")];

    /// <summary>
    /// Lets IPv6 packets from the guest's own addresses through, unless they begin with a header that is not for guests, fragmented or
    /// not, or go to the link, to a group, or to the host. Everything else is dropped: ARP, IPv4 and neighbour discovery too.
    /// </summary>
    /// <param name="link">The guest's port.</param>
    /// <param name="sources">The guest's own addresses.</param>
    /// <param name="hostAddresses">The host's addresses; those of its links may be left out.</param>
    public static IEnumerable<Filter> Create(string link, IEnumerable<Ipv6Address> sources, IEnumerable<Ipv6Address> hostAddresses)
    {
        // A fragment header in a fragment would hide what follows it.
        IEnumerable<FilterMatch> headers =
        [
            .. ForbiddenHeaders.Select(header => U32Match.NextHeader((byte)header)),
            .. ForbiddenHeaders.Append(NextHeader.Fragment).Select(header => U32Match.FragmentNextHeader((byte)header)),
        ];
        var destinations = ForbiddenDestinations.Concat(hostAddresses.Where(address => !address.IsLinkLocal).Distinct().Order().Select(Host))
            .Select(destination => new FlowerMatch { Destination = destination });
        var own = sources.Distinct().Order().Select(source => new FlowerMatch { Source = Host(source) });
        return
        [
            .. headers.Select((match, at) => Rule(1 + at, match, FilterAction.Drop)),
            .. destinations.Select((match, at) => Rule(FirstDestination + at, match, FilterAction.Drop)),
            .. own.Select((match, at) => Rule(FirstSource + at, match, FilterAction.Pass)),
            Rule(Last, new AnyMatch(), FilterAction.Drop),
        ];

        Filter Rule(int priority, FilterMatch match, FilterAction action) => new(link, FilterHook.Ingress, checked((ushort)priority), match, action);

        static Ipv6Prefix Host(Ipv6Address address) => new(address, 128);
    }
}
