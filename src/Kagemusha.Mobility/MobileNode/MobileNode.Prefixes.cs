using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// Mobile prefix discovery (RFC 6275, sections 11.4.2 and 11.4.3), and what lifetimes it leaves for the binding.
public sealed partial class MobileNode
{
    /// <summary>INITIAL_SOLICIT_TIMER (RFC 6275, section 12): the first wait for an answer; each further one is twice as long.</summary>
    public static readonly TimeSpan InitialSolicitTimer = TimeSpan.FromSeconds(3);

    // Our choice: MinMobPfxAdvInterval (RFC 6275, section 13), below which no home agent advertises unasked.
    private static readonly TimeSpan LongestSolicitTimer = TimeSpan.FromMinutes(10);

    // Our choice: more prefixes than that are not taken from one advertisement.
    private const int MostPrefixes = 16;

    private TimeSpan? _homeAddressUntil; // Null while it is not known, or infinite.
    private TimeSpan? _careOfAddressUntil;
    private TimeSpan? _solicitAt;
    private TimeSpan _solicitTimer;
    private TimeSpan _lastSolicitedAt = TimeSpan.MinValue / 2;
    private ushort? _solicited; // The identifier of the last one, as long as it is not answered.

    private ushort RequestedLifetime(TimeSpan now)
    {
        // No longer than the addresses (RFC 6275, section 11.7.1); zero would end the binding.
        var until = Earlier(_homeAddressUntil, _careOfAddressUntil) ?? TimeSpan.MaxValue;
        return until - now >= _configuration.Lifetime ? _requestedLifetime : (ushort)Math.Max(1, Math.Floor((until - now) / LifetimeUnit));
    }

    private static TimeSpan? Earlier(TimeSpan? one, TimeSpan? other) => one < other || other is null ? one : other;

    private void SolicitPrefixes(TimeSpan at)
    {
        if (_solicited is null && !(_solicitAt <= at))
        {
            _solicitAt = at;
            _solicitTimer = InitialSolicitTimer;
        }
    }

    private void StopSoliciting()
    {
        _solicitAt = null;
        _solicited = null;
    }

    // Before the home address becomes invalid, and before bindings have to be shorter because it will.
    private void SolicitInTime(TimeSpan now)
    {
        if (_homeAddressUntil is { } until)
        {
            SolicitPrefixes(Later(until - _configuration.Lifetime, now + (until > now ? (until - now) / 2 : LongestSolicitTimer)));
        }
    }

    private void SendSolicitation(TimeSpan now, List<MobileNodeEffect> effects)
    {
        if (_place != Place.Away || _binding is not { } binding || binding.CareOfAddress != _updateSource)
        {
            StopSoliciting(); // Without a binding no home agent takes a home address option (RFC 6275, section 9.3.1).
            return;
        }

        _solicited = (ushort)(_random() * (ushort.MaxValue + 1));
        _lastSolicitedAt = now;
        _solicitAt = now + _solicitTimer;
        _solicitTimer = 2 * _solicitTimer < LongestSolicitTimer ? 2 * _solicitTimer : LongestSolicitTimer;
        effects.Add(new MobileNodeEffect.SolicitPrefixes(
            new(_updateSource, binding.HomeAgent, _configuration.HomeAddress, null, new MobilePrefixSolicitation(_solicited.Value))));
    }

    private void ReceivePrefixes(TimeSpan now, MobilityIcmpPacket packet, MobilePrefixAdvertisement advertisement, List<MobileNodeEffect> effects)
    {
        if (_place != Place.Away
            || packet.Source != _binding?.HomeAgent
            || packet.Destination != _updateSource
            || packet.Type2RoutingHeader != _configuration.HomeAddress
            || packet.HomeAddressOption is not null)
        {
            return;
        }

        if (_solicited != advertisement.Identifier)
        {
            SolicitPrefixes(Later(now, _lastSolicitedAt + InitialSolicitTimer)); // What nobody has asked for is not believed: it is asked for.
            return;
        }

        StopSoliciting();
        WireArray<PrefixInformation> prefixes =
            [.. advertisement.Options.OfType<PrefixInformation>().Where(prefix => prefix.PrefixLength <= 128).Take(MostPrefixes)];
        var own = prefixes.Where(prefix => new Ipv6Prefix(prefix.Prefix, prefix.PrefixLength).Contains(_configuration.HomeAddress)).ToList();
        if (own.Count > 0)
        {
            var valid = own.Max(prefix => prefix.ValidLifetime);
            _homeAddressUntil = valid == uint.MaxValue ? null : now + TimeSpan.FromSeconds(valid);
            if (_binding is { } binding && binding.ExpiresAt > _homeAddressUntil)
            {
                RefreshSoon(now); // A binding must not outlive the home address.
            }
        }

        SolicitInTime(now);
        if (_problem == StatusReactions.To(BindingStatus.AcceptedPrefixDiscoveryNecessary).Explanation)
        {
            _problem = null;
        }

        effects.Add(new MobileNodeEffect.PrefixesAdvertised(prefixes, advertisement.Flags));
    }
}
