using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// What anybody may send, and is answered, but not more often than a hundred times a second.
public sealed partial class HomeAgent
{
    private const int AnswersPerSecond = 100;

    // Identifier and flags of the list take 8 bytes, the IPv6 header 40: what fits into any path unfragmented (RFC 6275, section 10.5).
    private const int MostListed = (Ipv6Packet.MinimumMtu - 48) / Ipv6Address.Length;

    private readonly AnswerBudget _answers = new(AnswersPerSecond);
    private readonly HomeAgentsList _homeAgents = new();

    /// <summary>RFC 6275, section 9.2: an unknown type is answered by a Binding Error of status 2.</summary>
    private void AnswerUnknown(TimeSpan now, MobilityPacket packet) => SendBindingError(
        now, packet.Source, packet.Destination, BindingErrorStatus.UnrecognizedMobilityHeaderType, packet.HomeAddressOption ?? Ipv6Address.Unspecified);

    /// <summary>
    /// RFC 6275, section 9.3.1: a home address in a packet counts only where it is bound to the packet's source. Binding Updates are not tested so, nor are they
    /// given to this method; whether this node's kernel drops such a packet too is its affair.
    /// </summary>
    /// <returns>Whether it is bound.</returns>
    private bool IsBound(TimeSpan now, Ipv6Address source, Ipv6Address destination, Ipv6Address homeAddress)
    {
        if (_bindings.TryGetValue(homeAddress, out var binding) && binding.CareOfAddress == source)
        {
            return true;
        }

        SendBindingError(now, source, destination, BindingErrorStatus.UnknownBinding, homeAddress);
        return false;
    }

    /// <summary>RFC 6275, section 9.3.3: to where the packet came from, from where it was sent to, with neither home address option nor routing header.</summary>
    private void SendBindingError(TimeSpan now, Ipv6Address to, Ipv6Address from, BindingErrorStatus status, Ipv6Address homeAddress)
    {
        if (to.IsRoutableUnicast && IsOwn(from) && _answers.Take(now))
        {
            _effects.Add(new HomeAgentEffect.Send(new MobilityPacket(from, to, null, null, new BindingError(status, homeAddress, []))));
        }
    }

    /// <summary>RFC 6275, section 9.2: some mobility headers that cannot be read are answered by an ICMPv6 parameter problem.</summary>
    private void AnswerUnreadable(TimeSpan now, HomeAgentInput.Unreadable unreadable)
    {
        if (unreadable.Error.NeedsParameterProblem && unreadable.Source.IsRoutableUnicast && IsOwn(unreadable.Destination) && _answers.Take(now))
        {
            _effects.Add(new HomeAgentEffect.Send(new ParameterProblemPacket(
                unreadable.Destination, unreadable.Source, (uint)unreadable.Error.Offset, unreadable.Packet)));
        }
    }

    /// <summary>RFC 6275, section 10.5: which home agents there are, to whoever asks at the home agents' anycast address.</summary>
    private void AnswerDiscovery(TimeSpan now, MobilityIcmpPacket packet, HomeAgentAddressDiscoveryRequest request)
    {
        if (packet is { HomeAddressOption: null, Source.IsRoutableUnicast: true } && _prefixes.All.Any(p => p.HomeAgentsAnycast == packet.Destination) && _answers.Take(now))
        {
            _effects.Add(new HomeAgentEffect.Send(new MobilityIcmpPacket(
                _configuration.Address,
                packet.Source,
                null,
                null,
                new HomeAgentAddressDiscoveryReply(
                    request.Identifier, [.. _homeAgents.Addresses(now, _configuration.Address, _random).Take(MostListed)]))));
        }
    }
}
