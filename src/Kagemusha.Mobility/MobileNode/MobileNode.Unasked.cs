using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// What the home agent says unasked (RFC 6275, section 6.1.2; RFC 5846).
public sealed partial class MobileNode
{
    private bool IsFromHomeAgent(MobilityPacket packet) =>
        _place == Place.Away
        && (packet.Source == HomeAgent || _mayRemainUntil.ContainsKey(packet.Source))
        && packet.Destination == _updateSource
        && packet.HomeAddressOption is null
        && packet.Type2RoutingHeader == _configuration.HomeAddress;

    private void ReceiveUnasked(TimeSpan now, MobilityPacket packet, List<MobileNodeEffect> effects)
    {
        switch (packet.Message)
        {
            case BindingRefreshRequest when _binding?.HomeAgent == packet.Source && _unanswered == 0:
                RefreshSoon(now);
                break;
            case BindingRevocationIndication indication:
                Revoke(now, packet.Source, indication, effects);
                break;
        }
    }

    // No request makes it send more often than a repetition would.
    private void RefreshSoon(TimeSpan now)
    {
        var soonest = Later(now, _lastUpdateAt + InitialBindackTimeout);
        if (soonest < _nextUpdateAt)
        {
            StartUpdates(soonest);
        }
    }

    // The flags of other kinds of mobility first (RFC 5846, section 5.2): nothing of them is here to be revoked.
    private void Revoke(TimeSpan now, Ipv6Address homeAgent, BindingRevocationIndication indication, List<MobileNodeEffect> effects)
    {
        var isServing = _binding is { } binding && (binding.HomeAgent, binding.CareOfAddress) == (homeAgent, _updateSource);
        var status = indication.Flags.HasFlag(RevocationFlags.Proxy) ? RevocationStatus.ProxyNotSupported
            : indication.Flags.HasFlag(RevocationFlags.Global) ? RevocationStatus.GlobalRevocationNotAuthorized
            : indication.Flags.HasFlag(RevocationFlags.Ipv4HomeAddressOnly) ? RevocationStatus.Ipv4BindingDoesNotExist
            : isServing || (homeAgent != HomeAgent && _mayRemainUntil.ContainsKey(homeAgent)) ? RevocationStatus.Success
            : RevocationStatus.BindingDoesNotExist;
        effects.Add(new MobileNodeEffect.AnswerFromCareOfAddress(new(
            _updateSource,
            homeAgent,
            _configuration.HomeAddress,
            null,
            new BindingRevocationAcknowledgement(status, indication.Sequence, indication.Flags, []))));
        if (status != RevocationStatus.Success)
        {
            return;
        }

        _mayRemainUntil.Remove(homeAgent);
        if (!isServing)
        {
            return; // It had served before another.
        }

        // What was sent before it was revoked with the binding.
        Ask(homeAgent);
        var why = indication.Trigger switch
        {
            RevocationTrigger.Administrative => "for an administrative reason",
            RevocationTrigger.UserInitiatedTermination => "because its user has ended the session",
            RevocationTrigger.AccessNetworkTermination => "because the access network has ended the session",
            RevocationTrigger.PossiblyOutOfSync => "because it may be out of date",
            RevocationTrigger.Unspecified => "and gave no reason",
            _ => $"for the unknown reason {(byte)indication.Trigger}",
        };
        var isOutOfSync = indication.Trigger == RevocationTrigger.PossiblyOutOfSync;
        Refuse(now, null, StatusReaction.RepeatSlowly, $"the home agent has revoked the binding {why}", effects, isWorthAskingAnother: !isOutOfSync);
        if (isOutOfSync)
        {
            StartUpdates(now + InitialBindackTimeout);
        }
    }
}
