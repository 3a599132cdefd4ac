using Kagemusha.Wire;

namespace Kagemusha.Mobility;

public sealed partial class HomeAgent
{
    // MAX_RTR_SOLICITATIONS and RTR_SOLICITATION_INTERVAL (RFC 4861, sections 6.3.7 and 10).
    private const int SolicitationCount = 3;
    private static readonly TimeSpan SolicitationInterval = TimeSpan.FromSeconds(4);

    private readonly HomePrefixLifetimes _prefixes;
    private int _solicitationsLeft;
    private TimeSpan? _nextSolicitation;

    /// <summary>Whether the home link's routers may still answer: until then it is not known that an address is in no home prefix.</summary>
    private bool IsLearning => _configuration.LearnsPrefixes && _nextSolicitation is not null;

    private void Start(TimeSpan now)
    {
        SayPrefixes();
        (_solicitationsLeft, _nextSolicitation) = (SolicitationCount, now);
        SolicitRouters(now);
    }

    /// <summary>RFC 4861, section 6.3.7: an advertisement would come by itself, but who knows when.</summary>
    private void SolicitRouters(TimeSpan now)
    {
        if (!(_nextSolicitation <= now))
        {
            return;
        }

        if (_solicitationsLeft-- > 0)
        {
            _nextSolicitation = now + SolicitationInterval;
            Multicast(new(Ipv6Address.Unspecified, Ipv6Address.AllRouters, new RouterSolicitation([])));
        }
        else
        {
            _nextSolicitation = null;
        }
    }

    private void Hear(TimeSpan now, Ipv6Address router, RouterAdvertisement advertisement)
    {
        _nextSolicitation = null;
        _homeAgents.Hear(now, router, advertisement);
        Follow(now, _prefixes.Hear(now, advertisement));
    }

    private void ExpirePrefixes(TimeSpan now) => Follow(now, _prefixes.Expire(now));

    private void Follow(TimeSpan now, IReadOnlyList<HomePrefixChange> changes)
    {
        NoteNews(now, changes);
        foreach (var change in changes.Where(change => change.News == HomePrefixNews.Ended))
        {
            // RFC 6275, section 10.3.1: a binding ends with its prefix.
            foreach (var binding in _bindings.Values.Where(b => change.Prefix.Contains(b.HomeAddress) && !IsHome(b.HomeAddress)).ToList())
            {
                End(now, binding, BindingCacheChange.Expired);
            }
        }
    }

    private void SayPrefixes() => _effects.Add(new HomeAgentEffect.HomePrefixesChanged([.. _prefixes.All]));
}
