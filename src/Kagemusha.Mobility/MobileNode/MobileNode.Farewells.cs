using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// Away, a home agent that serves no more is told to end what it may hold, as soon as another serves (RFC 6275, section 11.7.1: a lifetime of zero). It would
// defend the home address against the one that does, and tunnel what it gets to where the guest is no more: to wherever it was, when it was given up.
public sealed partial class MobileNode
{
    private readonly Dictionary<Ipv6Address, Farewell> _farewells = [];
    private bool _isServed; // A home agent has accepted since the guest came here, and was not given up since.

    private TimeSpan? NextFarewell => _farewells.Values.Select(farewell => (TimeSpan?)farewell.Due).Min();

    /// <summary>A home agent that is told to let go: a back-off of its own (RFC 6275, section 11.8).</summary>
    private sealed class Farewell(TimeSpan due)
    {
        public TimeSpan Due { get; set; } = due;

        public TimeSpan Timeout { get; set; } = InitialBindackTimeout;

        /// <summary>The numbers that were sent, the oldest first.</summary>
        public Queue<ushort> Sent { get; } = [];
    }

    private void SayFarewells(TimeSpan now, List<MobileNodeEffect> effects)
    {
        // Before another serves, or while that one is silent, any of them may be needed.
        if (_place != Place.Away || !_isServed || _binding is not { } binding || (binding.HomeAgent, binding.CareOfAddress) != (_asked, _updateSource))
        {
            _farewells.Clear();
            return;
        }

        var others = Holders(now).Where(homeAgent => homeAgent != binding.HomeAgent).Order().ToList();
        foreach (var gone in _farewells.Keys.Except(others).ToList())
        {
            _farewells.Remove(gone);
        }

        foreach (var homeAgent in others)
        {
            if (!_farewells.TryGetValue(homeAgent, out var farewell))
            {
                farewell = _farewells[homeAgent] = new(now);
            }

            if (farewell.Due <= now && RateLimit(now) is { } later)
            {
                farewell.Due = later;
            }
            else if (farewell.Due <= now)
            {
                SayFarewell(now, homeAgent, farewell, effects);
            }
        }
    }

    private void SayFarewell(TimeSpan now, Ipv6Address homeAgent, Farewell farewell, List<MobileNodeEffect> effects)
    {
        var number = _sequence.Take(out var reserved);
        CountUpdate(now);
        if (farewell.Sent.Count == MaxOutstanding)
        {
            farewell.Sent.Dequeue();
        }

        farewell.Sent.Enqueue(number);
        farewell.Due = now + farewell.Timeout;
        farewell.Timeout = Doubled(farewell.Timeout);
        if (reserved)
        {
            effects.Add(new MobileNodeEffect.SequenceReserved(_sequence.ReservedThrough));
        }

        effects.Add(new MobileNodeEffect.EndElsewhere(MakeUpdate(homeAgent, number, lifetime: 0)));
    }

    private bool IsAboutFarewell(MobilityPacket packet) =>
        _farewells.ContainsKey(packet.Source)
        && packet.Destination == _updateSource
        && packet.HomeAddressOption is null
        && packet.Type2RoutingHeader == _configuration.HomeAddress;

    private void ReceiveFarewell(Ipv6Address homeAgent, BindingAcknowledgement acknowledgement, List<MobileNodeEffect> effects)
    {
        if (acknowledgement.Status == BindingStatus.SequenceNumberOutOfWindow)
        {
            _sequence.TryResumeBehind(acknowledgement.Sequence); // The next one has a number that it takes.
        }
        else if (_farewells[homeAgent].Sent.Contains(acknowledgement.Sequence)
            && (acknowledgement is { Status.IsAccepted: true, Lifetime: 0 } || acknowledgement.Status == BindingStatus.NotHomeAgentForThisMobileNode))
        {
            _farewells.Remove(homeAgent);
            _mayRemainUntil.Remove(homeAgent);
            effects.Add(new MobileNodeEffect.HomeAgentChanged());
        }
    }
}
