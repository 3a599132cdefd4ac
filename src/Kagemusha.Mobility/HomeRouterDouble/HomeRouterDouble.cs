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

    /// <summary>MIN_DELAY_BETWEEN_RAS (RFC 4861, section 10).</summary>
    public static readonly TimeSpan MinDelayBetweenAdvertisements = TimeSpan.FromSeconds(3);

    private const uint Infinity = uint.MaxValue;

    private readonly HomeRouterDoubleConfiguration _configuration;
    private readonly HashSet<Ipv6Address> _routerAddresses;
    private readonly HashSet<Ipv6Address> _homeAddresses;
    private readonly List<Ipv6Prefix> _prefixes = [];
    private readonly NeighbourDiscoveryFrame _advertisement;
    private readonly TimeSpan _interval;
    private TimeSpan? _lastAdvertisedAt;

    /// <summary>A double that is silent until the guest asks or resumes.</summary>
    public HomeRouterDouble(HomeRouterDoubleConfiguration configuration)
    {
        _configuration = configuration;
        _homeAddresses = [.. configuration.HomeAddresses];
        _routerAddresses = [configuration.RouterAddress];
        foreach (var prefix in configuration.Advertisement.Options.OfType<PrefixInformation>())
        {
            if (prefix.Flags.HasFlag(PrefixFlags.RouterAddress))
            {
                _routerAddresses.Add(prefix.Prefix);
            }

            if (prefix.Flags.HasFlag(PrefixFlags.OnLink) && prefix.PrefixLength <= 128)
            {
                _prefixes.Add(new(prefix.Prefix, prefix.PrefixLength));
            }
        }

        _advertisement = FrameTo(
            Ipv6Address.AllNodes,
            LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes),
            configuration.RouterAddress,
            WithMtu(configuration.Advertisement, configuration.Mtu));
        _interval = AdvertisementInterval(configuration.Advertisement);
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
            case HomeRouterDoubleInput.Received { Packet.Message: RouterSolicitation }:
                var soonest = _lastAdvertisedAt + MinDelayBetweenAdvertisements ?? now;
                NextWakeUp = NextWakeUp < soonest ? NextWakeUp : soonest;
                break;
        }

        if (NextWakeUp > now || NextWakeUp is null)
        {
            return [];
        }

        _lastAdvertisedAt = now;
        NextWakeUp = now + _interval;
        return [_advertisement];
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
        if (asker.IsUnspecified)
        {
            return FrameTo(Ipv6Address.AllNodes, LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes), target, answer);
        }

        var asked = solicitation.Options.OfType<SourceLinkLayerAddress>().FirstOrDefault();
        return FrameTo(asker, asked?.Address ?? frameSource, target, answer);
    }

    private NeighbourDiscoveryFrame FrameTo(
        Ipv6Address destination, LinkLayerAddress frameDestination, Ipv6Address source, NeighbourDiscoveryMessage message) =>
        new(frameDestination, _configuration.RouterLinkLayerAddress, new(source, destination, message));

    private static RouterAdvertisement WithMtu(RouterAdvertisement advertisement, int mtu)
    {
        var options = new List<NeighbourDiscoveryOption>();
        var linkMtu = (uint)mtu;
        foreach (var option in advertisement.Options)
        {
            if (option is Mtu { Value: var value })
            {
                linkMtu = Math.Min(linkMtu, value);
            }
            else
            {
                options.Add(option);
            }
        }

        return advertisement with { Options = [.. options, new Mtu(linkMtu)] };
    }

    // Often enough that two may be lost before a lifetime ends; three is also what a router's own lifetime allows (section 6.2.1).
    private static TimeSpan AdvertisementInterval(RouterAdvertisement advertisement)
    {
        var lifetimes = advertisement.Options.OfType<PrefixInformation>()
            .SelectMany(prefix => new[] { prefix.ValidLifetime, prefix.PreferredLifetime })
            .Append(advertisement.RouterLifetime)
            .Where(lifetime => lifetime != 0);
        var shortest = TimeSpan.FromSeconds(lifetimes.DefaultIfEmpty(Infinity).Min());
        return shortest / 3 < MaxAdvertisementInterval ? shortest / 3 : MaxAdvertisementInterval;
    }
}
