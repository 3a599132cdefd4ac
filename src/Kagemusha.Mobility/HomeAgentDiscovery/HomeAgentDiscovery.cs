using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>
/// Dynamic home agent address discovery (RFC 6275, section 11.4.1): asks the home agents' anycast address of each home prefix in turn.
/// After each <see cref="Handle"/>, carry out its effects in order and call again at <see cref="NextWakeUp"/>.
/// </summary>
/// <param name="homePrefixes">The home prefixes, at least one.</param>
/// <param name="random">Numbers from 0 up to 1.</param>
public sealed class HomeAgentDiscovery(IReadOnlyList<Ipv6Prefix> homePrefixes, Func<double> random)
{
    /// <summary>DHAAD_RETRIES (RFC 6275, section 12): so often a request is repeated.</summary>
    public const int Retries = 4;

    /// <summary>INITIAL_DHAAD_TIMEOUT (RFC 6275, section 12).</summary>
    public static readonly TimeSpan InitialTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Our choice: more home agents than that on one link are not kept.</summary>
    public const int MostHomeAgents = 16;

    private Ipv6Address _source;
    private ushort _identifier;
    private int _prefix;
    private int _sent;
    private TimeSpan _timeout;

    /// <summary>When <see cref="Handle"/> wants to be called again; null when nothing is asked.</summary>
    public TimeSpan? NextWakeUp { get; private set; }

    /// <summary>Takes what has happened and says what to do.</summary>
    public IReadOnlyList<HomeAgentDiscoveryEffect> Handle(TimeSpan now, HomeAgentDiscoveryInput input)
    {
        switch (input)
        {
            case HomeAgentDiscoveryInput.Wanted { Source: var source } when NextWakeUp is null:
                _source = source;
                _prefix = 0;
                Begin(now);
                break;
            case HomeAgentDiscoveryInput.Received { Packet: { Message: HomeAgentAddressDiscoveryReply reply } packet } when IsAnswer(packet, reply):
                NextWakeUp = null;
                // A home agent that knows of no other may leave itself out: it has answered.
                var homeAgents = reply.HomeAgents.Where(each => each.IsRoutableUnicast).Distinct().Take(MostHomeAgents).ToArray();
                return [new HomeAgentDiscoveryEffect.Found(homeAgents.Length > 0 ? [.. homeAgents] : [packet.Source])];
        }

        if (NextWakeUp > now || NextWakeUp is null)
        {
            return [];
        }

        if (_sent > Retries)
        {
            NextWakeUp = null;
            if (++_prefix == homePrefixes.Count)
            {
                return [new HomeAgentDiscoveryEffect.Failed()];
            }

            Begin(now);
        }

        // The same request again (RFC 6275, section 11.4.1), each time after twice as long.
        _sent++;
        NextWakeUp = now + _timeout;
        _timeout *= 2;
        return [new HomeAgentDiscoveryEffect.Send(
            new(_source, homePrefixes[_prefix].HomeAgentsAnycast, null, null, new HomeAgentAddressDiscoveryRequest(_identifier)))];
    }

    private void Begin(TimeSpan now)
    {
        _identifier = (ushort)(random() * (ushort.MaxValue + 1));
        _sent = 0;
        _timeout = InitialTimeout;
        NextWakeUp = now;
    }

    // It comes from the address of a home agent on the home link (RFC 6275, section 10.5), plain.
    private bool IsAnswer(MobilityIcmpPacket packet, HomeAgentAddressDiscoveryReply reply) =>
        NextWakeUp is not null
        && reply.Identifier == _identifier
        && packet is { Source.IsRoutableUnicast: true, HomeAddressOption: null, Type2RoutingHeader: null }
        && packet.Destination == _source
        && homePrefixes.Any(prefix => prefix.Contains(packet.Source));
}
