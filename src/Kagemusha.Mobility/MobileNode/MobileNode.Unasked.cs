using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// What the home agent says unasked (RFC 6275, section 6.1.2; RFC 5846).
public sealed partial class MobileNode
{
    private bool IsFromHomeAgent(MobilityPacket packet) =>
        _place == Place.Away
        && packet.Source == _configuration.HomeAgent
        && packet.Destination == _updateSource
        && packet.HomeAddressOption is null
        && packet.Type2RoutingHeader == _configuration.HomeAddress;

    private void ReceiveUnasked(TimeSpan now, MobilityMessage message, List<MobileNodeEffect> effects)
    {
        switch (message)
        {
            case BindingRefreshRequest when _binding is not null && _unanswered == 0:
                RefreshSoon(now);
                break;
            case BindingRevocationIndication indication:
                Revoke(now, indication, effects);
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

    private void Revoke(TimeSpan now, BindingRevocationIndication indication, List<MobileNodeEffect> effects)
    {
        var status = indication.Flags.HasFlag(RevocationFlags.Proxy) ? RevocationStatus.ProxyNotSupported
            : _binding?.CareOfAddress == _updateSource ? RevocationStatus.Success
            : RevocationStatus.BindingDoesNotExist;
        effects.Add(new MobileNodeEffect.AnswerFromCareOfAddress(new(
            _updateSource,
            _configuration.HomeAgent,
            _configuration.HomeAddress,
            null,
            new BindingRevocationAcknowledgement(status, indication.Sequence, indication.Flags, []))));
        if (status != RevocationStatus.Success)
        {
            return;
        }

        // What was sent before it was revoked with the binding.
        _outstanding.Clear();
        var why = indication.Trigger switch
        {
            RevocationTrigger.Administrative => "for an administrative reason",
            RevocationTrigger.UserInitiatedTermination => "because its user has ended the session",
            RevocationTrigger.AccessNetworkTermination => "because the access network has ended the session",
            RevocationTrigger.PossiblyOutOfSync => "because it may be out of date",
            RevocationTrigger.Unspecified => "and gave no reason",
            _ => $"for the unknown reason {(byte)indication.Trigger}",
        };
        Refuse(now, null, StatusReaction.RepeatSlowly, $"the home agent has revoked the binding {why}", effects);
        if (indication.Trigger == RevocationTrigger.PossiblyOutOfSync)
        {
            StartUpdates(now + InitialBindackTimeout);
        }
    }
}
