using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>
/// Learns a guest's home addresses from its own neighbour discovery: what it sends from, advertises, or tries by duplicate address detection. On the
/// home link an address is learnt when nobody else there has contradicted. One that the guest does not answer for any more, while it answers for
/// another, is gone. Whatever the guest sends, no more is kept than <see cref="MaxLearnt"/> addresses and as many that are still in doubt.
/// </summary>
public sealed class HomeAddressLearner
{
    /// <summary>How many addresses of an interface are learnt, temporary ones (RFC 8981) among them: our choice.</summary>
    public const int MaxLearnt = 16;

    /// <summary>How long others have to contradict: our choice, above RetransTimer, for which RFC 4862, section 5.4, waits.</summary>
    public static readonly TimeSpan DoubtTime = TimeSpan.FromSeconds(2);

    /// <summary>How often the guest is asked for an address of which nothing is heard: our choice.</summary>
    public static readonly TimeSpan VerificationInterval = TimeSpan.FromMinutes(1);

    // RFC 4861, section 10.
    private static readonly TimeSpan RetransTimer = TimeSpan.FromSeconds(1);
    private const int MaxUnicastSolicit = 3;

    // Our choice: a guest that boots answers for its link-local address some time before it has the others.
    private const int MissedWhenGone = 3;

    private readonly HashSet<Ipv6Address> _others;
    private readonly HashSet<Ipv6Address> _given;
    private readonly Dictionary<Ipv6Address, Use> _learnt;
    private readonly Dictionary<Ipv6Address, Doubt> _doubtful = [];

    private Ipv6Address? _linkLocal;
    private TimeSpan? _answeredAt;
    private TimeSpan _verifyAt;
    private TimeSpan _roundBegan;
    private int _solicited;

    /// <param name="configuration">Whose addresses, and where.</param>
    /// <param name="learnt">What has been learnt before.</param>
    /// <param name="now">The time.</param>
    public HomeAddressLearner(HomeAddressLearnerConfiguration configuration, IEnumerable<Ipv6Address> learnt, TimeSpan now)
    {
        Configuration = configuration;
        // Each prefix' first address is the routers' anycast address (RFC 4291, section 2.6.1).
        _others = [.. configuration.Others, .. configuration.Prefixes.Select(prefix => prefix.Address)];
        _given = [.. configuration.Given];
        _learnt = learnt.Distinct().Take(MaxLearnt).ToDictionary(address => address, _ => new Use(now, 0));
        _verifyAt = now + VerificationInterval;
    }

    /// <summary>Whose addresses, and where.</summary>
    public HomeAddressLearnerConfiguration Configuration { get; }

    /// <summary>Whether the guest uses more addresses than are learnt.</summary>
    public bool IsLimitReached { get; private set; }

    /// <summary>Whether there are addresses that somebody else may still say are his.</summary>
    public bool IsInDoubt => _doubtful.Count > 0;

    /// <summary>When <see cref="Handle"/> wants to be called again; null for not before something happens.</summary>
    public TimeSpan? NextWakeUp => _doubtful.Values.Select(doubt => (TimeSpan?)doubt.Until)
        .Append(_learnt.Count > 0 ? _verifyAt : null)
        .Min();

    /// <summary>Takes what has happened and says what follows.</summary>
    public IReadOnlyList<HomeAddressEffect> Handle(TimeSpan now, HomeAddressInput input)
    {
        var effects = new List<HomeAddressEffect>();
        switch (input)
        {
            case HomeAddressInput.FromGuest { Packet: var packet, Source: var source } when source == Configuration.Guest:
                Hear(now, packet, effects);
                break;
            case HomeAddressInput.FromHomeLink { Packet: var packet, Source: var source } when source != Configuration.Guest:
                HearOthers(packet);
                break;
        }

        EndDoubts(now, effects);
        Verify(now, effects);
        return effects;
    }

    private void Hear(TimeSpan now, NeighbourDiscoveryPacket packet, List<HomeAddressEffect> effects)
    {
        if (packet.Message is NeighbourAdvertisement advertisement && IsOwn(advertisement))
        {
            _answeredAt = now;
            Consider(now, advertisement.Target, isAskedFor: false, effects);
        }

        if (packet.Source.IsLinkLocal)
        {
            _linkLocal = packet.Source;
        }
        else if (!packet.Source.IsUnspecified)
        {
            Consider(now, packet.Source, isAskedFor: false, effects);
        }
        else if (packet.Message is NeighbourSolicitation { Target: var target })
        {
            Consider(now, target, isAskedFor: true, effects);
        }
    }

    // A guest may speak for others, as a proxy (RFC 4861, section 7.2.8): their addresses are not its own.
    private bool IsOwn(NeighbourAdvertisement advertisement) =>
        advertisement.Options.OfType<TargetLinkLayerAddress>().All(option => option.Address == Configuration.Guest);

    private void Consider(TimeSpan now, Ipv6Address address, bool isAskedFor, List<HomeAddressEffect> effects)
    {
        if (_learnt.ContainsKey(address))
        {
            _learnt[address] = new(now, 0);
        }
        else if (!MayBeLearnt(address) || _doubtful.ContainsKey(address))
        {
        }
        else if (!Configuration.IsOnHomeLink || _learnt.Count >= MaxLearnt)
        {
            Learn(now, address, effects);
        }
        else if (_doubtful.Count < MaxLearnt)
        {
            _doubtful.Add(address, new(now + DoubtTime, IsContradicted: false));
            if (!isAskedFor)
            {
                effects.Add(new HomeAddressEffect.SendToHomeLink(WhoHas(address)));
            }
        }
    }

    private bool MayBeLearnt(Ipv6Address address) =>
        address.IsRoutableUnicast && !_others.Contains(address) && !_given.Contains(address)
        && Configuration.Prefixes.Any(prefix => prefix.Contains(address));

    private void Learn(TimeSpan now, Ipv6Address address, List<HomeAddressEffect> effects)
    {
        if (_learnt.Count < MaxLearnt)
        {
            if (_learnt.Count == 0)
            {
                BeginRoundAt(now + VerificationInterval);
            }

            _learnt.Add(address, new(now, 0));
            effects.Add(new HomeAddressEffect.Learnt(address));
        }
        else if (!IsLimitReached)
        {
            IsLimitReached = true;
            effects.Add(new HomeAddressEffect.LimitReached());
        }
    }

    // As duplicate address detection has it (RFC 4862, section 5.4): who has the address advertises it, who wants it too asks likewise.
    private void HearOthers(NeighbourDiscoveryPacket packet)
    {
        Ipv6Address? claimed = packet switch
        {
            { Message: NeighbourAdvertisement advertisement } => advertisement.Target,
            { Message: NeighbourSolicitation solicitation, Source.IsUnspecified: true } => solicitation.Target,
            _ => null,
        };
        if (claimed is { } address && _doubtful.TryGetValue(address, out var doubt))
        {
            // Kept until its time is over: a guest that goes on using it is not asked about at any pace of its own.
            _doubtful[address] = doubt with { IsContradicted = true };
        }
    }

    private void EndDoubts(TimeSpan now, List<HomeAddressEffect> effects)
    {
        foreach (var (address, doubt) in _doubtful.Where(each => each.Value.Until <= now).ToList())
        {
            _doubtful.Remove(address);
            if (!doubt.IsContradicted)
            {
                Learn(now, address, effects);
            }
        }
    }

    // Asks as neighbour unreachability detection does (RFC 4861, section 7.3.3). What a paused, dead or deaf guest does not answer says nothing.
    private void Verify(TimeSpan now, List<HomeAddressEffect> effects)
    {
        if (_learnt.Count == 0 || now < _verifyAt)
        {
            return;
        }

        if (_solicited == 0)
        {
            _roundBegan = now;
        }

        var silent = _learnt.Where(each => each.Value.HeardAt + VerificationInterval <= _roundBegan).Select(each => each.Key).Order().ToList();
        var isAlive = _answeredAt >= _roundBegan;
        if (silent.Count > 0 && _solicited < MaxUnicastSolicit)
        {
            var witness = _linkLocal ?? Configuration.Given.Select(given => (Ipv6Address?)given).FirstOrDefault();
            effects.AddRange((isAlive || witness is null ? silent : silent.Prepend(witness.Value)).Select(address => new HomeAddressEffect.SendToGuest(AreYou(address))));
            _solicited++;
            _verifyAt = now + RetransTimer;
            return;
        }

        foreach (var address in isAlive ? silent : [])
        {
            var missed = _learnt[address].Missed + 1;
            _learnt[address] = _learnt[address] with { Missed = missed };
            if (missed == MissedWhenGone)
            {
                _learnt.Remove(address);
                IsLimitReached = false;
                effects.Add(new HomeAddressEffect.Gone(address));
            }
        }

        BeginRoundAt(now + VerificationInterval);
    }

    private void BeginRoundAt(TimeSpan time)
    {
        _verifyAt = time;
        _solicited = 0;
    }

    private NeighbourDiscoveryFrame AreYou(Ipv6Address address) => new(
        Configuration.Guest,
        Configuration.RouterLinkLayerAddress,
        new(Configuration.Router, address, new NeighbourSolicitation(address, [new SourceLinkLayerAddress(Configuration.RouterLinkLayerAddress)])));

    private NeighbourDiscoveryFrame WhoHas(Ipv6Address address) => new(
        LinkLayerAddress.ForMulticast(address.SolicitedNode),
        Configuration.Guest,
        new(Ipv6Address.Unspecified, address.SolicitedNode, new NeighbourSolicitation(address, [])));

    /// <summary>An address that is learnt.</summary>
    /// <param name="HeardAt">When the guest used it last.</param>
    /// <param name="Missed">In how many rounds it has not answered for it since.</param>
    private readonly record struct Use(TimeSpan HeardAt, int Missed);

    /// <summary>An address that somebody else may have.</summary>
    /// <param name="Until">When it is learnt.</param>
    /// <param name="IsContradicted">Whether somebody else has it.</param>
    private readonly record struct Doubt(TimeSpan Until, bool IsContradicted);
}
