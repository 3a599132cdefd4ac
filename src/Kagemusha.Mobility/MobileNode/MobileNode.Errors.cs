using Kagemusha.Wire;

namespace Kagemusha.Mobility;

public sealed partial class MobileNode
{
    // Our choice: no more Binding Errors and parameter problems than updates (RFC 6275, section 9.3.3; RFC 4443, section 2.4 (f)).
    private static readonly TimeSpan LeastTimeBetweenErrors = InitialBindackTimeout;

    private string? _complaint; // Of an update to the home agent that is asked.
    private TimeSpan _nextErrorAt;

    // RFC 6275, section 9.2. Who is no home agent of the guest's is told nothing of it.
    private void AnswerUnknown(TimeSpan now, MobilityPacket packet, List<MobileNodeEffect> effects)
    {
        if (_place == Place.Away && now >= _nextErrorAt)
        {
            _nextErrorAt = now + LeastTimeBetweenErrors;
            effects.Add(new MobileNodeEffect.AnswerFromCareOfAddress(new MobilityPacket(_updateSource, packet.Source, null, null, new BindingError(
                BindingErrorStatus.UnrecognizedMobilityHeaderType, packet.HomeAddressOption ?? Ipv6Address.Unspecified, []))));
        }
    }

    // The same section: some mobility headers that cannot be read are answered by an ICMPv6 parameter problem.
    private void AnswerUnreadable(TimeSpan now, MobileNodeInput.Unreadable unreadable, List<MobileNodeEffect> effects)
    {
        if (unreadable.Error.NeedsParameterProblem
            && _place == Place.Away
            && unreadable.Destination == _updateSource
            && TunnelEnds(now).Contains(unreadable.Source)
            && now >= _nextErrorAt)
        {
            _nextErrorAt = now + LeastTimeBetweenErrors;
            effects.Add(new MobileNodeEffect.AnswerFromCareOfAddress(
                new ParameterProblemPacket(_updateSource, unreadable.Source, (uint)unreadable.Error.Offset, unreadable.Packet)));
        }
    }

    // What nodes on the way say of an update (section 11.3.5). Anybody can say it: it tells the operator why there is no answer, and changes nothing else.
    private void Hear(MobilityErrorPacket error)
    {
        var packet = error.Invoking;
        if (packet.Message is BindingUpdate update
            && packet.Destination == _asked
            && packet.Source == error.Destination
            && packet.HomeAddressOption == HomeAddressUnless(packet.Source)
            && _outstanding.Exists(each => (each.Sequence, each.Source) == (update.Sequence, packet.Source)))
        {
            _complaint = $"{error.Source} {Says(error.Type, error.Code)}";
        }
    }

    // RFC 4443, sections 3.1 to 3.4.
    private static string Says(IcmpErrorType type, byte code) => (type, code) switch
    {
        (IcmpErrorType.DestinationUnreachable, 0) => "has no route to it",
        (IcmpErrorType.DestinationUnreachable, 1) => "is not allowed to forward to it",
        (IcmpErrorType.DestinationUnreachable, 3) => "finds nobody at its address",
        (IcmpErrorType.DestinationUnreachable, _) => $"cannot deliver to it (ICMPv6 code {code})",
        (IcmpErrorType.TimeExceeded, _) => "says that the way to it is too long, or goes round",
        (IcmpErrorType.ParameterProblem, 1) => "knows no mobility header: it is no home agent",
        (IcmpErrorType.ParameterProblem, 2) => "knows no Home Address option: it is no home agent",
        _ => $"finds fault with the update (ICMPv6 type {(byte)type}, code {code})",
    };
}
