using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>What the source's agent knows of a guest that is coming.</summary>
/// <param name="Profile">The metadata, brought up to date.</param>
/// <param name="Snapshots">The registrations.</param>
internal sealed record GuestHandOver(MobilityProfile Profile, IReadOnlyDictionary<Ipv6Address, MobileNodeSnapshot> Snapshots)
{
    // RFC 6275, section 6.1.7: a lifetime has 16 bits of 4 s.
    private const double LongestLifetime = 4 * ushort.MaxValue;

    /// <summary>What this host hands over.</summary>
    public static HandOver Of(Guest guest) => new([.. guest.Links.Select(link => new HandedInterface(
        link.Enrolled.Mac,
        [.. link.Enrolled.Link.Prefixes],
        link.Enrolled.Link.Router,
        link.Enrolled.Link.RouterLinkLayerAddress,
        link.Enrolled.Link.Mtu,
        link.Enrolled.Link.RouterAdvertisement.Span.ToArray(),
        [.. link.Registrations.Select(Of)]))]);

    /// <summary>What was handed over, if it is of this guest.</summary>
    /// <param name="handOver">The source's answer.</param>
    /// <param name="profile">The guest's metadata.</param>
    /// <exception cref="PeerException">It does not fit the metadata.</exception>
    public static GuestHandOver Read(HandOver handOver, MobilityProfile profile)
    {
        var snapshots = new Dictionary<Ipv6Address, MobileNodeSnapshot>();
        var interfaces = profile.Interfaces.Select(enrolled =>
        {
            var handed = handOver.Interfaces.FirstOrDefault(each => each.Mac == enrolled.Mac)
                ?? throw new PeerException($"its answer says nothing of the interface {enrolled.Mac}");
            return enrolled with
            {
                Link = new([.. handed.Prefixes], handed.Router, handed.RouterLinkLayerAddress, handed.Mtu, [.. handed.RouterAdvertisement]),
                Addresses = [.. enrolled.Addresses.Select(address => Read(handed, address, snapshots))],
            };
        });
        return new(profile with { Interfaces = [.. interfaces] }, snapshots);
    }

    private static HandedAddress Of(Registration registration)
    {
        var snapshot = registration.Node.TakeSnapshot(Clock.Now);
        return new(
            registration.Address,
            snapshot.ReservedThrough,
            snapshot.CareOfAddress,
            snapshot.BindingRemaining.TotalSeconds,
            snapshot.BindingMayRemain.TotalSeconds);
    }

    private static EnrolledAddress Read(HandedInterface handed, EnrolledAddress enrolled, Dictionary<Ipv6Address, MobileNodeSnapshot> snapshots)
    {
        var address = handed.Addresses.FirstOrDefault(each => each.HomeAddress == enrolled.Address)
            ?? throw new PeerException($"its answer says nothing of the home address {enrolled.Address}");
        if (address is not { BindingRemaining: >= 0 and <= LongestLifetime, BindingMayRemain: >= 0 and <= LongestLifetime })
        {
            throw new PeerException($"its answer has a lifetime for {enrolled.Address} that cannot be");
        }

        snapshots.Add(enrolled.Address, new(
            address.ReservedThrough,
            address.CareOfAddress,
            TimeSpan.FromSeconds(address.BindingRemaining),
            TimeSpan.FromSeconds(address.BindingMayRemain)));
        return enrolled with { ReservedThrough = address.ReservedThrough, BindingPossible = address.BindingMayRemain > 0 };
    }
}
