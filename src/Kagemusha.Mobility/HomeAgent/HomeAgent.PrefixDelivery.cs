using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// RFC 6275, section 10.6: mobile nodes are told which prefixes their home link has.
public sealed partial class HomeAgent
{
    // PREFIX_ADV_RETRIES and PREFIX_ADV_TIMEOUT (RFC 6275, section 12); the time doubles.
    private const int PrefixAdvertisementRetries = 3;
    private static readonly TimeSpan PrefixAdvertisementTimeout = TimeSpan.FromSeconds(3);

    // News are looked at together: anybody on the home link can advertise some.
    private static readonly TimeSpan NewsInterval = TimeSpan.FromSeconds(1);

    // No mobile node is sent more of them (RFC 6275, section 6.8).
    private static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<Ipv6Address, TimeSpan> _advertisedAt = [];
    private readonly DeadlineMap<PrefixDelivery> _deliveries = new(delivery => delivery.Due);
    private readonly HashSet<Ipv6Prefix> _changedPrefixes = [];
    private bool _hasOtherPrefixes;
    private bool _hasNewPrefix;
    private TimeSpan? _newsDue;

    private enum DeliveryPhase
    {
        /// <summary>The mobile node knows all, or does not answer: there is nothing to say for MaxMobPfxAdvInterval.</summary>
        Resting,

        /// <summary>An advertisement is to be sent at a random time.</summary>
        Scheduled,

        /// <summary>It was sent, and no solicitation has come that says that it has arrived.</summary>
        Unacknowledged,
    }

    /// <summary>What a mobile node is to be sent. Sent: how often it was, for nothing.</summary>
    private sealed record PrefixDelivery(DeliveryPhase Phase, TimeSpan Due, int Sent);

    private void AnswerSolicitation(TimeSpan now, MobilityIcmpPacket packet, MobilePrefixSolicitation solicitation)
    {
        if (packet.Destination != _configuration.Address || packet.HomeAddressOption is not { } homeAddress
            || !IsBound(now, packet.Source, packet.Destination, homeAddress))
        {
            return;
        }

        // It acknowledges in any case; one that comes too early for an answer is repeated (section 11.4.2).
        Rest(now, homeAddress);
        if (!_advertisedAt.TryGetValue(homeAddress, out var last) || now - last >= LeastInterval)
        {
            AdvertisePrefixes(now, homeAddress, packet.Source, solicitation.Identifier);
        }
    }

    /// <summary>RFC 6275, section 10.6.2: what has changed of a home address's own prefix, and prefixes that are new.</summary>
    private void NoteNews(TimeSpan now, IEnumerable<HomePrefixChange> changes)
    {
        foreach (var change in changes)
        {
            _hasOtherPrefixes |= change.News != HomePrefixNews.Changed;
            _hasNewPrefix |= change.News == HomePrefixNews.Begun;
            _changedPrefixes.Add(change.Prefix);
            _newsDue ??= now + NewsInterval;
        }
    }

    private void SpreadNews(TimeSpan now)
    {
        if (!(_newsDue <= now))
        {
            return;
        }

        if (_hasOtherPrefixes)
        {
            SayPrefixes();
        }

        foreach (var binding in _bindings.Values)
        {
            if (_hasNewPrefix || _changedPrefixes.Any(prefix => prefix.Contains(binding.HomeAddress)))
            {
                SchedulePrefixes(now, binding.HomeAddress);
            }
        }

        (_hasOtherPrefixes, _hasNewPrefix, _newsDue) = (false, false, null);
        _changedPrefixes.Clear();
    }

    /// <summary>
    /// RFC 6275, section 10.6.2: RAND_ADV_DELAY from now, or when it was to be sent anyway, unless that is later than anything may be sent now. An advertisement
    /// that has not been acknowledged is begun again, with all that is to be said now.
    /// </summary>
    private void SchedulePrefixes(TimeSpan now, Ipv6Address homeAddress)
    {
        if (_configuration.PrefixAdvertisements is not { } intervals)
        {
            return;
        }

        var preferred = (_prefixes.Of(homeAddress)?.PreferredUntil ?? now) - now;
        var most = preferred < TimeSpan.Zero ? TimeSpan.Zero : preferred < intervals.Maximum ? preferred : intervals.Maximum;
        if (_deliveries.TryGetValue(homeAddress, out var there) && there.Phase == DeliveryPhase.Scheduled && there.Due <= now + most)
        {
            return;
        }

        var delay = intervals.Minimum + (most - intervals.Minimum).Duration() * _random();
        _deliveries[homeAddress] = new(DeliveryPhase.Scheduled, now + delay, 0);
    }

    private void DeliverPrefixes(TimeSpan now)
    {
        foreach (var (homeAddress, delivery) in _deliveries.TakeDue(now))
        {
            if (!_bindings.TryGetValue(homeAddress, out var binding))
            {
                continue;
            }

            if (delivery.Phase == DeliveryPhase.Resting)
            {
                SchedulePrefixes(now, homeAddress);
                continue;
            }

            AdvertisePrefixes(now, homeAddress, binding.CareOfAddress, 0);
            if (delivery.Sent < PrefixAdvertisementRetries)
            {
                _deliveries[homeAddress] = new(
                    DeliveryPhase.Unacknowledged, now + PrefixAdvertisementTimeout * (1 << delivery.Sent), delivery.Sent + 1);
            }
            else
            {
                Rest(now, homeAddress);
            }
        }
    }

    private void Rest(TimeSpan now, Ipv6Address homeAddress)
    {
        if (_configuration.PrefixAdvertisements is { } intervals)
        {
            _deliveries[homeAddress] = new(DeliveryPhase.Resting, now + intervals.Maximum, 0);
        }
    }

    /// <summary>
    /// RFC 6275, section 10.6.3: to the care-of address, with a type 2 routing header to the home address; always all prefixes. M and O stay clear: DHCPv6 does not
    /// go through the tunnel (section 6.8).
    /// </summary>
    private void AdvertisePrefixes(TimeSpan now, Ipv6Address homeAddress, Ipv6Address careOfAddress, ushort identifier)
    {
        _advertisedAt[homeAddress] = now;
        _effects.Add(new HomeAgentEffect.Send(new MobilityIcmpPacket(
            _configuration.Address,
            careOfAddress,
            null,
            homeAddress,
            new MobilePrefixAdvertisement(identifier, MobilePrefixFlags.None, [.. _prefixes.All.Select(prefix => prefix.ToOption(now))]))));
    }
}
