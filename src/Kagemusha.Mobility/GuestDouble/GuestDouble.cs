using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>
/// A guest that has left its home link, on that link, until the home agent defends its addresses: who asks for one is given the guest's own
/// link-layer address (RFC 4861, section 7.2.4), to which frames are taken after it. Once it has fallen silent it stays so.
/// </summary>
public sealed class GuestDouble
{
    private readonly LinkLayerAddress _guest;
    private readonly HashSet<Ipv6Address> _answeredFor;

    /// <summary>A double that answers from now on.</summary>
    /// <param name="guest">The guest's link-layer address.</param>
    /// <param name="homeAddresses">The guest's addresses that the home agent is to defend.</param>
    public GuestDouble(LinkLayerAddress guest, IEnumerable<Ipv6Address> homeAddresses)
    {
        _guest = guest;
        _answeredFor = [.. homeAddresses];
    }

    /// <summary>Takes a message that came in from the home link, never one of the double's own, and says what to send there.</summary>
    /// <param name="packet">The message.</param>
    /// <param name="source">The frame's source.</param>
    public IReadOnlyList<NeighbourDiscoveryFrame> Handle(NeighbourDiscoveryPacket packet, LinkLayerAddress source)
    {
        if (source == _guest)
        {
            _answeredFor.Clear(); // The guest is back, and speaks for itself.
            return [];
        }

        switch (packet.Message)
        {
            case NeighbourAdvertisement advertisement when IsDefence(advertisement):
                _answeredFor.Remove(advertisement.Target);
                return [];
            case NeighbourSolicitation solicitation when !packet.Source.IsUnspecified && _answeredFor.Contains(solicitation.Target):
                return [Answer(packet.Source, source, solicitation)];
            default:
                // From the unspecified address it is the home agent's duplicate address detection, which is to succeed.
                return [];
        }
    }

    // Without the override flag, or a link-layer address, it changes nobody's cache (RFC 4861, section 7.2.5).
    private bool IsDefence(NeighbourAdvertisement advertisement) =>
        advertisement.Flags.HasFlag(NeighbourAdvertisementFlags.Override)
        && advertisement.Options.OfType<TargetLinkLayerAddress>().FirstOrDefault() is { Address: var address }
        && address != _guest;

    private NeighbourDiscoveryFrame Answer(Ipv6Address asker, LinkLayerAddress frameSource, NeighbourSolicitation solicitation)
    {
        var answer = new NeighbourAdvertisement(
            solicitation.Target,
            NeighbourAdvertisementFlags.Solicited | NeighbourAdvertisementFlags.Override,
            [new TargetLinkLayerAddress(_guest)]);
        var asked = solicitation.Options.OfType<SourceLinkLayerAddress>().FirstOrDefault();
        return new(asked?.Address ?? frameSource, _guest, new(solicitation.Target, asker, answer));
    }
}
