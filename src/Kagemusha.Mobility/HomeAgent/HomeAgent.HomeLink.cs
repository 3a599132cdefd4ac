using Kagemusha.Wire;

namespace Kagemusha.Mobility;

public sealed partial class HomeAgent
{
    /// <summary>How long duplicate address detection waits for an answer: RetransTimer (RFC 4862, section 5.4).</summary>
    public static readonly TimeSpan DetectionTime = TimeSpan.FromSeconds(1);

    // MAX_NEIGHBOR_ADVERTISEMENT, with RetransTimer between them (RFC 4861, sections 7.2.6 and 10).
    private const int AdvertisementCount = 3;
    private static readonly TimeSpan AdvertisementInterval = TimeSpan.FromSeconds(1);

    private readonly DeadlineMap<Detection> _detections = new(detection => detection.Ends);
    private readonly DeadlineMap<Announcement> _announcements = new(announcement => announcement.Due);

    /// <summary>A registration that waits for duplicate address detection, by its latest update.</summary>
    private sealed record Detection(Update Update, TimeSpan Ends);

    /// <summary>How often a home address is still to be advertised, and when next.</summary>
    private sealed record Announcement(int Left, TimeSpan Due);

    /// <summary>
    /// RFC 6275, section 10.3.1: before a binding begins, nobody on the home link may have the home address. Repeated updates are not
    /// answered meanwhile, but the acknowledgement is for the latest of them.
    /// </summary>
    private void Detect(TimeSpan now, Update update)
    {
        if (_detections.TryGetValue(update.HomeAddress, out var detection))
        {
            _detections[update.HomeAddress] = detection with
            {
                // What the first one did not ask for is not being tested.
                Update = detection.Update.LinkLocalAddress is null ? update with { LinkLocalAddress = null } : update,
            };
            return;
        }

        _detections[update.HomeAddress] = new(update, now + DetectionTime);
        foreach (var address in Addresses(update.HomeAddress, update.LinkLocalAddress))
        {
            Multicast(new(Ipv6Address.Unspecified, address.SolicitedNode, new NeighbourSolicitation(address, [])));
        }
    }

    /// <summary>RFC 4862, section 5.4: an advertisement of the address, or somebody's own detection of it, makes it a duplicate.</summary>
    private void CheckForDuplicate(NeighbourDiscoveryPacket packet)
    {
        Ipv6Address? taken = packet.Message switch
        {
            NeighbourAdvertisement advertisement => advertisement.Target,
            NeighbourSolicitation solicitation when packet.Source.IsUnspecified => solicitation.Target,
            _ => null,
        };
        if (taken is not { } address)
        {
            return;
        }

        // Several home addresses may share one link-local address, and none is one.
        List<Update> tested = _detections.TryGetValue(address, out var detection) ? [detection.Update]
            : address.IsRoutableUnicast ? []
            : [.. _detections.Values.Select(d => d.Update).Where(u => u.LinkLocalAddress == address)];
        foreach (var update in tested)
        {
            _detections.Remove(update.HomeAddress);
            Refuse(update, BindingStatus.DuplicateAddressDetectionFailed, $"{address} is in use on the home link");
        }
    }

    /// <summary>
    /// RFC 6275, section 10.4.1: as a proxy (RFC 4861, section 7.2.8) it answers who looks for a mobile node, or whether it is still there, and who tests an address
    /// of one. O stays clear: the mobile node's own advertisement counts more when it is at home.
    /// </summary>
    private void AnswerNeighbour(NeighbourDiscoveryPacket packet, LinkLayerAddress sender)
    {
        if (packet.Message is not NeighbourSolicitation { Target: var target } solicitation || !(_bindings.ContainsKey(target) || _linkLocal.Contains(target)))
        {
            return;
        }

        TargetLinkLayerAddress here = new(_configuration.LinkLayerAddress);
        if (packet.Source.IsUnspecified)
        {
            Multicast(new(_configuration.Address, Ipv6Address.AllNodes, new NeighbourAdvertisement(target, NeighbourAdvertisementFlags.None, [here])));
        }
        else
        {
            _effects.Add(new HomeAgentEffect.SendOnHomeLink(
                new NeighbourDiscoveryPacket(_configuration.Address, packet.Source, new NeighbourAdvertisement(target, NeighbourAdvertisementFlags.Solicited, [here])),
                solicitation.Options.OfType<SourceLinkLayerAddress>().FirstOrDefault()?.Address ?? sender));
        }
    }

    private void FinishDetections(TimeSpan now)
    {
        foreach (var (_, detection) in _detections.TakeDue(now))
        {
            // Another binding may have begun meanwhile that this one must not meet.
            if (Forbidden(now, detection.Update) is var (status, reason))
            {
                Refuse(detection.Update, status, reason);
            }
            else
            {
                Accept(now, detection.Update, BindingCacheChange.Registered);
            }
        }
    }

    /// <summary>
    /// RFC 6275, section 10.4.1: neighbours are told that the home address is at this node's link-layer address.
    /// </summary>
    private void Announce(TimeSpan now)
    {
        foreach (var (homeAddress, announcement) in _announcements.TakeDue(now))
        {
            var linkLocalAddress = _bindings.TryGetValue(homeAddress, out var binding) ? binding.LinkLocalAddress : null;
            foreach (var address in Addresses(homeAddress, linkLocalAddress))
            {
                var advertisement = new NeighbourAdvertisement(
                    address, NeighbourAdvertisementFlags.Override, [new TargetLinkLayerAddress(_configuration.LinkLayerAddress)]);
                Multicast(new(_configuration.Address, Ipv6Address.AllNodes, advertisement));
            }

            if (announcement.Left > 1)
            {
                _announcements[homeAddress] = new(announcement.Left - 1, now + AdvertisementInterval);
            }
        }
    }

    /// <summary>RFC 6275, section 10.3.1: what the L bit asks to be tested and defended.</summary>
    private static Ipv6Address[] Addresses(Ipv6Address homeAddress, Ipv6Address? linkLocalAddress) =>
        linkLocalAddress is { } address ? [homeAddress, address] : [homeAddress];

    private void Multicast(NeighbourDiscoveryPacket packet) =>
        _effects.Add(new HomeAgentEffect.SendOnHomeLink(packet, LinkLayerAddress.ForMulticast(packet.Destination)));
}
