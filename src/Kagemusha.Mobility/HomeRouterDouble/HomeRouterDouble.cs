using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>
/// The home link on an away guest's tap: the home router, and every neighbour that the guest may ask for, behind the router's
/// link-layer address (RFC 4861, sections 6.2 and 7.2.4). Nothing is remembered of who asked, so a flood costs no memory.
/// </summary>
public sealed class HomeRouterDouble
{
    /// <summary>The longest time between two advertisements: our choice, between RFC 4861's 4 s and 1800 s.</summary>
    public static readonly TimeSpan MaxAdvertisementInterval = TimeSpan.FromMinutes(5);

    /// <summary>MIN_DELAY_BETWEEN_RAS (RFC 4861, section 10), of those to all nodes: who says who it is gets its own at once.</summary>
    public static readonly TimeSpan MinDelayBetweenAdvertisements = TimeSpan.FromSeconds(3);

    private readonly HomeRouterDoubleConfiguration _configuration;
    private readonly HashSet<Ipv6Address> _routerAddresses;
    private readonly HashSet<Ipv6Address> _homeAddresses;
    private readonly List<Ipv6Prefix> _prefixes;
    private readonly Dictionary<Ipv6Prefix, ToldLifetimes> _told = []; // By the home agent: they count down.
    private RouterAdvertisement _heard;
    private RouterAdvertisement _advertisement;
    private TimeSpan? _lastAdvertisedAt;

    /// <summary>A double that is silent until the guest asks or resumes.</summary>
    public HomeRouterDouble(HomeRouterDoubleConfiguration configuration)
    {
        _configuration = configuration;
        _homeAddresses = [.. configuration.HomeAddresses];
        _routerAddresses = [configuration.RouterAddress, .. configuration.Advertisement.RouterAddresses];
        _prefixes = [.. configuration.Advertisement.OnLinkPrefixes];
        _heard = configuration.Advertisement;
        _advertisement = RepeatedAdvertisement.Create(_heard, configuration.Mtu);
    }

    /// <summary>When <see cref="Handle"/> wants to be called again; null for not before something happens.</summary>
    public TimeSpan? NextWakeUp { get; private set; }

    /// <summary>Takes what has happened and says what to send to the guest.</summary>
    public IReadOnlyList<NeighbourDiscoveryFrame> Handle(TimeSpan now, HomeRouterDoubleInput input)
    {
        switch (input)
        {
            case HomeRouterDoubleInput.Resumed:
                NextWakeUp = now;
                break;
            case HomeRouterDoubleInput.Received { Source: var source } when source == _configuration.RouterLinkLayerAddress:
                break; // Our own frame, as a packet socket shows it.
            case HomeRouterDoubleInput.Received { Packet: { Message: NeighbourSolicitation solicitation } packet, Source: var source }:
                return Answer(packet.Source, source, solicitation) is { } answer ? [answer] : [];
            case HomeRouterDoubleInput.Received { Packet: { Source.IsUnspecified: false, Message: RouterSolicitation solicitation } packet, Source: var source }:
                return [AnswerTo(packet.Source, source, solicitation, _configuration.RouterAddress, Advertisement(now))];
            case HomeRouterDoubleInput.Received { Packet.Message: RouterSolicitation }:
                AdvertiseSoon(now);
                break;
            case HomeRouterDoubleInput.Advertised advertised:
                Follow(now, advertised);
                AdvertiseSoon(now);
                break;
        }

        if (NextWakeUp > now || NextWakeUp is null)
        {
            return [];
        }

        _lastAdvertisedAt = now;
        NextWakeUp = now + MaxAdvertisementInterval;
        return [ToAll(_configuration.RouterAddress, Advertisement(now))];
    }

    private void AdvertiseSoon(TimeSpan now)
    {
        var soonest = _lastAdvertisedAt + MinDelayBetweenAdvertisements is { } at && at > now ? at : now;
        NextWakeUp = NextWakeUp < soonest ? NextWakeUp : soonest;
    }

    private RouterAdvertisement Advertisement(TimeSpan now) =>
        _told.Count == 0 ? _advertisement : _advertisement = RepeatedAdvertisement.Create(_heard, _configuration.Mtu, now, _told);

    private void Follow(TimeSpan now, HomeRouterDoubleInput.Advertised advertised)
    {
        _heard = RepeatedAdvertisement.Merge(_heard, advertised.Prefixes, advertised.Flags);
        foreach (var prefix in advertised.Prefixes)
        {
            _told[new(prefix.Prefix, prefix.PrefixLength)] = ToldLifetimes.Of(prefix, now);
        }

        // Of those that are not advertised any more nothing is kept.
        var advertisedNow = _heard.Options.OfType<PrefixInformation>().Where(prefix => prefix.PrefixLength <= 128)
            .Select(prefix => new Ipv6Prefix(prefix.Prefix, prefix.PrefixLength)).ToHashSet();
        foreach (var gone in _told.Keys.Where(prefix => !advertisedNow.Contains(prefix)).ToList())
        {
            _told.Remove(gone);
        }

        _prefixes.Clear();
        _prefixes.AddRange(_heard.OnLinkPrefixes);
    }

    private NeighbourDiscoveryFrame? Answer(Ipv6Address asker, LinkLayerAddress frameSource, NeighbourSolicitation solicitation)
    {
        var target = solicitation.Target;
        var isRouter = _routerAddresses.Contains(target);

        // Duplicate address detection finds the router's addresses only (RFC 4862, section 5.4.3). Any other is the guest's own, after
        // a reboot, or is to become so; whether a neighbour has it is for the home agent to find out (RFC 6275, section 10.3.1).
        var isNeighbour = !asker.IsUnspecified && !_homeAddresses.Contains(target) && _prefixes.Exists(prefix => prefix.Contains(target));
        if (!isRouter && !isNeighbour)
        {
            return null;
        }

        // Override for neighbours too, where a proxy would not (RFC 4861, section 7.2.8): the guest's cache still has their addresses on the
        // home link, to which nothing gets from here.
        var flags = NeighbourAdvertisementFlags.Override
            | (isRouter ? NeighbourAdvertisementFlags.Router : 0)
            | (asker.IsUnspecified ? 0 : NeighbourAdvertisementFlags.Solicited);
        var answer = new NeighbourAdvertisement(target, flags, [new TargetLinkLayerAddress(_configuration.RouterLinkLayerAddress)]);
        return asker.IsUnspecified ? ToAll(target, answer) : AnswerTo(asker, frameSource, solicitation, target, answer);
    }

    // Who does not say its link-layer address has it in its frame: what a neighbour cache is for (RFC 4861, section 7.2.4).
    private NeighbourDiscoveryFrame AnswerTo(
        Ipv6Address asker, LinkLayerAddress frameSource, NeighbourDiscoveryMessage solicitation, Ipv6Address source, NeighbourDiscoveryMessage answer) =>
        new(
            solicitation.Options.OfType<SourceLinkLayerAddress>().FirstOrDefault()?.Address ?? frameSource,
            _configuration.RouterLinkLayerAddress,
            new(source, asker, answer));

    private NeighbourDiscoveryFrame ToAll(Ipv6Address source, NeighbourDiscoveryMessage message) => new(
        LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes), _configuration.RouterLinkLayerAddress, new(source, Ipv6Address.AllNodes, message));
}
