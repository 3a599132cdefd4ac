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
    private readonly HashSet<Ipv6Address> _claimed = []; // Bound home addresses that the guest has said to be at home.

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
    /// RFC 6275, section 10.4.1: as long as there is a binding the home address is this node's on the home link. Another that speaks for it, such as a home agent
    /// that begins again with a binding of before, is followed by an advertisement of ours, of which there is one a second at most; the guest, which has come home,
    /// is followed by one when it is registered away again.
    /// </summary>
    private void Defend(TimeSpan now, NeighbourDiscoveryPacket packet)
    {
        if (packet.Message is NeighbourAdvertisement advertisement
            && advertisement.Options.OfType<TargetLinkLayerAddress>().FirstOrDefault()?.Address is { } owner && owner != _configuration.LinkLayerAddress
            && _bindings.ContainsKey(advertisement.Target))
        {
            if (packet.Source == advertisement.Target)
            {
                _claimed.Add(advertisement.Target);
            }
            else if (!_announcements.ContainsKey(advertisement.Target))
            {
                _announcements[advertisement.Target] = new(1, now + AdvertisementInterval);
            }
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
    /// RFC 6275, section 10.4.1: neighbours are told that the home address is at this node's link-layer address; solicitations are
    /// answered by the kernel's proxy.
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
