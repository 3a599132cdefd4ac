using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>Where the guests went that have gone from this host: the last ones, for who comes too late with what their metadata once said.</summary>
internal sealed class Departures
{
    private const int Most = 256;

    private readonly Queue<Guid> _order = [];
    private readonly Dictionary<Guid, (OneTimeToken Token, PeerEndpoint? To)> _gone = [];

    /// <summary>The guest lives on elsewhere.</summary>
    public void Add(Guest guest)
    {
        if (guest.PublishedTicket is not { } ticket)
        {
            return;
        }

        if (_gone.TryAdd(guest.Uuid, default))
        {
            _order.Enqueue(guest.Uuid);
        }

        _gone[guest.Uuid] = (ticket.Token, guest.HandedOver?.To);
        if (_order.Count > Most)
        {
            _gone.Remove(_order.Dequeue());
        }
    }

    /// <summary>The answer for who shows the guest's last token, or null.</summary>
    public HandedOver? Find(Guid uuid, OneTimeToken token) =>
        _gone.TryGetValue(uuid, out var gone) && gone.Token.Matches(token) ? new(gone.To) : null;
}
