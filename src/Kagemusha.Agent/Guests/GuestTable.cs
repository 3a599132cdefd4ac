using System.Diagnostics.CodeAnalysis;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>The enrolled domains on this host.</summary>
internal sealed class GuestTable
{
    private readonly Dictionary<Guid, Guest> _guests = [];

    public IReadOnlyCollection<Guest> All => _guests.Values;

    /// <summary>How the kernel is to serve all of them.</summary>
    public IReadOnlyCollection<AwayLink> AwayLinks =>
        [.. _guests.Values.SelectMany(guest => guest.Links).Select(link => link.AwayLink).OfType<AwayLink>()];

    public bool TryFind(Guid uuid, [NotNullWhen(true)] out Guest? guest) => _guests.TryGetValue(uuid, out guest);

    /// <summary>Another guest that has this home address or this link-layer address here, or null.</summary>
    public Guest? OtherWith(Guid uuid, Ipv6Address homeAddress, LinkLayerAddress mac) => _guests.Values.FirstOrDefault(guest =>
        guest.Uuid != uuid && guest.Links.Any(link =>
            link.Registrations.Any(registration => registration.Address == homeAddress)
            || (link.Attachment is Attachment.Away && link.Enrolled.Mac == mac)));

    public void Put(Guest guest)
    {
        Remove(guest.Uuid);
        _guests.Add(guest.Uuid, guest);
    }

    public void Remove(Guid uuid)
    {
        if (_guests.Remove(uuid, out var guest))
        {
            guest.Dispose();
        }
    }
}
