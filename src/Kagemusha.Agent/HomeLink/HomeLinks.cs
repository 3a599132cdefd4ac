using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Wire;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>An interface of a domain that is on a home link, as it was found there.</summary>
/// <param name="Interface">The interface, which has a link-layer address.</param>
/// <param name="Source">What it is attached to.</param>
/// <param name="Bridge">The home link's bridge.</param>
/// <param name="Router">The router that is impersonated away.</param>
/// <param name="OtherRouters">The others.</param>
/// <param name="HomeAgents">The home agents, the most preferred first; at least one.</param>
internal sealed record InterfaceAtHome(
    DomainInterface Interface,
    HomeSource Source,
    NetworkInterface Bridge,
    AdvertisedRouter Router,
    IReadOnlyList<AdvertisedRouter> OtherRouters,
    WireArray<Ipv6Address> HomeAgents)
{
    /// <summary>The guest's address.</summary>
    public LinkLayerAddress Mac => Interface.Mac!.Value;

    /// <summary>The home link as the metadata has it.</summary>
    public HomeLink Link { get; } = new(
        [.. Router.Prefixes], Router.Address, Router.LinkLayerAddress, Router.Mtu ?? Bridge.Mtu, [.. Router.Advertisement.ToArray()]);

    /// <summary>What the metadata is to say of it.</summary>
    /// <param name="addresses">Its home addresses.</param>
    /// <param name="origin">How the home agents became known.</param>
    public EnrolledInterface Enrolled(IEnumerable<EnrolledAddress> addresses, HomeAgentOrigin origin) =>
        new EnrolledInterface(Mac, Source, Link, HomeAgents[0], [.. addresses]) { HomeAgentOrigin = origin }.WithHomeAgents(HomeAgents);
}

/// <summary>Finds out which interfaces of a domain are on a home link of this host.</summary>
/// <param name="hypervisor">Knows the bridges of libvirt's networks.</param>
/// <param name="kernel">This host's links.</param>
/// <param name="discoveries">Finds out home agents that do not advertise themselves.</param>
internal sealed class HomeLinks(Hypervisor hypervisor, Kernel kernel, HomeAgentDiscoveries discoveries)
{
    /// <summary>Those that are, and why the others are not.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="candidates">The interfaces to look at.</param>
    /// <param name="homeAgent">The home agent, or null for those that are found on a link.</param>
    /// <exception cref="RefusedException">None is.</exception>
    public async Task<(IReadOnlyList<InterfaceAtHome> Found, IReadOnlyList<string> Others)> FindAsync(
        DomainSnapshot domain, IReadOnlyList<DomainInterface> candidates, Ipv6Address? homeAgent)
    {
        var routers = new Dictionary<int, Task<AdvertisedRouter[]>>();
        var homeAgents = new Dictionary<int, Task<WireArray<Ipv6Address>>>();
        var found = new List<InterfaceAtHome>();
        var others = new List<string>();
        foreach (var (at, whyNot) in await Task.WhenAll(candidates.Select(TryFindAsync)))
        {
            if (at is not null)
            {
                found.Add(at);
            }
            else
            {
                others.Add(whyNot!);
            }
        }

        return found.Count > 0 ? (found, others) : throw new RefusedException(string.Join("; ", others.Distinct()));

        async Task<(InterfaceAtHome? At, string? WhyNot)> TryFindAsync(DomainInterface candidate)
        {
            try
            {
                return (await FindAsync(candidate), null);
            }
            catch (RefusedException e)
            {
                return (null, e.Message);
            }
        }

        async Task<InterfaceAtHome> FindAsync(DomainInterface candidate)
        {
            var source = SourceOf(domain, candidate);
            var bridge = await BridgeAsync(domain, candidate, source);
            // Interfaces on one bridge have one home.
            if (await Once(routers, bridge, RouterDiscovery.FindDefaultRoutersAsync) is not [var router, .. var otherRouters])
            {
                throw new RefusedException(
                    $"no router has advertised itself on {bridge.Name} within {RouterDiscovery.Patience.TotalSeconds:0} s: enroll {domain.Name} on a host on its home link");
            }

            return new(
                candidate,
                source,
                bridge,
                router,
                otherRouters,
                homeAgent is { } given ? [given] : await Once(homeAgents, bridge, bridge => FindHomeAgentsAsync(bridge, [.. router.Prefixes])));
        }
    }

    /// <summary>Those that advertise themselves on the home link, or else those that answer there.</summary>
    private async Task<WireArray<Ipv6Address>> FindHomeAgentsAsync(NetworkInterface bridge, WireArray<Ipv6Prefix> prefixes)
    {
        if (await RouterDiscovery.FindHomeAgentsAsync(bridge) is { Count: > 0 } advertised)
        {
            return advertised;
        }

        var why = "none answers";
        try
        {
            if (await discoveries.FindAsync(prefixes) is { Count: > 0 } answered)
            {
                return answered;
            }
        }
        catch (UnreachableException e)
        {
            why = e.Message;
        }

        throw new RefusedException(
            $"no router on {bridge.Name} says that it is a home agent, and by discovery at {prefixes[0].HomeAgentsAnycast}: {why}; give one by --home-agent");
    }

    private static Task<T> Once<T>(Dictionary<int, Task<T>> asked, NetworkInterface bridge, Func<NetworkInterface, Task<T>> ask)
    {
        if (!asked.TryGetValue(bridge.Index, out var answer))
        {
            asked.Add(bridge.Index, answer = ask(bridge));
        }

        return answer;
    }

    private static HomeSource SourceOf(DomainSnapshot domain, DomainInterface candidate) => candidate switch
    {
        { VirtualPort: { } port } => throw new RefusedException(
            $"{domain.Name}'s interface {candidate.Mac} is a virtual port ({(port.Length > 0 ? port : "of the network's type")}): only interfaces on a Linux bridge can be enrolled"),
        { Type: "bridge", SourceBridge: { } name } => new(HomeSourceType.Bridge, name, null, candidate.IsIsolated),
        { Type: "network", SourceNetwork: { } name } => new(HomeSourceType.Network, name, candidate.SourcePortGroup, candidate.IsIsolated),
        _ => throw new RefusedException(
            $"{domain.Name}'s interface {candidate.Mac} is of type '{candidate.Type}': only interfaces on a Linux bridge (type bridge or network) can be enrolled"),
    };

    private async Task<NetworkInterface> BridgeAsync(DomainSnapshot domain, DomainInterface candidate, HomeSource source)
    {
        var name = candidate.SourceBridge;
        if (name is null)
        {
            try
            {
                name = await hypervisor.AskAsync(connection => connection.GetNetworkBridge(source.Name))
                    ?? throw new RefusedException($"{domain.Name}'s network '{source.Name}' is not there");
            }
            catch (LibvirtException e)
            {
                throw new RefusedException($"{domain.Name}'s network '{source.Name}' is on no Linux bridge: {e.Message}");
            }
        }

        return kernel.Interfaces().Find(name) switch
        {
            { Kind: "bridge" } bridge => bridge,
            null => throw new RefusedException($"{domain.Name}'s bridge '{name}' is not there"),
            _ => throw new RefusedException($"{domain.Name}'s bridge '{name}' is not a Linux bridge: only those can be enrolled"),
        };
    }
}
