using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// What the home agent says unasked (RFC 6275, section 6.1.2; RFC 5846).
public sealed partial class MobileNode
{
    private bool IsFromHomeAgent(MobilityPacket packet) =>
        (packet.Source == HomeAgent || _mayRemainUntil.ContainsKey(packet.Source))
        && packet.HomeAddressOption is null
        && (_place == Place.Home
            ? packet.Destination == _configuration.HomeAddress && packet.Type2RoutingHeader is null
            : _place == Place.Away && packet.Destination == _updateSource && packet.Type2RoutingHeader == _configuration.HomeAddress);

    private void ReceiveUnasked(TimeSpan now, MobilityPacket packet, List<MobileNodeEffect> effects)
    {
        switch (packet.Message)
        {
            case BindingRefreshRequest when _place == Place.Away && _binding?.HomeAgent == packet.Source && _unanswered == 0:
                RefreshSoon(now);
                break;
            case BindingRevocationIndication indication when _place == Place.Home:
                RevokeAtHome(now, packet.Source, indication, effects);
                break;
            case BindingRevocationIndication indication:
                Revoke(now, packet.Source, indication, effects);
                break;
            case UnknownMobilityMessage:
                AnswerUnknown(now, packet, effects);
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
    private static RevocationStatus Status(BindingRevocationIndication indication, bool isHeld) =>
        indication.Flags.HasFlag(RevocationFlags.Proxy) ? RevocationStatus.ProxyNotSupported
        : indication.Flags.HasFlag(RevocationFlags.Global) ? RevocationStatus.GlobalRevocationNotAuthorized
        : indication.Flags.HasFlag(RevocationFlags.Ipv4HomeAddressOnly) ? RevocationStatus.Ipv4BindingDoesNotExist
        : isHeld ? RevocationStatus.Success
        : RevocationStatus.BindingDoesNotExist;

    // Bits that are not known here are not repeated: reserved ones are zero.
    private static BindingRevocationAcknowledgement Acknowledgement(RevocationStatus status, BindingRevocationIndication indication) => new(
        status,
        indication.Sequence,
        indication.Flags & (RevocationFlags.Proxy | RevocationFlags.Ipv4HomeAddressOnly | RevocationFlags.Global),
        []);

    // What is to be ended here, the home agent has ended by itself.
    private void RevokeAtHome(TimeSpan now, Ipv6Address homeAgent, BindingRevocationIndication indication, List<MobileNodeEffect> effects)
    {
        var status = Status(indication, MayRemainUntil(homeAgent) > now);
        effects.Add(new MobileNodeEffect.AnswerOnHomeLink(new(_configuration.HomeAddress, homeAgent, null, null, Acknowledgement(status, indication))));
        if (status != RevocationStatus.Success)
        {
            return;
        }

        if (homeAgent == _asked)
        {
            EndBinding(now, BindingChange.Deregistered, null, "the home agent has revoked the binding", effects);
        }
        else
        {
            _mayRemainUntil.Remove(homeAgent);
        }
    }

    private void Revoke(TimeSpan now, Ipv6Address homeAgent, BindingRevocationIndication indication, List<MobileNodeEffect> effects)
    {
        var isServing = _binding is { } binding && (binding.HomeAgent, binding.CareOfAddress) == (homeAgent, _updateSource);
        var status = Status(indication, isServing || (homeAgent != HomeAgent && _mayRemainUntil.ContainsKey(homeAgent)));
        effects.Add(new MobileNodeEffect.AnswerFromCareOfAddress(new MobilityPacket(
            _updateSource,
            homeAgent,
            _configuration.HomeAddress,
            null,
            Acknowledgement(status, indication))));
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
