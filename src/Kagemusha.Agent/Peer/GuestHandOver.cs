using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>An interface at the source.</summary>
/// <param name="CareOfAddress">The care-of address that it has there; null on its home link.</param>
/// <param name="Hold">For how long the home agent may still drop what follows an update.</param>
internal sealed record HandedLink(Ipv6Address? CareOfAddress, TimeSpan Hold);

/// <summary>What the source's agent knows of a guest that is coming.</summary>
/// <param name="Profile">The metadata, brought up to date.</param>
/// <param name="Snapshots">The registrations.</param>
/// <param name="Links">The interfaces, by the guest's address.</param>
internal sealed record GuestHandOver(
    MobilityProfile Profile,
    IReadOnlyDictionary<Ipv6Address, MobileNodeSnapshot> Snapshots,
    IReadOnlyDictionary<LinkLayerAddress, HandedLink> Links)
{
    // Longer, and a guest would notice it; what is less is a home agent's.
    private const double LongestHold = 1;

    // RFC 6275, section 6.1.7: a lifetime has 16 bits of 4 s.
    private const double LongestLifetime = 4 * ushort.MaxValue;

    // RFC 4861, section 4.6.2: an address' has 32 bits of 1 s.
    private const double LongestAddressLifetime = uint.MaxValue;

    /// <summary>What this host hands over.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="holdFor">How long packets are to be held behind an update to a home agent.</param>
    public static HandOver Of(Guest guest, Func<Ipv6Address, TimeSpan> holdFor) => new([.. guest.Links.Select(link => new HandedInterface(
        link.Enrolled.Mac,
        [.. link.Enrolled.Link.Prefixes],
        link.Enrolled.Link.Router,
        link.Enrolled.Link.RouterLinkLayerAddress,
        link.Enrolled.Link.Mtu,
        link.Enrolled.Link.RouterAdvertisement.Span.ToArray(),
        (link.Attachment as Attachment.Away)?.CareOf.Address,
        holdFor(link.HomeAgent).TotalSeconds,
        [.. link.Enrolled.HomeAgents],
        [.. link.Registrations.Select(Of)]))]);

    /// <summary>What was handed over, if it is of this guest.</summary>
    /// <param name="handOver">The source's answer.</param>
    /// <param name="profile">The guest's metadata.</param>
    /// <exception cref="PeerException">It does not fit the metadata.</exception>
    public static GuestHandOver Read(HandOver handOver, MobilityProfile profile)
    {
        var snapshots = new Dictionary<Ipv6Address, MobileNodeSnapshot>();
        var links = new Dictionary<LinkLayerAddress, HandedLink>();
        var interfaces = profile.Interfaces.Select(enrolled =>
        {
            var handed = handOver.Interfaces.FirstOrDefault(each => each.Mac == enrolled.Mac)
                ?? throw new PeerException($"its answer says nothing of the interface {enrolled.Mac}");
            if (!IsHold(handed.Hold))
            {
                throw new PeerException($"its answer has a time to hold packets for {enrolled.Mac} that cannot be");
            }

            if (handed.CareOfAddress is { } careOf && (!careOf.IsRoutableUnicast || handed.Addresses.Any(each => each.HomeAddress == careOf)))
            {
                throw new PeerException($"its answer has a care-of address for {enrolled.Mac} that cannot be: {careOf}");
            }

            if (handed.HomeAgents.Count is 0 or > HomeAgentDiscovery.MostHomeAgents || handed.HomeAgents.Any(homeAgent => !homeAgent.IsRoutableUnicast))
            {
                throw new PeerException($"its answer has home agents for {enrolled.Mac} that cannot be: {string.Join(", ", handed.HomeAgents)}");
            }

            links[enrolled.Mac] = new(handed.CareOfAddress, TimeSpan.FromSeconds(handed.Hold));
            return enrolled.WithHomeAgents([.. handed.HomeAgents]) with
            {
                Link = new([.. handed.Prefixes], handed.Router, handed.RouterLinkLayerAddress, handed.Mtu, [.. handed.RouterAdvertisement]),
                Addresses = [.. Addresses(handed, enrolled).Select(address => Read(handed, address, snapshots))],
            };
        });
        return new(profile with { Interfaces = [.. interfaces] }, snapshots, links);
    }

    /// <summary>Whether so many seconds may be a time to hold packets.</summary>
    public static bool IsHold(double seconds) => seconds is >= 0 and <= LongestHold;

    private static HandedAddress Of(Registration registration)
    {
        var snapshot = registration.Node.TakeSnapshot(Clock.Now);
        return new(
            registration.Address,
            snapshot.ReservedThrough,
            snapshot.CareOfAddress,
            snapshot.BindingRemaining.TotalSeconds,
            snapshot.BindingMayRemain.TotalSeconds,
            registration.Node.HomeAgent,
            snapshot.HomeAddressRemaining?.TotalSeconds,
            [.. snapshot.MayRemainElsewhere.Select(held => new HandedBinding(held.HomeAgent, held.Remaining.TotalSeconds))]);
    }

    /// <summary>
    /// Those of the metadata, and those that were learnt since it could be written last; what was lost since then is left out. The metadata's own count
    /// as they are, of the others no more than anybody learns.
    /// </summary>
    private static IEnumerable<EnrolledAddress> Addresses(HandedInterface handed, EnrolledInterface enrolled)
    {
        var known = enrolled.Addresses.Where(
            address => address.Origin == HomeAddressOrigin.Given || handed.Addresses.Any(each => each.HomeAddress == address.Address)).ToList();
        var learnt = handed.Addresses.Select(each => each.HomeAddress).Distinct()
            .Where(address => enrolled.Addresses.All(each => each.Address != address)).ToList();
        foreach (var foreign in learnt.Where(address => !address.IsRoutableUnicast || !enrolled.Link.Prefixes.Any(prefix => prefix.Contains(address))))
        {
            throw new PeerException($"its answer has a home address for {enrolled.Mac} that is in no home prefix: {foreign}");
        }

        var room = Math.Max(0, HomeAddressLearner.MaxLearnt - known.Count(address => address.Origin == HomeAddressOrigin.Learnt));
        return [.. known, .. learnt.Take(room).Select(address => new EnrolledAddress(address, 0, BindingPossible: false, HomeAddressOrigin.Learnt))];
    }

    private static EnrolledAddress Read(HandedInterface handed, EnrolledAddress enrolled, Dictionary<Ipv6Address, MobileNodeSnapshot> snapshots)
    {
        var address = handed.Addresses.FirstOrDefault(each => each.HomeAddress == enrolled.Address)
            ?? throw new PeerException($"its answer says nothing of the home address {enrolled.Address}");
        if (address is not { BindingRemaining: >= 0 and <= LongestLifetime, BindingMayRemain: >= 0 and <= LongestLifetime }
            || address.HomeAddressRemaining is not (null or (>= 0 and <= LongestAddressLifetime))
            || address.MayRemainElsewhere.Any(held => held.Remaining is not (>= 0 and <= LongestLifetime)))
        {
            throw new PeerException($"its answer has a lifetime for {enrolled.Address} that cannot be");
        }

        if (!address.HomeAgent.IsRoutableUnicast || address.MayRemainElsewhere.Any(held => !held.HomeAgent.IsRoutableUnicast))
        {
            throw new PeerException($"its answer has a home agent for {enrolled.Address} that cannot be");
        }

        snapshots.Add(enrolled.Address, new(
            address.ReservedThrough,
            address.CareOfAddress,
            TimeSpan.FromSeconds(address.BindingRemaining),
            TimeSpan.FromSeconds(address.BindingMayRemain))
        {
            HomeAgent = address.HomeAgent,
            HomeAddressRemaining = address.HomeAddressRemaining is { } remaining ? TimeSpan.FromSeconds(remaining) : null,
            MayRemainElsewhere = [.. address.MayRemainElsewhere.Select(held => new HeldBinding(held.HomeAgent, TimeSpan.FromSeconds(held.Remaining)))],
        });
        return enrolled with
        {
            ReservedThrough = address.ReservedThrough,
            BindingPossible = snapshots[enrolled.Address].MayRemain,
            HomeAgent = address.HomeAgent == handed.HomeAgents[0] ? null : address.HomeAgent,
        };
    }
}
