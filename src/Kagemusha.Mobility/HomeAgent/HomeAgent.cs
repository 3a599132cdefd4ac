using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>
/// The home agent of RFC 6275, section 10: a binding cache, fed by <see cref="Handle"/>. It has no clock and no sockets: time and packets
/// come in, what is to be done comes out, and <see cref="NextWakeUp"/> says when it wants to be called next.
/// </summary>
public sealed partial class HomeAgent
{
    /// <summary>The unit of a lifetime on the wire (RFC 6275, section 6.1.7).</summary>
    public static readonly TimeSpan LifetimeUnit = TimeSpan.FromSeconds(4);

    private readonly HomeAgentConfiguration _configuration;
    private readonly Func<double> _random;
    private readonly DeadlineMap<BindingCacheEntry> _bindings = new(binding => binding.Expires);
    private readonly Dictionary<Ipv6Address, int> _boundTo = [];
    private List<HomeAgentEffect> _effects = [];

    /// <summary>A home agent with the bindings of an earlier run; those that have no lifetime left, or would no longer be served, are forgotten.</summary>
    /// <param name="configuration">What it serves.</param>
    /// <param name="snapshot">The bindings.</param>
    /// <param name="now">The time.</param>
    /// <param name="random">Numbers from 0 up to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The greatest lifetime is less than one unit.</exception>
    public HomeAgent(HomeAgentConfiguration configuration, IEnumerable<BindingSnapshot> snapshot, TimeSpan now, Func<double> random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(configuration.MaximumLifetime, LifetimeUnit);
        _configuration = configuration;
        _random = random;
        _prefixes = new(configuration.HomePrefixes, configuration.LearnsPrefixes);
        // What routers have said before is not stored; but no binding was granted for longer than its prefix.
        foreach (var binding in snapshot.Where(b => b.Remaining > TimeSpan.Zero
            && (configuration.LearnsPrefixes || IsHome(b.HomeAddress)) && Denied(b.HomeAddress, b.CareOfAddress) is null))
        {
            Bind(new(binding.HomeAddress, binding.CareOfAddress, binding.Sequence, now + binding.Remaining) { LinkLocalAddress = binding.LinkLocalAddress });
            SchedulePrefixes(now, binding.HomeAddress);
            // Neighbours may have learnt another link-layer address while nobody defended this one.
            _announcements[binding.HomeAddress] = new(AdvertisementCount, now);
        }
    }

    /// <summary>The binding cache.</summary>
    public IReadOnlyCollection<BindingCacheEntry> Bindings => _bindings.Values;

    /// <summary>When <see cref="HomeAgentInput.WakeUp"/> is due; null when nothing is waited for.</summary>
    public TimeSpan? NextWakeUp =>
        new[] { _bindings.Next, _detections.Next, _announcements.Next, _prefixes.NextEnd, _nextSolicitation, _newsDue, _deliveries.Next }.Min();

    /// <summary>The binding cache with remaining lifetimes, to be stored.</summary>
    public IReadOnlyList<BindingSnapshot> TakeSnapshot(TimeSpan now) =>
        [.. _bindings.Values.Select(b => new BindingSnapshot(b.HomeAddress, b.CareOfAddress, b.Sequence, Remaining(b, now))
        {
            LinkLocalAddress = b.LinkLocalAddress,
        })];

    /// <summary>Takes one input and says what is to be done. What was due by <paramref name="now"/> comes first.</summary>
    public IReadOnlyList<HomeAgentEffect> Handle(TimeSpan now, HomeAgentInput input)
    {
        _effects = [];
        ExpirePrefixes(now);
        Expire(now);
        SolicitRouters(now);
        FinishDetections(now);
        Announce(now);
        SpreadNews(now);
        DeliverPrefixes(now);
        switch (input)
        {
            case HomeAgentInput.Started:
                Start(now);
                break;
            case HomeAgentInput.Advertised { Source: var router, Advertisement: var advertisement }:
                Hear(now, router, advertisement);
                break;
            case HomeAgentInput.Asked { Packet: { Message: HomeAgentAddressDiscoveryRequest request } packet }:
                AnswerDiscovery(now, packet, request);
                break;
            case HomeAgentInput.Asked { Packet: { Message: MobilePrefixSolicitation solicitation } packet }:
                AnswerSolicitation(now, packet, solicitation);
                break;
            case HomeAgentInput.HomeAddressUsed { Packet: var packet }:
                IsBound(now, packet.Source, packet.Destination, packet.HomeAddress);
                break;
            case HomeAgentInput.Unreadable unreadable:
                AnswerUnreadable(now, unreadable);
                break;
            case HomeAgentInput.Received { Packet: { Message: BindingUpdate message } packet } received:
                HandleUpdate(now, packet, message, received.HomeLinkSender);
                break;
            case HomeAgentInput.Received { Packet: { Message: UnknownMobilityMessage } packet }:
                AnswerUnknown(now, packet);
                break;
            case HomeAgentInput.Received { Packet: var packet }:
                Discard(packet, "it is no Binding Update");
                break;
            case HomeAgentInput.SeenOnHomeLink { Packet: var packet }:
                CheckForDuplicate(packet);
                Defend(now, packet);
                break;
            case HomeAgentInput.DataPathFailed failed:
                Abandon(now, failed);
                break;
        }

        return _effects;
    }

    private static TimeSpan Remaining(BindingCacheEntry binding, TimeSpan now) =>
        binding.Expires > now ? binding.Expires - now : TimeSpan.Zero;

    private bool IsHome(Ipv6Address address) => _prefixes.Of(address) is not null;

    private bool IsOwn(Ipv6Address address) => address == _configuration.Address || _configuration.OtherAddresses.Contains(address);

    private void Expire(TimeSpan now)
    {
        foreach (var (_, binding) in _bindings.TakeDue(now))
        {
            Forget(now, binding, BindingCacheChange.Expired);
        }
    }

    /// <summary>Puts a binding into the cache, or in the place of the one that the home address has.</summary>
    private void Bind(BindingCacheEntry binding)
    {
        if (_bindings.TryGetValue(binding.HomeAddress, out var last))
        {
            Release(last.CareOfAddress);
        }

        _bindings[binding.HomeAddress] = binding;
        _boundTo[binding.CareOfAddress] = _boundTo.GetValueOrDefault(binding.CareOfAddress) + 1;
    }

    private void End(TimeSpan now, BindingCacheEntry binding, BindingCacheChange change)
    {
        _bindings.Remove(binding.HomeAddress);
        Forget(now, binding, change);
    }

    /// <summary>Forgets all that goes with a binding that is no longer in the cache.</summary>
    private void Forget(TimeSpan now, BindingCacheEntry binding, BindingCacheChange change)
    {
        Release(binding.CareOfAddress);
        _announcements.Remove(binding.HomeAddress);
        _claimed.Remove(binding.HomeAddress);
        _deliveries.Remove(binding.HomeAddress);
        _advertisedAt.Remove(binding.HomeAddress);
        _effects.Add(new HomeAgentEffect.BindingChanged(binding, change, Remaining(binding, now)));
    }

    private void Release(Ipv6Address careOfAddress)
    {
        if (--_boundTo[careOfAddress] == 0)
        {
            _boundTo.Remove(careOfAddress);
        }
    }

    private void Abandon(TimeSpan now, HomeAgentInput.DataPathFailed failed)
    {
        if (failed.Acknowledgement.Message is not BindingAcknowledgement acknowledgement
            || !_bindings.TryGetValue(failed.HomeAddress, out var binding))
        {
            return;
        }

        End(now, binding, BindingCacheChange.Abandoned);
        _effects.Add(new HomeAgentEffect.Refused(
            binding.HomeAddress, binding.CareOfAddress, BindingStatus.ReasonUnspecified, "the kernel would not have the tunnel"));
        _effects.Add(new HomeAgentEffect.Send(failed.Acknowledgement with
        {
            Message = acknowledgement with { Status = BindingStatus.ReasonUnspecified, Lifetime = 0 },
        }));
    }

    private void Discard(MobilityPacket packet, string reason) => _effects.Add(new HomeAgentEffect.Discarded(packet.Source, reason));
}
