using System.Diagnostics.CodeAnalysis;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>The enrolled domains on this host.</summary>
internal sealed class GuestTable
{
    private readonly Dictionary<Guid, Guest> _guests = [];
    private readonly Dictionary<Guid, Guest> _departed = [];

    public IReadOnlyCollection<Guest> All => _guests.Values;

    /// <summary>How the kernel is to serve all of them.</summary>
    public IReadOnlyCollection<AwayLink> AwayLinks =>
        [.. Served.SelectMany(guest => guest.Links.Select(guest.AwayPath)).OfType<AwayLink>()];

    /// <summary>The taps that nothing is to pass.</summary>
    public IReadOnlyCollection<string> SeveredTaps =>
        [.. Served.SelectMany(guest => guest.Links).Select(link => (link.Attachment as Attachment.Severed)?.Tap).OfType<string>()];

    /// <summary>The interfaces that are put on a bridge because the administrator has said so.</summary>
    public IReadOnlyCollection<(string Tap, string Bridge, LinkLayerAddress Mac)> GivenPorts =>
        [.. from link in _guests.Values.SelectMany(guest => guest.Links)
            let home = link.Attachment as Attachment.Home
            where home is { IsGiven: true, Tap: not null }
            select (home.Tap, home.Bridge, link.Enrolled.Mac)];

    /// <summary>And those on their home link that are handed over.</summary>
    public IReadOnlyCollection<HomeLinkPath> HomeLinkPaths =>
        [.. Served.SelectMany(guest => guest.Links.Select(guest.HomePath)).OfType<HomeLinkPath>()];

    /// <summary>The guests that go to another host: those that are still here, and those that have gone and for which packets may still come.</summary>
    public IEnumerable<Guest> Departures => _guests.Values.Concat(_departed.Values).Where(guest => guest.Departure is not null);

    // One that is coming back is served with what is still done for it since it left.
    private IEnumerable<Guest> Served => _guests.Values.Concat(_departed.Values.Where(guest => !_guests.ContainsKey(guest.Uuid)));

    public bool TryFind(Guid uuid, [NotNullWhen(true)] out Guest? guest) => _guests.TryGetValue(uuid, out guest);

    /// <summary>Another guest that has this home address here, or null.</summary>
    public Guest? OtherWith(Guid uuid, Ipv6Address homeAddress) => _guests.Values.FirstOrDefault(guest =>
        guest.Uuid != uuid && guest.Registrations.Any(registration => registration.Address == homeAddress));

    /// <summary>Another guest that has this link-layer address away from home here, or null.</summary>
    public Guest? OtherWith(Guid uuid, LinkLayerAddress mac) => _guests.Values.FirstOrDefault(guest =>
        guest.Uuid != uuid && guest.Links.Any(link => link.Attachment is Attachment.Away or Attachment.Severed { Tap: not null } && link.Enrolled.Mac == mac));

    public void Put(Guest guest)
    {
        Remove(guest.Uuid);
        if (guest.Presence == Presence.Incoming)
        {
            guest.Before = _departed.GetValueOrDefault(guest.Uuid);
        }
        else
        {
            RemoveDeparted(guest);
        }

        _guests.Add(guest.Uuid, guest);
    }

    /// <summary>The guest lives on elsewhere, and what comes for it is led there.</summary>
    public void Depart(Guest guest)
    {
        RemoveDeparted(guest);
        _guests.Remove(guest.Uuid);
        _departed.Add(guest.Uuid, guest);
        foreach (var link in guest.Links)
        {
            link.Dispose();
            link.GuestPort = null;
            link.HomeLinkPort = null;
        }
    }

    /// <summary>Nothing comes any more for a guest that has gone.</summary>
    public void RemoveDeparted(Guest guest)
    {
        if (_departed.Remove(guest.Uuid, out var departed))
        {
            departed.Dispose();
        }

        if (_guests.TryGetValue(guest.Uuid, out var present))
        {
            present.Before = null;
        }
    }

    public void Remove(Guid uuid)
    {
        if (_guests.Remove(uuid, out var guest))
        {
            guest.Dispose();
        }
    }
}
