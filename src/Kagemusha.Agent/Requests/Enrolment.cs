using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Wire;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>Makes a domain mobile, on a host on its home links, and undoes it.</summary>
/// <param name="hypervisor">This host's libvirt.</param>
/// <param name="kernel">This host's links.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="lifecycle">What becomes of them.</param>
/// <param name="attachments">Where their interfaces end.</param>
/// <param name="learning">Finds out their home addresses.</param>
/// <param name="discoveries">Finds out home agents that do not advertise themselves.</param>
/// <param name="channel">Where the next host's agent reaches this one.</param>
/// <param name="gate">Keeps changes of one definition apart.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class Enrolment(
    Hypervisor hypervisor,
    Kernel kernel,
    GuestTable guests,
    GuestLifecycle lifecycle,
    Attachments attachments,
    AddressLearning learning,
    HomeAgentDiscoveries discoveries,
    PeerChannel channel,
    DomainGate gate,
    AgentLog log)
{
    private readonly HomeLinks _homes = new(hypervisor, kernel, discoveries);

    /// <summary>Enrolls a domain's interfaces that are on a home link, or one.</summary>
    /// <exception cref="RefusedException">A check refused it; nothing was changed.</exception>
    public async Task<Done> EnrollAsync(EnrollRequest request) =>
        await ChangeAsync(request.Domain, domain => EnrollAsync(request, domain));

    /// <summary>Takes our metadata away, or what it says of one interface.</summary>
    /// <exception cref="RefusedException">It is not enrolled, or away.</exception>
    public async Task<Done> UnenrollAsync(UnenrollRequest request) =>
        await ChangeAsync(request.Domain, domain => UnenrollAsync(request, domain));

    private async Task<Done> EnrollAsync(EnrollRequest request, DomainSnapshot domain)
    {
        var before = Profile(domain);
        var candidates = Choose(domain, before, request.Interface);
        RefuseAway(domain, ": enroll its interfaces at home");
        RefuseMoving(domain);
        var (found, others) = await _homes.FindAsync(domain, candidates, request.HomeAgent);
        var given = GivenAddresses.Of(request, found);
        var addresses = await FindAddressesAsync(domain, before, found, given);
        // Some seconds have passed.
        RefuseMoving(domain);
        var profile = new MobilityProfile(
        [
            .. before?.Interfaces ?? [],
            .. found.Zip(addresses, (at, known) => at.Enrolled(known, request.HomeAgent is null ? HomeAgentOrigin.Found : HomeAgentOrigin.Given)),
        ])
        {
            Agent = before?.Agent,
        };
        lifecycle.RefuseDuplicates(domain.Uuid, profile);
        profile = profile with { Agent = channel.TicketFor(profile) };
        await WriteAsync(domain, profile.ToMetadata());
        await ServeAsync(domain, profile);

        foreach (var (at, known) in found.Zip(addresses))
        {
            log.Decision(domain.Name, $"enrolled: {at.Mac} with {List(known)}, home agent {string.Join(", then ", at.HomeAgents)}, home router {at.Router.Address} on {at.Bridge.Name}");
        }

        return new(
        [
            .. found.Zip(addresses, (at, known) => Notes(domain, at, known)).SelectMany(notes => notes),
            .. others.Select(whyNot => $"stays where it is: {whyNot}"),
        ]);
    }

    private async Task<Done> UnenrollAsync(UnenrollRequest request, DomainSnapshot domain)
    {
        if (!domain.Xml.IsEnrolled)
        {
            throw new RefusedException($"{domain.Name} is not enrolled", ExitCode.NotFound);
        }

        RefuseAway(domain, " and would be unreachable: move it to a host on its home link first");
        // All goes whatever the metadata says: that may be why.
        var rest = request.Interface is { } mac ? Without(domain, Profile(domain)!, mac) : null;
        if (rest is not null)
        {
            RefuseMoving(domain);
        }

        await WriteAsync(domain, rest?.ToMetadata());
        if (rest is not null)
        {
            await ServeAsync(domain, rest);
            log.Decision(domain.Name, $"unenrolled: {request.Interface}");
            return new([$"{domain.Name}'s interface {request.Interface} is not mobile any more"]);
        }

        if (guests.TryFind(domain.Uuid, out var guest))
        {
            lifecycle.Forget(guest, moved: true);
        }

        StateFile.Delete(domain.Uuid);
        log.Decision(domain.Name, "unenrolled");
        return new([$"{domain.Name} is not mobile any more"]);
    }

    /// <summary>One change of a definition at a time: what is written is made of what was read.</summary>
    private async Task<Done> ChangeAsync(string nameOrUuid, Func<DomainSnapshot, Task<Done>> change)
    {
        var uuid = (await FindAsync(nameOrUuid)).Uuid;
        return await gate.PassAsync(uuid, async () => await change(await FindAsync(uuid.ToString())));
    }

    private async Task<DomainSnapshot> FindAsync(string nameOrUuid) =>
        await hypervisor.AskAsync(connection => DomainSnapshot.Find(connection, nameOrUuid))
        ?? throw new RefusedException($"there is no domain '{nameOrUuid}' on this host", ExitCode.NotFound);

    /// <summary>What is known of it, with the numbers that its nodes have by now; null if it is not enrolled.</summary>
    private MobilityProfile? Profile(DomainSnapshot domain) =>
        domain.Xml.IsEnrolled && guests.TryFind(domain.Uuid, out var guest) ? guest.Profile : domain.Xml.ReadProfile();

    private void RefuseAway(DomainSnapshot domain, string help)
    {
        if (guests.TryFind(domain.Uuid, out var guest) && guest.Links.Any(link => link.Attachment is Attachment.Away or Attachment.Severed { Tap: not null }))
        {
            throw new RefusedException($"{domain.Name} is away{help}");
        }
    }

    // A guest that is taken up anew has no hand-over.
    private void RefuseMoving(DomainSnapshot domain)
    {
        if (guests.TryFind(domain.Uuid, out var guest) && guest is not { Presence: Presence.Running, Departure: null, Arrival: null })
        {
            throw new RefusedException($"a migration of {domain.Name} has not ended yet: try again when nothing comes through its other host any more");
        }
    }

    private static List<DomainInterface> Choose(DomainSnapshot domain, MobilityProfile? enrolled, LinkLayerAddress? mac)
    {
        var all = domain.Xml.Interfaces.Where(candidate => candidate.Mac is not null).ToList();
        if (all.Count == 0)
        {
            throw new RefusedException($"{domain.Name} has no network interface");
        }

        if (mac is not { } wanted)
        {
            return enrolled is null ? all : throw new RefusedException($"{domain.Name} is enrolled already: unenroll it first, or add an interface by --interface");
        }

        if (enrolled?.Interfaces.Any(each => each.Mac == wanted) == true)
        {
            throw new RefusedException($"{domain.Name}'s interface {wanted} is enrolled already: unenroll it first");
        }

        return all.Find(candidate => candidate.Mac == wanted) is { } chosen
            ? [chosen]
            : throw new RefusedException(
                $"{domain.Name} has no interface {wanted}, only {string.Join(", ", all.Select(candidate => $"{candidate.Mac} ({candidate.Type})"))}");
    }

    private static MobilityProfile? Without(DomainSnapshot domain, MobilityProfile profile, LinkLayerAddress mac)
    {
        var rest = profile.Interfaces.Where(enrolled => enrolled.Mac != mac).ToList();
        return rest.Count == profile.Interfaces.Count
            ? throw new RefusedException(
                $"{domain.Name}'s interface {mac} is not enrolled, only {string.Join(", ", rest.Select(enrolled => enrolled.Mac))}", ExitCode.NotFound)
            : rest.Count == 0 ? null
            : profile with { Interfaces = [.. rest] };
    }

    /// <summary>The home addresses that were given for each interface, or else those that the guest is seen to use on it.</summary>
    private async Task<IReadOnlyList<IReadOnlyList<EnrolledAddress>>> FindAddressesAsync(
        DomainSnapshot domain, MobilityProfile? before, IReadOnlyList<InterfaceAtHome> found, ILookup<LinkLayerAddress, Ipv6Address> given)
    {
        var seen = await Task.WhenAll(found.Select(at => given.Contains(at.Mac) ? Task.FromResult<IReadOnlyList<Ipv6Address>>([]) : DiscoverAsync(domain, at)));
        var taken = before?.Interfaces.SelectMany(enrolled => enrolled.Addresses).Select(address => address.Address).ToHashSet() ?? [];
        foreach (var address in given.SelectMany(addresses => addresses).Where(address => !taken.Add(address)))
        {
            throw new RefusedException($"{address} is {domain.Name}'s already, on another interface");
        }

        return
        [
            .. found.Zip(seen, (at, learnt) => (IReadOnlyList<EnrolledAddress>)
            [
                .. given[at.Mac].Select(address => new EnrolledAddress(address, 0, BindingPossible: false)),
                .. learnt.Where(address => guests.OtherWith(domain.Uuid, address) is null && taken.Add(address))
                    .Select(address => new EnrolledAddress(address, 0, BindingPossible: false, HomeAddressOrigin.Learnt)),
            ]),
        ];
    }

    private async Task<IReadOnlyList<Ipv6Address>> DiscoverAsync(DomainSnapshot domain, InterfaceAtHome at) =>
        domain.IsActive && at.Interface.TargetDevice is { } name && kernel.Interfaces().Find(name) is { } tap
            ? await learning.DiscoverAsync(tap, at.Bridge, learning.Learner(at.Mac, at.Link, at.Router.Advertisement, at.HomeAgents, [], at.Bridge.Name))
            : [];

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

    /// <summary>A domain that runs, perhaps only since it was looked at, is served from now on as its new metadata says.</summary>
    private async Task ServeAsync(DomainSnapshot domain, MobilityProfile profile)
    {
        if (await hypervisor.AskAsync(connection => DomainSnapshot.Find(connection, domain.Uuid)) is not { IsActive: true } running)
        {
            return;
        }

        var guest = lifecycle.Take(domain.Uuid, domain.Name, profile, enrolled => attachments.Read(running.Xml, enrolled), Presence.Running);
        lifecycle.Reapply();
        lifecycle.Listen(guest);
        lifecycle.Activate(guest);
    }

    private static string List(IReadOnlyList<EnrolledAddress> addresses) =>
        addresses.Count > 0 ? string.Join(", ", addresses.Select(address => address.Address)) : "no home address yet";

    private static List<string> Notes(DomainSnapshot domain, InterfaceAtHome at, IReadOnlyList<EnrolledAddress> addresses)
    {
        var notes = new List<string>
        {
            $"{domain.Name} is mobile by its interface {at.Mac} on {at.Bridge.Name}, home agent {string.Join(", then ", at.HomeAgents)}",
            addresses.Count == 0
                ? "no home address is known yet: they are learnt as the VM uses them"
                : $"home addresses: {List(addresses)}; others are learnt as the VM uses them",
            $"away, this host speaks for the router {at.Router.Address} ({at.Router.LinkLayerAddress}) with {string.Join(", ", at.Router.Prefixes)}",
            "away, IPv4 is not carried on this interface",
        };
        notes.AddRange(at.OtherRouters.Select(other =>
            $"away, the router {other.Address} is not there: {(other.Advertisement.Preference < at.Router.Advertisement.Preference ? "its preference is lower" : "it is as good as the other")}"));
        if (at.Interface.FilterRef is { } filter)
        {
            notes.Add($"away, its filterref '{filter}' is not enforced");
        }

        return notes;
    }
}
