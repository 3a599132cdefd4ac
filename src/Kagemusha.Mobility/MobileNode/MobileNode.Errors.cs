using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// What nodes on the way say of an update (RFC 6275, section 11.3.5). Anybody can say it: it tells the operator why there is no answer, and changes nothing else.
public sealed partial class MobileNode
{
    private string? _complaint; // Of an update to the home agent that is asked.

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
