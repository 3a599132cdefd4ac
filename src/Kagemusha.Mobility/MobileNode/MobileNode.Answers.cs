using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// What the home agent's answers lead to (RFC 6275, section 11.7.3).
public sealed partial class MobileNode
{
    // To where an update came from: a care-of address with a type 2 routing header, the home address without (RFC 6275, section 9.5.4).
    private bool IsAnswer(MobilityPacket packet) =>
        _place != Place.Elsewhere
        && packet.Source == _asked
        && _outstanding.Exists(update => update.Source == packet.Destination)
        && packet.HomeAddressOption is null
        && (packet.Message is BindingError
            || packet.Type2RoutingHeader == HomeAddressUnless(packet.Destination));

    // Only what is asked for with a home address option can have been refused for it (RFC 6275, section 11.3.6).
    private bool IsAboutSolicitation(MobilityPacket packet, BindingError error) =>
        _solicited is not null
        && packet.Source == _binding?.HomeAgent
        && packet.Destination == _updateSource
        && packet.HomeAddressOption is null
        && error.HomeAddress == _configuration.HomeAddress;

    private void Receive(TimeSpan now, MobilityMessage message, List<MobileNodeEffect> effects)
    {
        switch (message)
        {
            case BindingAcknowledgement { Status: BindingStatus.SequenceNumberOutOfWindow } acknowledgement:
                ResumeSequence(now, acknowledgement, effects);
                break;
            case BindingAcknowledgement acknowledgement:
                Acknowledge(now, acknowledgement, effects);
                break;
            case BindingError { Status: BindingErrorStatus.UnrecognizedMobilityHeaderType } error
                when error.HomeAddress == _configuration.HomeAddress:
                _outstanding.Clear();
                Refuse(now, null, StatusReaction.RepeatSlowly, "the node at the home agent's address does not know Binding Updates", effects);
                break;
        }
    }

    private void Acknowledge(TimeSpan now, BindingAcknowledgement acknowledgement, List<MobileNodeEffect> effects)
    {
        var index = _outstanding.FindIndex(update => update.Sequence == acknowledgement.Sequence);
        if (index < 0)
        {
            return;
        }

        // A registration's, still under way when its number was used again behind an old status 135: a de-registration's answer has no
        // lifetime (RFC 6275, section 10.3.2).
        if (_place == Place.Home && acknowledgement is { Status.IsAccepted: true, Lifetime: > 0 })
        {
            return;
        }

        // The home agent may ignore repetitions and answer the first update; what it says of a later one still counts.
        var update = _outstanding[index];
        _outstanding.RemoveRange(0, index + 1);
        var status = acknowledgement.Status;
        var (reaction, explanation) = StatusReactions.To(status);
        if (_place == Place.Home && status == BindingStatus.NotHomeAgentForThisMobileNode)
        {
            EndBinding(now, BindingChange.Deregistered, status, "the home agent holds no binding", effects);
        }
        else if (reaction != StatusReaction.Accept)
        {
            Refuse(now, status, reaction, explanation, effects);
        }
        else if (_place == Place.Home)
        {
            effects.Add(Answered(now, update));
            EndBinding(now, BindingChange.Deregistered, status, "the home agent has ended the binding", effects);
        }
        else
        {
            Bind(now, update, acknowledgement, explanation, effects);
        }
    }

    private static MobileNodeEffect.UpdateAnswered Answered(TimeSpan now, OutstandingUpdate update) =>
        new(now - update.SentAt, update.BindingExisted);

    private void Bind(
        TimeSpan now, OutstandingUpdate update, BindingAcknowledgement acknowledgement, string explanation, List<MobileNodeEffect> effects)
    {
        // max(L_remain - (L_update - L_ack), 0), counted from the update (RFC 6275, section 11.7.3).
        var expiresAt = update.SentAt + Math.Min(acknowledgement.Lifetime, update.Lifetime) * LifetimeUnit;
        if (_outstanding.Count == 0)
        {
            _mayRemainUntil[_asked] = now + acknowledgement.Lifetime * LifetimeUnit;
        }

        if (expiresAt <= now)
        {
            Refuse(now, acknowledgement.Status, StatusReaction.RepeatSlowly, "the home agent granted a lifetime that is already over", effects);
            return;
        }

        effects.Add(Answered(now, update));
        var isKnown = _binding is { } known && (known.HomeAgent, known.CareOfAddress) == (_asked, _updateSource);
        _binding = new(_asked, _updateSource, expiresAt);
        _isServed = true;
        _unanswered = 0;
        _tries = 0;
        _givenUp = 0;
        _hasResumed = false;
        ForgetProblem();
        _problem = acknowledgement.Status == BindingStatus.Accepted ? null : explanation;
        _nextUpdateAt = now + RefreshAfter(expiresAt - now, acknowledgement) * (1 - RefreshJitter * _random());
        _nextTimeout = FirstTimeout;
        if (acknowledgement.Status == BindingStatus.AcceptedPrefixDiscoveryNecessary)
        {
            SolicitPrefixes(now);
        }
        else
        {
            SolicitInTime(now);
        }

        effects.Add(new MobileNodeEffect.BindingChanged(
            isKnown ? BindingChange.Refreshed : BindingChange.Registered, _asked, acknowledgement.Status, _updateSource, expiresAt - now, explanation));
    }

    // By the home agent's advice (RFC 6275, section 6.2.4), else half way: time for a dozen repetitions in the default lifetime.
    private static TimeSpan RefreshAfter(TimeSpan remaining, BindingAcknowledgement acknowledgement)
    {
        var advice = acknowledgement.Options.OfType<BindingRefreshAdvice>().FirstOrDefault();
        return advice is { Interval: > 0 } && advice.Duration < remaining ? advice.Duration : remaining / 2;
    }

    private void Refuse(
        TimeSpan now,
        BindingStatus? status,
        StatusReaction reaction,
        string explanation,
        List<MobileNodeEffect> effects,
        bool isWorthAskingAnother = true)
    {
        // A refusal may have deleted the binding; this one did not (RFC 6275, section 9.5.1).
        var isHeld = status == BindingStatus.RegistrationTypeChangeDisallowed;
        if (!isHeld && _binding?.HomeAgent == _asked)
        {
            _binding = null;
        }

        // What is refused to the previous care-of address is asked for from home.
        if (_place == Place.Home)
        {
            _updateSource = _configuration.HomeAddress;
        }

        _unanswered = 0;
        _tries = 0;
        _refusal = status;
        if (reaction == StatusReaction.RepeatSlowly)
        {
            _nextUpdateAt = now + MaxBindackTimeout;
            _nextTimeout = FirstTimeout;
        }

        Report(now, BindingChange.Refused, _asked, status, explanation, effects);

        // Another would find that binding, too: this one defends the home address.
        if (!isHeld && isWorthAskingAnother && GiveUp(now, effects) && IsFirstRound)
        {
            StartUpdates(Later(now, _lastUpdateAt + _configuration.InitialBindackTimeoutFirstReg));
        }
    }

    private void ResumeSequence(TimeSpan now, BindingAcknowledgement acknowledgement, List<MobileNodeEffect> effects)
    {
        if (!_sequence.TryResumeBehind(acknowledgement.Sequence))
        {
            return;
        }

        _outstanding.Clear(); // All of them are too old for the home agent.
        _tries = 0;

        // At once, but once: a home agent that never agrees is asked at the pace of the back-off.
        if (!_hasResumed)
        {
            _hasResumed = true;
            _nextUpdateAt = now;
        }

        _unanswered = 0;
        Report(now, BindingChange.Refused, _asked, acknowledgement.Status, StatusReactions.To(acknowledgement.Status).Explanation, effects);
    }
}
