using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Wire;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>
/// Takes up the guests that are on this host already: after a start of the agent or of libvirt, when an event or a hook call tells of one that is not known,
/// and when the administrator asks for it. libvirt's word counts.
/// </summary>
/// <param name="hypervisor">This host's libvirt.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="lifecycle">What becomes of them.</param>
/// <param name="attachments">Where their interfaces end.</param>
/// <param name="foreigners">Looks whether one that was started is on another link.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class Adoption(
    Hypervisor hypervisor, GuestTable guests, GuestLifecycle lifecycle, Attachments attachments, ForeignBridges foreigners, AgentLog log)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    private readonly Dictionary<Guid, string> _problems = [];
    private readonly TaskCompletionSource _adopted = new();
    private TimeSpan _retryAt;
    private int _overtaken;

    /// <summary>All guests that were here before this agent are known.</summary>
    public Task Completed => _adopted.Task;

    /// <summary>Why domains that run here are not served, by UUID.</summary>
    public IReadOnlyDictionary<Guid, string> Problems => _problems;

    /// <summary>When <see cref="WakeUp"/> is to be called.</summary>
    public TimeSpan? NextWakeUp => _problems.Count > 0 ? _retryAt : null;

    /// <summary>An event has come: what libvirt is saying meanwhile may be older.</summary>
    public void Overtake() => _overtaken++;

    /// <summary>Tries again what could not be served.</summary>
    public void WakeUp()
    {
        if (_problems.Count > 0 && _retryAt <= Clock.Now)
        {
            _retryAt = Clock.Now + RetryInterval;
            foreach (var uuid in _problems.Keys.ToList())
            {
                _ = LookAsync(uuid);
            }
        }
    }

    /// <summary>Asks libvirt. An answer that an event has overtaken tells of the past: it is asked again.</summary>
    private async Task<T> AskAsync<T>(Func<LibvirtConnection, T> question)
    {
        while (true)
        {
            var heard = _overtaken;
            var answer = await hypervisor.AskAsync(question);
            if (heard == _overtaken)
            {
                return answer;
            }
        }
    }

    /// <summary>libvirt answers (again): its word on who runs here counts.</summary>
    public async Task AdoptAllAsync()
    {
        var known = guests.All.ToList();
        var domains = await AskAsync(DomainSnapshot.Enrolled);
        var active = domains.Where(domain => domain.IsActive).ToDictionary(domain => domain.Uuid);
        foreach (var guest in known.Where(guest => guest.Presence != Presence.Incoming && !active.ContainsKey(guest.Uuid)))
        {
            ForgetIfHere(guest);
        }

        Reconcile([.. active.Values]);
        lifecycle.Reapply();
        _adopted.TrySetResult();
    }

    /// <summary>libvirt is asked about one domain: it has been heard of, or may have gone. A hook that asks for this has libvirt's lock meanwhile.</summary>
    public async Task LookAsync(Guid uuid)
    {
        guests.TryFind(uuid, out var known);
        try
        {
            var domain = await AskAsync(connection => DomainSnapshot.Find(connection, uuid));
            if (domain is { IsActive: true, Xml.IsEnrolled: true })
            {
                Reconcile([domain]);
                return;
            }

            _problems.Remove(uuid);
            if (domain is not { IsActive: true } && known is not null)
            {
                ForgetIfHere(known);
            }
        }
        catch (Exception e) when (e is LibvirtException || IsRefusal(e))
        {
            log.Debug($"{uuid} was not looked at: {e.Message}");
        }
    }

    /// <summary>A device of a domain has come or gone, of which no hook tells: its interfaces may end at other taps.</summary>
    public async Task ReplugAsync(Guid uuid)
    {
        try
        {
            if (guests.TryFind(uuid, out var guest)
                && await AskAsync(connection => DomainSnapshot.Find(connection, uuid)) is { IsActive: true } domain
                && guests.TryFind(uuid, out var present) && present == guest && guest.Presence == Presence.Running)
            {
                TryServe(domain, () => Replug(domain, guest));
            }
        }
        catch (Exception e) when (e is LibvirtException || IsRefusal(e))
        {
            log.Debug($"{uuid} was not looked at: {e.Message}");
        }
    }

    private void Replug(DomainSnapshot domain, Guest guest)
    {
        var there = guest.Links.ToDictionary(link => link, link => domain.Xml.Interface(link.Enrolled.Mac) is not null);
        lifecycle.Replug(guest, link => there[link] ? attachments.Read(domain.Xml, link.Enrolled) : null);
        foreach (var (link, isThere) in there.Where(each => each.Value != each.Key.IsPlugged))
        {
            link.IsPlugged = isThere;
            log.Decision(guest.Name, $"{link.Enrolled.Mac} is plugged {(isThere ? $"in again: {Describe.Place(guest)}" : "out")}");
        }

        foreigners.Look(guest);
    }

    // Unless another has taken its place while libvirt was asked.
    private void ForgetIfHere(Guest guest)
    {
        if (guests.TryFind(guest.Uuid, out var present) && present == guest)
        {
            lifecycle.Forget(guest, moved: guest.Presence != Presence.Running);
            log.Decision(guest.Name, $"gone from {Environment.MachineName}: its data path is removed");
        }
    }

    private void Reconcile(IReadOnlyCollection<DomainSnapshot> domains)
    {
        // All of them before the kernel is told of any.
        var news = domains.Where(IsNews).ToList();
        foreach (var domain in news.Where(domain => TryServe(domain, () => Take(domain, PresenceOf(domain)))).ToList())
        {
            TryServe(domain, () => Bring(domain.Uuid));
        }
    }

    private static Presence PresenceOf(DomainSnapshot domain) =>
        domain.State.State != DomainState.Running && IncomingMarker.Exists(domain.Uuid) ? Presence.Incoming
        : domain.IsBetweenHosts ? Presence.Leaving
        : Presence.Running;

    private bool IsNews(DomainSnapshot domain) =>
        !guests.TryFind(domain.Uuid, out var guest) || guest.Presence != PresenceOf(domain) || _problems.ContainsKey(domain.Uuid);

    private void Take(DomainSnapshot domain, Presence presence)
    {
        var profile = domain.Xml.ReadProfile()!;
        lifecycle.Take(domain.Uuid, domain.Name, profile, enrolled => attachments.Read(domain.Xml, enrolled), presence);
    }

    /// <summary>Whether a domain that is active is this host's: not coming, nor leaving.</summary>
    public static bool IsHere(DomainSnapshot domain) => PresenceOf(domain) == Presence.Running;

    /// <summary>Builds the data path of a guest that was taken, and registers it if it runs.</summary>
    /// <returns>What was changed in the kernel.</returns>
    private IReadOnlyList<string> Bring(Guid uuid, bool isPlaceGiven = false)
    {
        if (!guests.TryFind(uuid, out var guest))
        {
            return [];
        }

        var changes = lifecycle.Attach(guest);
        if (guest.Presence == Presence.Running)
        {
            lifecycle.Activate(guest);
            if (!isPlaceGiven)
            {
                foreigners.Look(guest);
            }
        }

        _problems.Remove(uuid);
        log.Decision(guest.Name, $"taken up: {Describe.Place(guest)}, {guest.Presence.ToString().ToLowerInvariant()}");
        return changes;
    }

    /// <summary>Does something for a domain that is here already; what hinders it is said once, and tried again later.</summary>
    private bool TryServe(DomainSnapshot domain, Action serve)
    {
        try
        {
            serve();
            return true;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            if (!_problems.TryGetValue(domain.Uuid, out var known) || known != e.Message)
            {
                log.Decision(domain.Name, $"not served: {e.Message}", failed: true);
            }

            _retryAt = _problems.Count > 0 ? _retryAt : Clock.Now + RetryInterval;
            _problems[domain.Uuid] = e.Message;
            return false;
        }
    }

    /// <summary>
    /// Builds the data path again, from nothing but what libvirt and the state file say; but a hand-over that is under way goes on, of which only this agent
    /// knows.
    /// </summary>
    /// <param name="nameOrUuid">How the administrator calls it.</param>
    /// <param name="uuid">The domain.</param>
    /// <param name="asWhat">What it is to be taken for.</param>
    /// <returns>The guest, and what was changed in the kernel.</returns>
    /// <exception cref="RefusedException">It is not here, or cannot be what it is to be taken for.</exception>
    public async Task<(Guest Guest, IReadOnlyList<string> Changes)> TakeUpAgainAsync(string nameOrUuid, Guid uuid, RecoverAs asWhat)
    {
        var domain = await AskAsync(connection => DomainSnapshot.Find(connection, uuid)) ?? throw NotFound(nameOrUuid);
        if (domain.Xml.ReadProfile() is not { } profile)
        {
            throw new RefusedException($"{domain.Name} is not enrolled", ExitCode.NotFound);
        }

        if (!domain.IsActive || !IsHere(domain))
        {
            throw new RefusedException($"{domain.Name} is {(domain.IsActive ? "in the middle of a migration" : domain.State)} on this host: recover it where it runs");
        }

        var bridges = asWhat == RecoverAs.Home ? await attachments.HomeBridgesAsync(profile) : null;
        IReadOnlyList<string> changes = [];
        var isServed = TryServe(domain, () =>
        {
            changes = Moving(uuid) is { } moving ? GoOn(moving) : BringAnew(domain, asWhat, bridges);
        });
        return isServed && guests.TryFind(uuid, out var guest) ? (guest, changes) : throw new RefusedException(_problems[uuid]);
    }

    private IReadOnlyList<string> BringAnew(DomainSnapshot domain, RecoverAs asWhat, IReadOnlyDictionary<LinkLayerAddress, string>? bridges)
    {
        if (asWhat == RecoverAs.Found)
        {
            Take(domain, Presence.Running);
            return Bring(domain.Uuid);
        }

        lifecycle.Take(
            domain.Uuid, domain.Name, domain.Xml.ReadProfile()!, enrolled => attachments.ReadAs(domain.Xml, enrolled, bridges?[enrolled.Mac]), Presence.Running);
        return Bring(domain.Uuid, isPlaceGiven: true);
    }

    /// <summary>The guest, if its packets may come from another host or are about to go to one.</summary>
    private Guest? Moving(Guid uuid) =>
        guests.TryFind(uuid, out var guest) && guest is { Departure: not null } or { Arrival: not null } ? guest : null;

    private IReadOnlyList<string> GoOn(Guest guest)
    {
        var changes = lifecycle.Attach(guest);
        if (guest.Presence != Presence.Running)
        {
            lifecycle.Activate(guest);
        }

        return changes;
    }

    private static RefusedException NotFound(string nameOrUuid) => new($"there is no domain '{nameOrUuid}' on this host", ExitCode.NotFound);

    /// <summary>What is somebody else's fault, and said in one line.</summary>
    public static bool IsRefusal(Exception e) =>
        e is RefusedException or MalformedXmlException or UnreachableException or ConfigurationException or KernelException;
}
