using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>A router on a link, as it advertises itself there.</summary>
/// <param name="Address">Its link-local address.</param>
/// <param name="LinkLayerAddress">Its link-layer address: what it says, else the frame's source.</param>
/// <param name="Advertisement">The whole advertisement.</param>
internal sealed record AdvertisedRouter(Ipv6Address Address, LinkLayerAddress LinkLayerAddress, RouterAdvertisement Advertisement)
{
    /// <summary>The prefixes whose addresses are on the link.</summary>
    public IReadOnlyList<Ipv6Prefix> Prefixes => [.. Advertisement.OnLinkPrefixes];

    /// <summary>
    /// Its address as a home agent, if it says that it is one (RFC 6275, sections 7.1 and 7.2), and its preference (section 7.4); the higher the better.
    /// </summary>
    public (Ipv6Address Address, ushort Preference)? HomeAgent =>
        Advertisement.Flags.HasFlag(RouterAdvertisementFlags.HomeAgent)
        && Advertisement.RouterAddresses.FirstOrDefault(address => address.IsRoutableUnicast) is { IsUnspecified: false } own
            ? (own, Advertisement.Options.OfType<HomeAgentInformation>().FirstOrDefault()?.Preference ?? 0)
            : null;

    /// <summary>The link's MTU if it is advertised.</summary>
    public int? Mtu => Advertisement.Options.OfType<Mtu>().FirstOrDefault() is { Value: <= int.MaxValue } mtu ? (int)mtu.Value : null;
}

/// <summary>Asks the routers of a bridge's link for their advertisements (RFC 4861, section 6.3.7).</summary>
internal static class RouterDiscovery
{
    /// <summary>How long a router may take: it may answer a solicitation by an advertisement that is up to 3 s late (RFC 4861, section 6.2.6).</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // Those that have been silent answer within 0.5 s of a solicitation (RFC 4861, section 10: MAX_RA_DELAY_TIME). One that has advertised itself in the last
    // 3 s may come later, and be missed: to wait for it each time would be worse.
    private static readonly TimeSpan OthersPatience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan SolicitationInterval = TimeSpan.FromSeconds(2);

    /// <summary>The first router on the link that is wanted, or null when none has answered.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <param name="wanted">Which one.</param>
    /// <exception cref="KernelException">The bridge has gone.</exception>
    public static async Task<AdvertisedRouter?> FindAsync(NetworkInterface bridge, Func<AdvertisedRouter, bool> wanted) =>
        (await HearAsync(bridge, wanted, TimeSpan.Zero)).FirstOrDefault();

    /// <summary>All routers that answer; none where the link has none, or is down.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <exception cref="KernelException">The bridge has gone.</exception>
    public static Task<IReadOnlyCollection<AdvertisedRouter>> FindAllAsync(NetworkInterface bridge) => HearAsync(bridge, _ => true, Patience);

    /// <summary>The link's default routers with a prefix, the one that hosts prefer first (RFC 4191, section 2.2); of equals the one with the lowest address.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <exception cref="KernelException">The bridge has gone.</exception>
    public static async Task<AdvertisedRouter[]> FindDefaultRoutersAsync(NetworkInterface bridge) =>
    [
        .. (await HearAsync(bridge, router => router.Advertisement.RouterLifetime > 0 && router.Prefixes.Count > 0, OthersPatience))
            .OrderByDescending(router => router.Advertisement.Preference)
            .ThenBy(router => router.Address),
    ];

    /// <summary>
    /// The home agents on the link, the most preferred first (RFC 6275, section 10.5), of equals the one with the lowest address; none where no router says that it is one.
    /// </summary>
    /// <param name="bridge">The bridge.</param>
    /// <exception cref="KernelException">The bridge has gone.</exception>
    public static async Task<WireArray<Ipv6Address>> FindHomeAgentsAsync(NetworkInterface bridge) =>
    [
        .. (await HearAsync(bridge, router => router.HomeAgent is not null, OthersPatience))
            .Select(router => router.HomeAgent!.Value)
            .OrderByDescending(homeAgent => homeAgent.Preference)
            .ThenBy(homeAgent => homeAgent.Address)
            .Select(homeAgent => homeAgent.Address)
            .Distinct()
            .Take(HomeAgentDiscovery.MostHomeAgents),
    ];

    /// <summary>What wanted routers have said last, until some time after the first has.</summary>
    private static async Task<IReadOnlyCollection<AdvertisedRouter>> HearAsync(
        NetworkInterface bridge, Func<AdvertisedRouter, bool> wanted, TimeSpan afterFirst)
    {
        var routers = new Dictionary<Ipv6Address, AdvertisedRouter>();
        var found = new TaskCompletionSource();
        // A bridge that is down has no router.
        using var port = new FramePort(bridge.Index, PacketFilter.NeighbourDiscovery, Receive, _ => found.TrySetResult(), FramePort.LinkRate);
        for (var left = Patience; left > TimeSpan.Zero && !found.Task.IsCompleted; left -= SolicitationInterval)
        {
            Solicit(port, bridge);
            await Task.WhenAny(found.Task, Task.Delay(left < SolicitationInterval ? left : SolicitationInterval));
        }

        if (routers.Count > 0)
        {
            await Task.Delay(afterFirst);
        }

        return routers.Values;

        void Receive(EthernetFrame frame)
        {
            if (NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out _)
                && packet.Message is RouterAdvertisement advertisement)
            {
                var address = advertisement.Options.OfType<SourceLinkLayerAddress>().FirstOrDefault()?.Address ?? frame.Source;
                var router = new AdvertisedRouter(packet.Source, address, advertisement);
                routers.Remove(router.Address);
                if (wanted(router))
                {
                    routers.Add(router.Address, router);
                    found.TrySetResult();
                }
            }
        }
    }

    // From the unspecified address: the bridge need not have one (RFC 4861, section 4.1), and no router learns anything from it.
    private static void Solicit(FramePort port, NetworkInterface bridge)
    {
        var packet = new NeighbourDiscoveryPacket(Ipv6Address.Unspecified, Ipv6Address.AllRouters, new RouterSolicitation([]));
        port.Send(EthernetFrame.Around(packet, bridge.Address ?? default, LinkLayerAddress.ForMulticast(Ipv6Address.AllRouters)));
    }
}
