using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>The filter of a guest's port that is not on the guest's own link: what the guest sends gets on only if it is an ordinary packet of its own.</summary>
public static class GuestFilter
{
    private const int FirstDestination = 100;
    private const int FirstHostAddress = 1000;
    private const int FirstSource = 32000;
    private const int Last = ushort.MaxValue;

    // A prime, so that addresses that differ in little get different places.
    private const int Places = 29989;

    /// <summary>
    /// Headers by which a packet would be taken for another one's behind its first destination (RFC 6275, sections 6.1, 6.3 and
    /// 6.4; RFC 8200, section 4; RFC 2473).
    /// </summary>
    private static readonly NextHeader[] ForbiddenHeaders =
        [NextHeader.HopByHopOptions, NextHeader.Ipv6, NextHeader.Routing, NextHeader.DestinationOptions, NextHeader.Mobility];

    private static readonly Ipv6Prefix[] ForbiddenDestinations = [Ipv6Prefix.Parse("fe80::/10"), Ipv6Prefix.Parse("ff00::/8")];

    /// <summary>
    /// Lets IPv6 packets from the guest's own addresses through, unless they begin with a header that is not for guests, fragmented or
    /// not, or go to the link, to a group, or to the host. Everything else is dropped: ARP, IPv4 and neighbour discovery too. What goes through
    /// may be for any link-layer address: the guest still knows those of its neighbours on its own link.
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
        return
        [
            .. headers.Select((match, at) => Rule(1 + at, match, FilterAction.Drop)),
            .. ForbiddenDestinations.Select((prefix, at) => Rule(FirstDestination + at, new FlowerMatch { Destination = prefix }, FilterAction.Drop)),
            .. Placed(hostAddresses.Where(address => !address.IsLinkLocal), FirstHostAddress)
                .Select(host => Rule(host.Place, new FlowerMatch { Destination = host.Address }, FilterAction.Drop)),
            .. Placed(sources, FirstSource).Select(own => Rule(own.Place, new FlowerMatch { Source = own.Address }, FilterAction.Receive)),
            Rule(Last, new AnyMatch(), FilterAction.Drop),
        ];

        Filter Rule(int priority, FilterMatch match, FilterAction action) => new(link, FilterHook.Ingress, (ushort)priority, match, action);
    }

    /// <summary>A filter's place follows from its address: were they numbered, one that goes would move others, each with a moment without it.</summary>
    private static IEnumerable<(int Place, Ipv6Prefix Address)> Placed(IEnumerable<Ipv6Address> addresses, int first)
    {
        var taken = new HashSet<int>();
        foreach (var address in addresses.Distinct().Order())
        {
            var place = (int)(address.Bits % Places);
            while (!taken.Add(place))
            {
                place = (place + 1) % Places;
            }

            yield return (first + place, new(address, 128));
        }
    }
}
