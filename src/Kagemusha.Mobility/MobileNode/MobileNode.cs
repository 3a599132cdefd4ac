using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>
/// The registrations of one home address (RFC 6275, sections 11.5.5 and 11.7), at one home agent at a time, made by the host that the
/// guest runs on. Starts passive. After each <see cref="Handle"/>, carry out its effects in order and call again at
/// <see cref="NextWakeUp"/>.
/// </summary>
public sealed partial class MobileNode
{
    /// <summary>How many sequence numbers a node reserves at once.</summary>
    public const ushort SequenceBlock = SequenceCounter.BlockSize;

    /// <summary>INITIAL_BINDACK_TIMEOUT (RFC 6275, section 12).</summary>
    public static readonly TimeSpan InitialBindackTimeout = TimeSpan.FromSeconds(1);

    /// <summary>MAX_BINDACK_TIMEOUT (RFC 6275, section 12).</summary>
    public static readonly TimeSpan MaxBindackTimeout = TimeSpan.FromSeconds(32);

    // RetransTimer and MAX_NEIGHBOR_ADVERTISEMENT (RFC 4861, section 10).
    private static readonly TimeSpan RetransTimer = TimeSpan.FromSeconds(1);
    private const int MaxNeighbourAdvertisement = 3;

    private static readonly TimeSpan LifetimeUnit = TimeSpan.FromSeconds(4);

    // Our choice: an answer to an older update is of no use any more.
    private const int MaxOutstanding = 16;

    // Our choice: then the host that the guest came from, or the way to it, is taken for lost.
    private const int UnansweredFromPreviousCareOfAddress = 2;

    // Of the time until a refresh, this part at most is taken off at random: VMs that moved together do not refresh together.
    private const double RefreshJitter = 0.1;

    private readonly MobileNodeConfiguration _configuration;
    private readonly ushort _requestedLifetime;
    private readonly Func<double> _random;
    private readonly List<OutstandingUpdate> _outstanding = []; // Oldest first.

    private Place _place = Place.Elsewhere;
    private Ipv6Address _updateSource; // The care-of address; at home the previous one as long as it serves, else the home address.
    private SequenceCounter _sequence;
    private Binding? _binding;

    private TimeSpan? _nextUpdateAt;
    private TimeSpan _nextTimeout;
    private TimeSpan _lastUpdateAt;
    private int _unanswered;
    private bool _hasResumed;
    private string? _problem;
    private BindingStatus? _refusal;

    private TimeSpan? _announceAt;
    private int _announcementsLeft;

    /// <summary>A passive node.</summary>
    /// <param name="configuration">What to register, and where.</param>
    /// <param name="snapshot">What the last node for this home address knew; null if there has been none.</param>
    /// <param name="now">The time.</param>
    /// <param name="random">Numbers from 0 up to 1.</param>
    public MobileNode(MobileNodeConfiguration configuration, MobileNodeSnapshot? snapshot, TimeSpan now, Func<double> random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(configuration.Lifetime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(configuration.Lifetime, ushort.MaxValue * LifetimeUnit);
        _configuration = configuration;
        _random = random;
        _requestedLifetime = (ushort)Math.Ceiling(configuration.Lifetime / LifetimeUnit);
        _sequence = new(snapshot?.ReservedThrough ?? 0);
        _homeAgents = [configuration.HomeAgent, .. configuration.OtherHomeAgents];
        _asked = snapshot?.HomeAgent ?? configuration.HomeAgent;
        if (snapshot is null)
        {
            return;
        }

        _homeAddressUntil = now + snapshot.HomeAddressRemaining;
        foreach (var held in snapshot.MayRemainElsewhere)
        {
            _mayRemainUntil[held.HomeAgent] = now + held.Remaining;
        }

        _mayRemainUntil[_asked] = now + snapshot.BindingMayRemain;
        if (snapshot.BindingRemaining > TimeSpan.Zero)
        {
            _binding = new(_asked, snapshot.CareOfAddress, now + snapshot.BindingRemaining);
        }
    }

    private enum Place
    {
        Elsewhere,
        Away,
        Home,
    }

    /// <summary>When <see cref="Handle"/> wants to be called again; null for not before something happens.</summary>
    public TimeSpan? NextWakeUp
    {
        get
        {
            TimeSpan?[] times = [_nextUpdateAt, NextFarewell, _solicitAt, _binding?.ExpiresAt, _announceAt, IsDeregistering ? MayRemainUntil(_asked) : null];
            return times.Min();
        }
    }

    private bool IsDeregistering => _place == Place.Home && _nextUpdateAt is not null;

    /// <summary>Takes what has happened and says what to do.</summary>
    /// <exception cref="ArgumentException">A care-of address, now or before, that can be none.</exception>
    public IReadOnlyList<MobileNodeEffect> Handle(TimeSpan now, MobileNodeInput input)
    {
        var effects = new List<MobileNodeEffect>();
        var (served, asked) = (HomeAgent, _asked);
        switch (input)
        {
            case MobileNodeInput.Expected when _sequence.Reserve():
                effects.Add(new MobileNodeEffect.SequenceReserved(_sequence.ReservedThrough));
                break;
            case MobileNodeInput.Away { CareOfAddress: var careOfAddress, ValidFor: var validFor }:
                GoAway(now, careOfAddress);
                _careOfAddressUntil = now + validFor;
                break;
            case MobileNodeInput.Home { PreviousCareOfAddress: var previousCareOfAddress }:
                GoHome(now, previousCareOfAddress);
                break;
            case MobileNodeInput.PreviousCareOfAddressLost when IsDeregistering && _updateSource != _configuration.HomeAddress:
                _updateSource = _configuration.HomeAddress;
                StartUpdates(now);
                break;
            case MobileNodeInput.Passive:
                LeaveFor(Place.Elsewhere, default);
                break;
            case MobileNodeInput.PrefixesReceived { Packet: { Message: MobilePrefixAdvertisement advertisement } packet }:
                ReceivePrefixes(now, packet, advertisement, effects);
                break;
            case MobileNodeInput.Received { Packet: { Message: BindingError { Status: BindingErrorStatus.UnknownBinding } error } packet }
                when IsAboutSolicitation(packet, error):
                RefreshSoon(now);
                break;
            case MobileNodeInput.Received { Packet: { Message: BindingAcknowledgement acknowledgement } packet } when IsAboutFarewell(packet):
                ReceiveFarewell(packet.Source, acknowledgement, effects);
                break;
            case MobileNodeInput.Received { Packet: { Message: BindingAcknowledgement or BindingError } packet } when IsAnswer(packet):
                Receive(now, packet.Message, effects);
                break;
            case MobileNodeInput.Received { Packet: var packet } when IsFromHomeAgent(packet):
                ReceiveUnasked(now, packet, effects);
                break;
            case MobileNodeInput.Refresh when _place != Place.Elsewhere:
                ExtendMayRemain(now + _configuration.Lifetime);
                _givenUp = 0;
                StartUpdates(now);
                break;
            case MobileNodeInput.Unreadable unreadable:
                AnswerUnreadable(now, unreadable, effects);
                break;
            case MobileNodeInput.Undelivered { Error: var error }:
                Hear(error);
                break;
            case MobileNodeInput.HomeAgentsFound { HomeAgents: var homeAgents }:
                Find(now, homeAgents);
                break;
        }

        RunTimers(now, effects);
        if ((HomeAgent, _asked) != (served, asked))
        {
            effects.Add(new MobileNodeEffect.HomeAgentChanged());
        }

        return effects;
    }

    /// <summary>What the next node for this home address must know.</summary>
    public MobileNodeSnapshot TakeSnapshot(TimeSpan now) => new(
        _sequence.ReservedThrough,
        _binding?.CareOfAddress,
        Remaining(_binding?.ExpiresAt ?? now, now),
        Remaining(MayRemainUntil(HomeAgent), now))
    {
        HomeAgent = HomeAgent,
        HomeAddressRemaining = _homeAddressUntil is { } until ? Remaining(until, now) : null,
        MayRemainElsewhere = [.. Holders(now).Where(each => each != HomeAgent).Select(each => new HeldBinding(each, Remaining(MayRemainUntil(each), now)))],
    };

    /// <summary>What is true now.</summary>
    public MobileNodeState GetState(TimeSpan now) => new(
        _place switch
        {
            Place.Away => _binding?.CareOfAddress == _updateSource ? MobileNodePhase.Registered : MobileNodePhase.Registering,
            Place.Home => IsDeregistering ? MobileNodePhase.Deregistering : MobileNodePhase.AtHome,
            _ => MobileNodePhase.Passive,
        },
        _binding?.CareOfAddress,
        Remaining(_binding?.ExpiresAt ?? now, now),
        _unanswered,
        _problem,
        _refusal);

    private static TimeSpan Remaining(TimeSpan until, TimeSpan now) => Later(until, now) - now;

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private void GoAway(TimeSpan now, Ipv6Address careOfAddress)
    {
        ThrowIfNoCareOfAddress(careOfAddress);
        if (_place != Place.Away || careOfAddress != _updateSource)
        {
            LeaveFor(Place.Away, careOfAddress);
            StartUpdates(now);
        }
    }

    private void GoHome(TimeSpan now, Ipv6Address? previousCareOfAddress)
    {
        if (previousCareOfAddress is { } careOfAddress)
        {
            ThrowIfNoCareOfAddress(careOfAddress);
        }

        if (_place != Place.Home)
        {
            LeaveFor(Place.Home, _configuration.HomeAddress);
            if (ChooseHolder(now))
            {
                _updateSource = previousCareOfAddress ?? _configuration.HomeAddress;
                StartUpdates(now);
            }
        }
    }

    private void ThrowIfNoCareOfAddress(Ipv6Address address)
    {
        if (!address.IsRoutableUnicast || address == _configuration.HomeAddress)
        {
            throw new ArgumentException($"{address} cannot be a care-of address of {_configuration.HomeAddress}", nameof(address));
        }
    }

    private void LeaveFor(Place newPlace, Ipv6Address newUpdateSource)
    {
        _place = newPlace;
        _updateSource = newUpdateSource;
        _isServed = false;
        Ask(HomeAgent); // A current registration's first (RFC 6275, section 11.4.1).
        _givenUp = 0;
        _nextUpdateAt = null;
        _unanswered = 0;
        ForgetProblem();
        StopSoliciting();
        _announceAt = null;
    }

    private void StartUpdates(TimeSpan now)
    {
        _nextUpdateAt = now;
        _nextTimeout = FirstTimeout;
        _unanswered = 0;
        _tries = 0;
        _complaint = null;
        _hasResumed = false;
    }

    private TimeSpan FirstTimeout =>
        _place == Place.Away && _binding?.HomeAgent != _asked ? _configuration.InitialBindackTimeoutFirstReg : InitialBindackTimeout;

    private void Report(
        TimeSpan now, BindingChange change, Ipv6Address homeAgent, BindingStatus? status, string explanation, List<MobileNodeEffect> effects)
    {
        if (explanation == _problem)
        {
            return;
        }

        _problem = explanation;

        // Where several fail in turn, each of their reasons once.
        if (_reported.Add($"{homeAgent} {explanation}") || _homeAgents.Count == 1)
        {
            effects.Add(new MobileNodeEffect.BindingChanged(
                change, homeAgent, status, _place == Place.Away ? _updateSource : null, Remaining(_binding?.ExpiresAt ?? now, now), explanation));
        }
    }

    private void ForgetProblem()
    {
        _problem = null;
        _refusal = null;
        _reported.Clear();
    }

    private void EndBinding(
        TimeSpan now, BindingChange change, BindingStatus? status, string explanation, List<MobileNodeEffect> effects)
    {
        _binding = null;
        _updateSource = _configuration.HomeAddress;
        _mayRemainUntil.Remove(_asked);
        _outstanding.Clear();
        _nextUpdateAt = null;
        _unanswered = 0;
        _givenUp = 0;
        ForgetProblem();
        effects.Add(new MobileNodeEffect.BindingChanged(change, _asked, status, null, TimeSpan.Zero, explanation));
        _announceAt = now;
        _announcementsLeft = MaxNeighbourAdvertisement;
        if (ChooseHolder(now))
        {
            StartUpdates(now);
        }
    }

    private void RunTimers(TimeSpan now, List<MobileNodeEffect> effects)
    {
        foreach (var (homeAgent, _) in _mayRemainUntil.Where(each => each.Value <= now).ToList())
        {
            _mayRemainUntil.Remove(homeAgent);
        }

        if (IsDeregistering && MayRemainUntil(_asked) <= now)
        {
            EndBinding(now, BindingChange.Expired, null, "the binding has expired without an answer to its de-registration", effects);
        }

        if (_binding is { } old && old.ExpiresAt <= now)
        {
            _binding = null;
            effects.Add(new MobileNodeEffect.BindingChanged(
                BindingChange.Expired, old.HomeAgent, null, old.CareOfAddress ?? _updateSource, TimeSpan.Zero, "the binding has expired without being refreshed"));
        }

        if (_nextUpdateAt <= now && RateLimit(now) is { } later)
        {
            _nextUpdateAt = later;
        }
        else if (_nextUpdateAt <= now)
        {
            SendUpdate(now, effects);
        }

        SayFarewells(now, effects);
        if (_solicitAt <= now)
        {
            SendSolicitation(now, effects);
        }

        if (_announceAt <= now)
        {
            effects.Add(new MobileNodeEffect.AnnounceOnHomeLink());
            _announceAt = --_announcementsLeft > 0 ? now + RetransTimer : null;
        }
    }

    private void SendUpdate(TimeSpan now, List<MobileNodeEffect> effects)
    {
        if (_tries >= (IsFirstRound ? TriesInFirstRound : TriesInLaterRounds))
        {
            ReportSilence(now, effects);
        }

        var number = _sequence.Take(out var reserved);
        var lifetime = _place == Place.Away ? RequestedLifetime(now) : (ushort)0;
        if (_place == Place.Away)
        {
            ExtendMayRemain(now + lifetime * LifetimeUnit);
            if (_binding is { } binding && binding.HomeAgent == _asked && binding.CareOfAddress != _updateSource)
            {
                _binding = binding with { CareOfAddress = null }; // It has this one from now on, or keeps the last: an answer tells.
            }
        }

        if (_place == Place.Home && _unanswered >= UnansweredFromPreviousCareOfAddress)
        {
            _updateSource = _configuration.HomeAddress;
        }

        if (_outstanding.Count == MaxOutstanding)
        {
            _outstanding.RemoveAt(0);
        }

        CountUpdate(now);
        _outstanding.Add(new(number, lifetime, now, _updateSource, _binding?.HomeAgent == _asked));
        _unanswered++;
        _tries++;
        _lastUpdateAt = now;
        _nextUpdateAt = now + _nextTimeout;
        _nextTimeout = Doubled(_nextTimeout);
        if (reserved)
        {
            effects.Add(new MobileNodeEffect.SequenceReserved(_sequence.ReservedThrough));
        }

        var packet = MakeUpdate(_asked, number, lifetime);
        effects.Add(
            _place == Place.Away ? new MobileNodeEffect.SendFromCareOfAddress(packet)
            : _updateSource == _configuration.HomeAddress ? new MobileNodeEffect.SendOnHomeLink(packet)
            : new MobileNodeEffect.SendFromPreviousCareOfAddress(packet));
    }

    private void ReportSilence(TimeSpan now, List<MobileNodeEffect> effects)
    {
        var silent = _asked;
        var complaint = _complaint is { } heard ? $", and {heard}" : "";
        var isAnother = GiveUp(now, effects);
        if (isAnother)
        {
            _nextTimeout = IsFirstRound ? FirstTimeout : MaxBindackTimeout;
        }

        var then = isAnother ? $"; {_asked} is asked instead" : _place == Place.Home ? "; the de-registration is repeated" : "; the update is repeated";
        Report(
            now,
            BindingChange.Unanswered,
            silent,
            null,
            $"the home agent{(isAnother ? $" {silent}" : "")} does not answer{(_place == Place.Home ? " and still defends the address" : "")}{complaint}{then}",
            effects);
    }

    // RFC 6275, section 11.7.1; from home section 11.5.5: care-of address and source are the home address, so no option repeats it.
    private MobilityPacket MakeUpdate(Ipv6Address homeAgent, ushort number, ushort lifetime) => new(
        _updateSource,
        homeAgent,
        HomeAddressUnless(_updateSource),
        null,
        new BindingUpdate(
            number,
            Flags,
            lifetime,
            [new AlternateCareOfAddress(_updateSource)]));

    // L by its rule (RFC 6275, section 11.7.1). Without IPsec K stays clear, and what the answer's says is nobody's concern; R (RFC 3963) is a router's.
    private BindingUpdateFlags Flags => BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration
        | (_configuration.LinkLocalAddress == _configuration.HomeAddress.LinkLocal ? BindingUpdateFlags.LinkLocalAddressCompatibility : 0);

    private Ipv6Address? HomeAddressUnless(Ipv6Address itself) => itself == _configuration.HomeAddress ? null : _configuration.HomeAddress;

    private readonly record struct OutstandingUpdate(ushort Sequence, ushort Lifetime, TimeSpan SentAt, Ipv6Address Source, bool BindingExisted);

    private readonly record struct Binding(Ipv6Address HomeAgent, Ipv6Address? CareOfAddress, TimeSpan ExpiresAt);
}
