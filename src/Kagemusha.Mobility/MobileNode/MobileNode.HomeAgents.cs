using Kagemusha.Wire;

namespace Kagemusha.Mobility;

// Which home agent is asked (RFC 6275, section 11.4.1), and which may still hold something.
public sealed partial class MobileNode
{
    // Our choices: so many updates before the next home agent is asked, and one in each later round, at the pace of the longest back-off.
    private const int TriesInFirstRound = 3;
    private const int TriesInLaterRounds = 1;

    private readonly Dictionary<Ipv6Address, TimeSpan> _mayRemainUntil = []; // For how long each may hold a binding, acknowledged or not.
    private readonly HashSet<string> _reported = []; // Since a home agent answered as wanted.

    private WireArray<Ipv6Address> _homeAgents; // The most preferred first.
    private Ipv6Address _asked;
    private int _tries; // At the one that is asked.
    private int _givenUp; // How many were, in a row.

    /// <summary>The home agent that holds the binding, else the one that is asked for it.</summary>
    public Ipv6Address HomeAgent => _binding?.HomeAgent ?? _asked;

    /// <summary>All that are known, the most preferred first.</summary>
    public WireArray<Ipv6Address> HomeAgents => _homeAgents;

    /// <summary>Those that packets may come from: the one that serves, the one that is asked, and those that may hold what was asked of them before.</summary>
    public IEnumerable<Ipv6Address> TunnelEnds(TimeSpan now) => new[] { HomeAgent, _asked }.Concat(Holders(now)).Distinct();

    private IEnumerable<Ipv6Address> Holders(TimeSpan now) =>
        _mayRemainUntil.Where(each => each.Value > now).OrderByDescending(each => each.Value).Select(each => each.Key);

    private TimeSpan MayRemainUntil(Ipv6Address homeAgent) => _mayRemainUntil.GetValueOrDefault(homeAgent, TimeSpan.MinValue);

    private void ExtendMayRemain(TimeSpan until) => _mayRemainUntil[_asked] = Later(MayRemainUntil(_asked), until);

    private void Find(TimeSpan now, WireArray<Ipv6Address> homeAgents)
    {
        if (homeAgents.Count == 0 || homeAgents == _homeAgents)
        {
            return;
        }

        _homeAgents = homeAgents;
        _givenUp = 0;
        _tries = 0;

        // A current registration stays where it is (RFC 6275, section 11.4.1).
        if (_place == Place.Away && _binding is null && _unanswered > 0 && !homeAgents.Contains(_asked))
        {
            Ask(homeAgents[0]);
            StartUpdates(Later(now, _lastUpdateAt + _configuration.InitialBindackTimeoutFirstReg));
        }
    }

    /// <summary>The one that is asked has failed: the next is asked, if there is another.</summary>
    /// <returns>Whether there is.</returns>
    private bool GiveUp(TimeSpan now, List<MobileNodeEffect> effects)
    {
        // On the home link only those matter that may defend the home address there.
        List<Ipv6Address> candidates = _place == Place.Home ? [.. Holders(now).Order()] : [.. _homeAgents];
        _tries = 0;
        _isServed = false;
        _givenUp++;
        if (candidates.Count == 0)
        {
            return false;
        }

        if (_place == Place.Away && _givenUp % candidates.Count == 0)
        {
            effects.Add(new MobileNodeEffect.OtherHomeAgentsWanted());
        }

        var next = candidates[(candidates.IndexOf(_asked) + 1) % candidates.Count];
        if (next == _asked)
        {
            return false;
        }

        Ask(next);
        return true;
    }

    /// <summary>On the home link one is told that may hold a binding: the one that serves first.</summary>
    /// <returns>Whether there is one.</returns>
    private bool ChooseHolder(TimeSpan now)
    {
        if (MayRemainUntil(_asked) > now)
        {
            return true;
        }

        if (Holders(now).Select(each => (Ipv6Address?)each).FirstOrDefault() is not { } other)
        {
            return false;
        }

        Ask(other);
        return true;
    }

    private bool IsFirstRound => _givenUp < (_place == Place.Home ? _mayRemainUntil.Count : _homeAgents.Count);

    private void Ask(Ipv6Address homeAgent)
    {
        _asked = homeAgent;
        _outstanding.Clear();
        _complaint = null;
        _tries = 0;
        _hasResumed = false;
    }
}
