using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Wire;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>Makes a domain mobile, on a host on its home link, and undoes it.</summary>
/// <param name="hypervisor">This host's libvirt.</param>
/// <param name="kernel">This host's links.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="lifecycle">What becomes of them.</param>
/// <param name="learning">Finds out their home addresses.</param>
/// <param name="discoveries">Finds out home agents that do not advertise themselves.</param>
/// <param name="channel">Where the next host's agent reaches this one.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class Enrolment(
    Hypervisor hypervisor,
    Kernel kernel,
    GuestTable guests,
    GuestLifecycle lifecycle,
    AddressLearning learning,
    HomeAgentDiscoveries discoveries,
    PeerChannel channel,
    AgentLog log)
{
    /// <summary>Enrolls a domain.</summary>
    /// <exception cref="RefusedException">A check refused it; nothing was changed.</exception>
    public async Task<Done> EnrollAsync(EnrollRequest request)
    {
        var domain = await FindAsync(request.Domain);
        if (domain.Xml.IsEnrolled)
        {
            throw new RefusedException($"{domain.Name} is enrolled already: unenroll it first");
        }

        var chosen = Choose(domain, request.Interface);
        var source = HomeSourceOf(domain, chosen);
        var bridge = await BridgeAsync(domain, chosen, source);
        if (await RouterDiscovery.FindDefaultRoutersAsync(bridge) is not [var router, .. var otherRouters])
        {
            throw new RefusedException(
                $"no router has advertised itself on {bridge.Name} within {RouterDiscovery.Patience.TotalSeconds:0} s: enroll {domain.Name} on a host on its home link");
        }

        Check(request, router);

        var link = new HomeLink(
            [.. router.Prefixes], router.Address, router.LinkLayerAddress, router.Mtu ?? bridge.Mtu, [.. router.Advertisement.ToArray()]);
        var homeAgents = request.HomeAgent is { } given ? [given] : await FindHomeAgentsAsync(bridge, link);
        var found = await FindAddressesAsync(domain, chosen, bridge, request, link, router.Advertisement, homeAgents);
        var profile = new MobilityProfile(
        [
            new EnrolledInterface(chosen.Mac!.Value, source, link, homeAgents[0], [.. found])
            {
                HomeAgentOrigin = request.HomeAgent is null ? HomeAgentOrigin.Found : HomeAgentOrigin.Given,
            }.WithHomeAgents(homeAgents),
        ]);
        lifecycle.RefuseDuplicates(domain.Uuid, profile);
        profile = profile with { Agent = channel.TicketFor(profile) };
        await WriteAsync(domain, profile.ToMetadata());

        if (domain.IsActive)
        {
            var guest = lifecycle.Take(
                domain.Uuid, domain.Name, profile, _ => new Attachment.Home(bridge.Name, chosen.TargetDevice), Presence.Running);
            lifecycle.Reapply();
            lifecycle.Listen(guest);
            lifecycle.Activate(guest);
        }

        var addresses = found.Count > 0 ? string.Join(", ", found.Select(address => address.Address)) : "no home address yet";
        log.Decision(domain.Name, $"enrolled: {chosen.Mac} with {addresses}, home agent {string.Join(", then ", homeAgents)}, home router {router.Address} on {bridge.Name}");
        return new(Notes(domain, profile.Interfaces[0], chosen, router, otherRouters, bridge));
    }

    /// <summary>Takes our metadata away.</summary>
    /// <exception cref="RefusedException">It is not enrolled, or away.</exception>
    public async Task<Done> UnenrollAsync(UnenrollRequest request)
    {
        var domain = await FindAsync(request.Domain);
        if (!domain.Xml.IsEnrolled)
        {
            throw new RefusedException($"{domain.Name} is not enrolled", ExitCode.NotFound);
        }

        if (guests.TryFind(domain.Uuid, out var guest) && guest.Links.Any(link => link.Attachment is Attachment.Away))
        {
            throw new RefusedException($"{domain.Name} is away and would be unreachable: move it to a host on its home link first");
        }

        await WriteAsync(domain, null);
        if (guests.TryFind(domain.Uuid, out guest))
        {
            lifecycle.Forget(guest, moved: true);
        }

        StateFile.Delete(domain.Uuid);
        log.Decision(domain.Name, "unenrolled");
        return new([$"{domain.Name} is not mobile any more"]);
    }

    /// <summary>Those that advertise themselves on the home link, or else those that answer there.</summary>
    private async Task<WireArray<Ipv6Address>> FindHomeAgentsAsync(NetworkInterface bridge, HomeLink link)
    {
        if (await RouterDiscovery.FindHomeAgentsAsync(bridge) is { Count: > 0 } advertised)
        {
            return advertised;
        }

        var why = "none answers";
        try
        {
            if (await discoveries.FindAsync(link.Prefixes) is { Count: > 0 } answered)
            {
                return answered;
            }
        }
        catch (UnreachableException e)
        {
            why = e.Message;
        }

        throw new RefusedException(
            $"no router on {bridge.Name} says that it is a home agent, and by discovery at {link.Prefixes[0].HomeAgentsAnycast}: {why}; give one by --home-agent");
    }

    /// <summary>The home addresses that were given, or else those that the guest is seen to use.</summary>
    private async Task<IReadOnlyList<EnrolledAddress>> FindAddressesAsync(
        DomainSnapshot domain, DomainInterface chosen, NetworkInterface bridge, EnrollRequest request, HomeLink link, RouterAdvertisement advertisement, WireArray<Ipv6Address> homeAgents)
    {
        if (request.HomeAddresses.Count > 0)
        {
            return [.. request.HomeAddresses.Distinct().Select(address => new EnrolledAddress(address, 0, BindingPossible: false))];
        }

        if (!domain.IsActive || chosen.TargetDevice is not { } name || kernel.Interfaces().Find(name) is not { } tap)
        {
            return [];
        }

        var whose = learning.Learner(chosen.Mac!.Value, link, advertisement, homeAgents, [], bridge.Name);
        return
        [
            .. (await learning.DiscoverAsync(tap, bridge, whose))
                .Where(address => guests.OtherWith(domain.Uuid, address) is null)
                .Select(address => new EnrolledAddress(address, 0, BindingPossible: false, HomeAddressOrigin.Learnt)),
        ];
    }

    private async Task<DomainSnapshot> FindAsync(string nameOrUuid) =>
        await hypervisor.AskAsync(connection => DomainSnapshot.Find(connection, nameOrUuid))
        ?? throw new RefusedException($"there is no domain '{nameOrUuid}' on this host", ExitCode.NotFound);

    private static DomainInterface Choose(DomainSnapshot domain, LinkLayerAddress? mac)
    {
        var all = domain.Xml.Interfaces.Where(candidate => candidate.Mac is not null).ToList();
        var list = string.Join(", ", all.Select(candidate => $"{candidate.Mac} ({candidate.Type})"));
        return (mac, all.Count) switch
        {
            (_, 0) => throw new RefusedException($"{domain.Name} has no network interface"),
            (null, 1) => all[0],
            (null, _) => throw new RefusedException($"{domain.Name} has several interfaces, choose one by --interface: {list}"),
            var (wanted, _) => all.Find(candidate => candidate.Mac == wanted)
                ?? throw new RefusedException($"{domain.Name} has no interface {wanted}, only {list}"),
        };
    }

    private static HomeSource HomeSourceOf(DomainSnapshot domain, DomainInterface chosen) => chosen switch
    {
        { VirtualPort: { } port } => throw new RefusedException(
            $"{domain.Name}'s interface {chosen.Mac} is a virtual port ({(port.Length > 0 ? port : "of the network's type")}): only interfaces on a Linux bridge can be enrolled"),
        { Type: "bridge", SourceBridge: { } name } => new(HomeSourceType.Bridge, name, null, chosen.IsIsolated),
        { Type: "network", SourceNetwork: { } name } => new(HomeSourceType.Network, name, chosen.SourcePortGroup, chosen.IsIsolated),
        _ => throw new RefusedException(
            $"{domain.Name}'s interface {chosen.Mac} is of type '{chosen.Type}': only interfaces on a Linux bridge (type bridge or network) can be enrolled"),
    };

    private async Task<NetworkInterface> BridgeAsync(DomainSnapshot domain, DomainInterface chosen, HomeSource source)
    {
        var name = chosen.SourceBridge;
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

    private static void Check(EnrollRequest request, AdvertisedRouter router)
    {
        var prefixes = string.Join(", ", router.Prefixes);
        foreach (var address in request.HomeAddresses)
        {
            if (!address.IsRoutableUnicast || !router.Prefixes.Any(prefix => prefix.Contains(address)))
            {
                throw new RefusedException($"{address} is in no prefix of the home link ({prefixes}, advertised by {router.Address})");
            }
        }

        if (request.HomeAgent is { IsRoutableUnicast: false } homeAgent)
        {
            throw new RefusedException($"{homeAgent} cannot be a home agent's address");
        }
    }

    private async Task WriteAsync(DomainSnapshot domain, string? metadata)
    {
        try
        {
            await hypervisor.AskAsync(connection =>
            {
                using var found = connection.FindByUuid(domain.Uuid)
                    ?? throw new RefusedException($"{domain.Name} has gone meanwhile", ExitCode.NotFound);
                var impact = (found.IsActive ? DomainModificationImpact.Live : 0) | (found.IsPersistent ? DomainModificationImpact.Config : 0);
                found.SetMetadata(metadata, MobilityProfile.Key, MobilityProfile.Namespace, impact);
                return true;
            });
        }
        catch (LibvirtException e)
        {
            throw new RefusedException($"libvirt did not change {domain.Name}'s metadata: {e.Message}", ExitCode.Libvirt);
        }
    }

    private static List<string> Notes(
        DomainSnapshot domain,
        EnrolledInterface enrolled,
        DomainInterface chosen,
        AdvertisedRouter router,
        IReadOnlyList<AdvertisedRouter> otherRouters,
        NetworkInterface bridge)
    {
        var notes = new List<string>
        {
            $"{domain.Name} is mobile by its interface {chosen.Mac} on {bridge.Name}, home agent {string.Join(", then ", enrolled.HomeAgents)}",
            enrolled.Addresses.Count == 0
                ? "no home address is known yet: they are learnt as the VM uses them"
                : $"home addresses: {string.Join(", ", enrolled.Addresses.Select(address => address.Address))}; others are learnt as the VM uses them",
            $"away, this host speaks for the router {router.Address} ({router.LinkLayerAddress}) with {string.Join(", ", router.Prefixes)}",
            "away, IPv4 is not carried on this interface",
        };
        notes.AddRange(otherRouters.Select(other =>
            $"away, the router {other.Address} is not there: {(other.Advertisement.Preference < router.Advertisement.Preference ? "its preference is lower" : "it is as good as the other")}"));
        if (chosen.FilterRef is { } filter)
        {
            notes.Add($"away, its filterref '{filter}' is not enforced");
        }

        return notes;
    }
}
