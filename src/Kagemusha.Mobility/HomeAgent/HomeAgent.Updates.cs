using Kagemusha.Wire;

namespace Kagemusha.Mobility;

public sealed partial class HomeAgent
{
    // Options that tie an update to return routability: never in a home registration (RFC 6275, section 9.5.1).
    private const byte NonceIndices = 4;
    private const byte BindingAuthorizationData = 5;

    /// <summary>MAX_DELETE_BCE_TIMEOUT (RFC 6275, section 12).</summary>
    public static readonly TimeSpan MaxDeleteBceTimeout = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Ipv6Address, (ushort Sequence, TimeSpan Until)> _endedSequences = [];
    private readonly Queue<(Ipv6Address HomeAddress, TimeSpan Until)> _ended = [];

    /// <summary>A Binding Update with what follows from its packet. AtHome: the mobile node's link-layer address when at home.</summary>
    private sealed record Update(
        Ipv6Address HomeAddress,
        Ipv6Address CareOfAddress,
        ushort Sequence,
        TimeSpan Lifetime,
        Ipv6Address Source,
        Ipv6Address Destination,
        LinkLayerAddress? AtHome,
        Ipv6Address? LinkLocalAddress)
    {
        /// <summary>RFC 6275, section 10.3.1: a care-of address that is the home address ends the binding, too.</summary>
        public bool IsDeregistration => Lifetime == TimeSpan.Zero || CareOfAddress == HomeAddress;
    }

    private void HandleUpdate(TimeSpan now, MobilityPacket packet, BindingUpdate message, LinkLayerAddress? homeLinkSender)
    {
        var homeAddress = packet.HomeAddressOption ?? packet.Source;
        var careOfAddress = message.Options.OfType<AlternateCareOfAddress>().FirstOrDefault()?.Address ?? packet.Source;
        var update = new Update(homeAddress, careOfAddress, message.Sequence, LifetimeUnit * message.Lifetime, packet.Source, packet.Destination,
            homeAddress == packet.Source ? homeLinkSender : null,
            message.Flags.HasFlag(BindingUpdateFlags.LinkLocalAddressCompatibility) ? homeAddress.LinkLocal : null);

        if (Invalid(update, message) is { } fault)
        {
            Discard(packet, fault);
        }
        else if (packet.Destination != _configuration.Address)
        {
            // RFC 6275, section 10.3.1: this node is configured to be a home agent, but not there.
            Refuse(update, BindingStatus.HomeRegistrationNotSupported,
                $"it was sent to {packet.Destination}, which is not the home agent's address: that is {_configuration.Address}");
        }
        else if (LastSequence(now, homeAddress) is { } last && !IsNewer(update.Sequence, last))
        {
            Refuse(update, BindingStatus.SequenceNumberOutOfWindow, $"{update.Sequence} is not after {last}", last);
        }
        else if (_detections.TryGetValue(homeAddress, out var detection) && !IsNewer(update.Sequence, detection.Update.Sequence))
        {
            Discard(packet, $"sequence number {update.Sequence} is not after {detection.Update.Sequence}, which waits for an answer");
        }
        else if (!message.Flags.HasFlag(BindingUpdateFlags.HomeRegistration))
        {
            Refuse(update, BindingStatus.RegistrationTypeChangeDisallowed, "the binding is a home registration, the update is none");
        }
        else if (IsLearning && !IsHome(homeAddress))
        {
            Discard(packet, "the home link's routers have not said yet which prefixes there are");
        }
        else if (Forbidden(now, update) is var (status, reason))
        {
            Refuse(update, status, reason);
        }
        else if (update.IsDeregistration)
        {
            Deregister(now, update);
        }
        else
        {
            Register(now, update);
        }
    }

    /// <summary>RFC 6275, section 9.5.1: what is wrong with an update that must be discarded in silence; null when nothing is.</summary>
    private string? Invalid(Update update, BindingUpdate message)
    {
        if (!update.HomeAddress.IsRoutableUnicast || !update.Source.IsRoutableUnicast)
        {
            return "home address or source is not a routable unicast address";
        }

        // Section 6.1.7.
        if (!update.CareOfAddress.IsRoutableUnicast)
        {
            return "the care-of address is not a routable unicast address";
        }

        if (!message.Flags.HasFlag(BindingUpdateFlags.HomeRegistration))
        {
            return _bindings.ContainsKey(update.HomeAddress) ? null : "it is no home registration";
        }

        if (message.Options.Any(option => option is UnknownMobilityOption { Type: NonceIndices or BindingAuthorizationData }))
        {
            return "a home registration carries no option of return routability";
        }

        // Without a Home Address option the source is the home address, and its owner is on the home link (section 11.5.5).
        return update.Source != update.HomeAddress || (update.AtHome is not null && update.IsDeregistration)
            ? null
            : "from a home address only a de-registration is taken, and only on the home link";
    }

    /// <summary>Why this home agent will not serve an update that is in order (RFC 6275, section 10.3.1).</summary>
    private (BindingStatus Status, string Reason)? Forbidden(TimeSpan now, Update update)
    {
        // Who ends a binding from away has to be where it may be, too.
        if (update.AtHome is null && Denied(update.HomeAddress, update.IsDeregistration ? update.Source : update.CareOfAddress) is { } denied)
        {
            return (BindingStatus.AdministrativelyProhibited, denied);
        }

        if (update.IsDeregistration && _bindings.ContainsKey(update.HomeAddress))
        {
            return null;
        }

        if (_prefixes.IsEmpty)
        {
            return (BindingStatus.HomeRegistrationNotSupported, "no home prefix is served");
        }

        if (_prefixes.Of(update.HomeAddress) is not { } prefix)
        {
            return (BindingStatus.NotHomeSubnet, "the home address is in no home prefix");
        }

        if (update.IsDeregistration)
        {
            return null;
        }

        if (prefix.ValidUntil - now < LifetimeUnit)
        {
            return (BindingStatus.NotHomeSubnet, "the home address's prefix is about to end");
        }

        if (prefix.IsAnycast(update.HomeAddress))
        {
            return (BindingStatus.DuplicateAddressDetectionFailed, "the home address is an anycast address of the home link");
        }

        if (IsOwn(update.HomeAddress) || (update.LinkLocalAddress is { } linkLocal && IsOwn(linkLocal)))
        {
            return (BindingStatus.DuplicateAddressDetectionFailed, "the home address is this node's own");
        }

        // A tunnel that ends inside another one, or here, would be a loop.
        if (IsOwn(update.CareOfAddress) || _bindings.ContainsKey(update.CareOfAddress) || _boundTo.ContainsKey(update.HomeAddress))
        {
            return (BindingStatus.AdministrativelyProhibited, "the care-of address is this node's or a mobile node's home address");
        }

        var isKnown = _bindings.ContainsKey(update.HomeAddress) || _detections.ContainsKey(update.HomeAddress);
        var hasRoom = _bindings.Count + _detections.Count < _configuration.MaximumBindings
            && _detections.Count < _configuration.MaximumDetections;
        return isKnown || hasRoom ? null : (BindingStatus.InsufficientResources, "there are as many bindings as there may be");
    }

    /// <summary>Why the access list does not let the home address be there; null if it does.</summary>
    private string? Denied(Ipv6Address homeAddress, Ipv6Address careOfAddress)
    {
        var rules = _configuration.AccessList.Where(rule => rule.HomeAddresses.Contains(homeAddress)).ToList();
        return rules.Count == 0 ? "the access list does not have the home address"
            : rules.Exists(rule => rule.CareOfAddresses.Contains(careOfAddress)) ? null
            : $"the access list has the home address from {string.Join(" and ", rules.Select(rule => rule.CareOfAddresses))} only, not from {careOfAddress}";
    }

    private void Register(TimeSpan now, Update update)
    {
        if (_bindings.TryGetValue(update.HomeAddress, out var binding))
        {
            Accept(now, update, binding.CareOfAddress == update.CareOfAddress ? BindingCacheChange.Refreshed : BindingCacheChange.Moved);
        }
        else
        {
            Detect(now, update);
        }
    }

    private void Accept(TimeSpan now, Update update, BindingCacheChange change)
    {
        // RFC 6275, section 10.3.1: not beyond what was asked for, nor beyond the prefix; in whole units, which are compared, too.
        var prefix = _prefixes.Of(update.HomeAddress) ?? throw new InvalidOperationException("what is accepted is in a home prefix");
        var valid = Units(prefix.ValidUntil - now);
        var units = Math.Min(Math.Min(Units(update.Lifetime), Units(_configuration.MaximumLifetime)), valid);
        var status = Units(prefix.PreferredUntil - now) < units || valid == units
            ? BindingStatus.AcceptedPrefixDiscoveryNecessary
            : BindingStatus.Accepted;
        var binding = new BindingCacheEntry(update.HomeAddress, update.CareOfAddress, update.Sequence, now + units * LifetimeUnit)
        {
            // What was not tested when the binding began is not defended.
            LinkLocalAddress = _bindings.TryGetValue(update.HomeAddress, out var last)
                ? last.LinkLocalAddress is null ? null : update.LinkLocalAddress
                : update.LinkLocalAddress,
        };
        Bind(binding);
        _endedSequences.Remove(update.HomeAddress);
        _effects.Add(new HomeAgentEffect.BindingChanged(binding, change, units * LifetimeUnit));
        if (_claimed.Remove(update.HomeAddress) || change == BindingCacheChange.Registered)
        {
            _announcements[update.HomeAddress] = new(AdvertisementCount, now);
            Announce(now);
        }

        if (change == BindingCacheChange.Registered)
        {
            SchedulePrefixes(now, update.HomeAddress);
        }

        Acknowledge(update, status, update.Sequence, (ushort)units);
    }

    private static long Units(TimeSpan lifetime) => (long)Math.Floor(lifetime / LifetimeUnit);

    /// <summary>RFC 6275, section 10.3.2.</summary>
    private void Deregister(TimeSpan now, Update update)
    {
        // The mobile node has changed its mind, or is at home and would fail its own duplicate address detection.
        _detections.Remove(update.HomeAddress);
        if (_bindings.TryGetValue(update.HomeAddress, out var binding))
        {
            End(now, binding, BindingCacheChange.Deregistered);
            RememberEnded(now, update);
            Acknowledge(update, BindingStatus.Accepted, update.Sequence, 0);
        }
        else
        {
            Refuse(update, BindingStatus.NotHomeAgentForThisMobileNode, "there is no binding to end");
        }
    }

    private void Refuse(Update update, BindingStatus status, string reason, ushort? sequence = null)
    {
        _effects.Add(new HomeAgentEffect.Refused(update.HomeAddress, update.CareOfAddress, status, reason));
        Acknowledge(update, status, sequence ?? update.Sequence, 0);
    }

    /// <summary>
    /// RFC 6275, sections 9.5.4 and 10.3.1: to the update's source with a type 2 routing header, or without one to a mobile node at home;
    /// whether or not the update asked for it. Flags stay zero: keys are not managed here (K).
    /// </summary>
    private void Acknowledge(Update update, BindingStatus status, ushort sequence, ushort lifetime)
    {
        var packet = new MobilityPacket(update.Destination, update.Source, null, update.AtHome is null ? update.HomeAddress : null,
            new BindingAcknowledgement(status, default, sequence, lifetime, []));
        _effects.Add(update.AtHome is { } destination
            ? new HomeAgentEffect.SendOnHomeLink(packet, destination)
            : new HomeAgentEffect.Send(packet));
    }

    private ushort? LastSequence(TimeSpan now, Ipv6Address homeAddress) =>
        _bindings.TryGetValue(homeAddress, out var binding) ? binding.Sequence
        : _endedSequences.TryGetValue(homeAddress, out var ended) && ended.Until > now ? ended.Sequence
        : null;

    /// <summary>
    /// RFC 6275, section 10.3.2: an update that was sent from away before the de-registration, and comes after it, must not bind the home address
    /// of a mobile node that is at home.
    /// </summary>
    private void RememberEnded(TimeSpan now, Update update)
    {
        var until = now + MaxDeleteBceTimeout;
        _endedSequences[update.HomeAddress] = (update.Sequence, until);
        _ended.Enqueue((update.HomeAddress, until));
        while (_ended.Count > _configuration.MaximumBindings || _ended.Peek().Until <= now)
        {
            var (homeAddress, oldest) = _ended.Dequeue();
            if (_endedSequences.TryGetValue(homeAddress, out var there) && there.Until == oldest)
            {
                _endedSequences.Remove(homeAddress);
            }
        }
    }

    /// <summary>RFC 6275, section 9.5.1: modulo 2^16, the 32768 numbers up to the last one are not newer.</summary>
    private static bool IsNewer(ushort sequence, ushort last) => (short)(sequence - last) > 0;
}
