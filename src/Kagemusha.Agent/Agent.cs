using Kagemusha.Control;
using Kagemusha.Linux;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>
/// The resident agent: hears libvirt's events, the hook's calls, the administrator's requests, the home agents' answers and the kernel's changes, and
/// lets <see cref="GuestLifecycle"/> decide. All of it runs on one loop.
/// </summary>
internal sealed class Agent : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    private readonly AgentLoop _loop;
    private readonly AgentLog _log;
    private readonly Kernel _kernel = new();
    private readonly GuestTable _guests = new();
    private readonly Dictionary<Guid, string> _problems = [];
    private readonly Underlay _underlay;
    private readonly Hypervisor _hypervisor;
    private readonly Registrar _registrar;
    private readonly GuestLifecycle _lifecycle;
    private readonly Attachments _attachments;
    private readonly HookOperations _hooks;
    private readonly Enrolment _enrolment;
    private readonly StatusReport _status;
    private readonly Timer _timer;
    private TimeSpan _retryAt;
    private int _heard;

    public Agent(AgentConfiguration configuration, AgentLoop loop, AgentLog log)
    {
        _loop = loop;
        _log = log;
        _hypervisor = new(configuration.LibvirtUri, loop, log);
        var hostKernel = new HostKernel(_kernel, configuration, log);
        var definition = new DomainDefinition(_hypervisor, _guests, log);
        _underlay = new(configuration, _kernel, log, packet => _registrar!.Receive(packet));
        _registrar = new(_guests, _underlay.Send, guest => StateFile.Write(guest), hostKernel.PortsOf, log, definition.Follow);
        _lifecycle = new(configuration, _guests, hostKernel, _underlay, _registrar, log);
        _attachments = new(_kernel, _underlay, BridgeOfNetworkAsync);
        _hooks = new(_guests, _lifecycle, _attachments, LookAsync, log);
        _enrolment = new(_hypervisor, _kernel, _guests, _lifecycle, log);
        _status = new(_hypervisor, _guests, _problems);
        _timer = new(_ => _loop.Post(WakeUp));
        // Whatever was done may want to be woken at another time.
        _loop.Worked += SetTimer;
    }

    /// <summary>Runs until it is cancelled. The kernel keeps what it has: the next agent takes it over.</summary>
    public async Task RunAsync(ControlServer server, CancellationToken cancellation)
    {
        Task[] parts =
        [
            WatchKernelAsync(cancellation),
            server.RunAsync((request, _) => _loop.Ask(() => AnswerAsync(request)), e => _log.Error($"a request failed: {e}"), cancellation),
            _hypervisor.RunAsync(AdoptAllAsync, Follow, cancellation),
        ];
        // None ends before it is told to, unless it fails: then the whole agent does, and is started again.
        await await Task.WhenAny(parts);
        await Task.WhenAll(parts);
    }

    public void Dispose()
    {
        _loop.Worked -= SetTimer;
        _timer.Dispose();
        foreach (var guest in _guests.All)
        {
            guest.Dispose();
        }

        _underlay.Dispose();
        _kernel.Dispose();
    }

    private async Task<ControlReply> AnswerAsync(ControlRequest request)
    {
        try
        {
            return request switch
            {
                HookCall call => await _hooks.AnswerAsync(call),
                EnrollRequest enroll => await _enrolment.EnrollAsync(enroll),
                UnenrollRequest unenroll => await _enrolment.UnenrollAsync(unenroll),
                StatusRequest status => await _status.AnswerAsync(status),
                RecoverRequest recover => await RecoverAsync(recover.Domain),
                _ => throw new RefusedException("this kagemushad does not know the request: install the same version of all programs"),
            };
        }
        catch (Exception e) when (IsRefusal(e))
        {
            return new Failed((e as RefusedException)?.ExitCode ?? ExitCode.Refused, e.Message);
        }
        catch (LibvirtException e)
        {
            return new Failed(ExitCode.Libvirt, $"libvirt refused: {e.Message}");
        }
    }

    private static bool IsRefusal(Exception e) =>
        e is RefusedException or MalformedXmlException or UnreachableException or ConfigurationException or KernelException;

    /// <summary>Asks libvirt. An answer that an event has overtaken tells of the past: it is asked again.</summary>
    private async Task<T> AskAsync<T>(Func<LibvirtConnection, T> question)
    {
        while (true)
        {
            var heard = _heard;
            var answer = await _hypervisor.AskAsync(question);
            if (heard == _heard)
            {
                return answer;
            }
        }
    }

    /// <summary>libvirt answers (again): its word on who runs here counts.</summary>
    private async Task AdoptAllAsync()
    {
        var known = _guests.All.ToList();
        var domains = await AskAsync(DomainSnapshot.Enrolled);
        var active = domains.Where(domain => domain.IsActive).ToDictionary(domain => domain.Uuid);
        foreach (var guest in known.Where(guest => guest.Presence != Presence.Incoming && !active.ContainsKey(guest.Uuid)))
        {
            ForgetIfHere(guest);
        }

        foreach (var domain in active.Values)
        {
            Reconcile(domain);
        }

        _lifecycle.Reapply();
    }

    /// <summary>libvirt is asked about one domain: it has been heard of, or may have gone. A hook that asks for this has libvirt's lock meanwhile.</summary>
    private async Task LookAsync(Guid uuid)
    {
        _guests.TryFind(uuid, out var known);
        try
        {
            var domain = await AskAsync(connection => DomainSnapshot.Find(connection, uuid));
            if (domain is { IsActive: true, Xml.IsEnrolled: true })
            {
                Reconcile(domain);
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
            _log.Debug($"{uuid} was not looked at: {e.Message}");
        }
    }

    // Unless another has taken its place while libvirt was asked.
    private void ForgetIfHere(Guest guest)
    {
        if (_guests.TryFind(guest.Uuid, out var present) && present == guest)
        {
            _lifecycle.Forget(guest, moved: guest.Presence != Presence.Running);
            _log.Decision(guest.Name, $"gone from {Environment.MachineName}: its data path is removed");
        }
    }

    private void Reconcile(DomainSnapshot domain)
    {
        var presence = domain.State.State != DomainState.Running && IncomingMarker.Exists(domain.Uuid) ? Presence.Incoming
            : domain.IsBetweenHosts ? Presence.Leaving
            : Presence.Running;
        if (_guests.TryFind(domain.Uuid, out var guest) && guest.Presence == presence && !_problems.ContainsKey(domain.Uuid))
        {
            return;
        }

        _problems.TryGetValue(domain.Uuid, out var known);
        try
        {
            (guest, _) = TakeUp(domain, presence);
            _log.Decision(domain.Name, $"taken up: {Describe.Place(guest)}, {presence.ToString().ToLowerInvariant()}");
        }
        catch (Exception e) when (IsRefusal(e))
        {
            if (known != e.Message)
            {
                _log.Decision(domain.Name, $"not served: {e.Message}", failed: true);
            }
        }
    }

    /// <summary>Takes up a guest that is here already, or tries again later.</summary>
    private (Guest Guest, IReadOnlyList<string> Changes) TakeUp(DomainSnapshot domain, Presence presence)
    {
        try
        {
            var profile = domain.Xml.ReadProfile()!;
            var guest = _lifecycle.Take(domain.Uuid, domain.Name, profile, enrolled => _attachments.Read(domain.Xml, enrolled), presence);
            var changes = _lifecycle.Attach(guest);
            if (presence == Presence.Running)
            {
                _lifecycle.Activate(guest);
            }

            _problems.Remove(domain.Uuid);
            return (guest, changes);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            _retryAt = _problems.Count > 0 ? _retryAt : Clock.Now + RetryInterval;
            _problems[domain.Uuid] = e.Message;
            throw;
        }
    }

    private void Follow(LifecycleEvent happened)
    {
        _heard++;
        _guests.TryFind(happened.Uuid, out var guest);
        switch (happened.Type, happened.Detail)
        {
            case (LifecycleEventType.Suspended, (int)SuspendedDetail.Migrated or (int)SuspendedDetail.PostCopy)
                when guest is { Presence: Presence.Running }:
                _lifecycle.Leave(guest);
                _log.Decision(guest.Name, $"suspended to leave {Describe.Place(guest)}: this host is no longer active for it");
                break;
            case (LifecycleEventType.Resumed, _) when guest is { Presence: Presence.Incoming }:
                _lifecycle.Activate(guest);
                _log.Decision(guest.Name, $"arrived: {Describe.Place(guest)}");
                break;
            case (LifecycleEventType.Resumed, _) when guest is { Presence: Presence.Leaving }:
                _lifecycle.Activate(guest);
                _registrar.Refresh(guest);
                _log.Decision(guest.Name, $"its migration failed, it goes on: {Describe.Place(guest)}");
                break;
            case (LifecycleEventType.Stopped, _) when guest is not null:
                var moved = happened.Detail == (int)StoppedDetail.Migrated;
                _lifecycle.Forget(guest, moved);
                _log.Decision(guest.Name, $"{(moved ? "moved away" : "stopped")}: its data path on {Environment.MachineName} is removed");
                break;
            case (LifecycleEventType.Started or LifecycleEventType.Resumed, _) when guest is null:
                // Started with this agent dead, or its hook call failed.
                _ = LookAsync(happened.Uuid);
                break;
        }
    }

    private async Task<Done> RecoverAsync(string nameOrUuid)
    {
        var domain = await AskAsync(connection => DomainSnapshot.Find(connection, nameOrUuid))
            ?? throw new RefusedException($"there is no domain '{nameOrUuid}' on this host", ExitCode.NotFound);
        if (!domain.Xml.IsEnrolled)
        {
            throw new RefusedException($"{domain.Name} is not enrolled", ExitCode.NotFound);
        }

        if (!domain.IsActive || domain.IsBetweenHosts)
        {
            throw new RefusedException($"{domain.Name} is {(domain.IsActive ? "in the middle of a migration" : domain.State)} on this host: recover it where it runs");
        }

        var (guest, changes) = TakeUp(domain, Presence.Running);
        _registrar.Refresh(guest);
        var settled = await _registrar.SettleAsync(guest);
        var outcome = settled is null ? "reachable as far as this host can tell" : settled;
        _log.Decision(guest.Name, $"recovered: {Describe.Place(guest)}, {changes.Count} changes in the kernel, {outcome}", failed: settled is not null);
        return settled is null
            ? new([$"{guest.Name}: {Describe.Place(guest)}", .. changes.Select(change => $"kernel: {change}"), $"{guest.Name}: {outcome}"])
            : throw new RefusedException($"{guest.Name}: the data path stands ({changes.Count} changes), but {settled}", ExitCode.Failed);
    }

    private async Task<string?> BridgeOfNetworkAsync(string network)
    {
        try
        {
            return await _hypervisor.AskAsync(connection => connection.GetNetworkBridge(network));
        }
        catch (Exception e) when (e is LibvirtException or RefusedException)
        {
            _log.Debug($"network {network} has no bridge here: {e.Message}");
            return null;
        }
    }

    /// <summary>The host's links or addresses have changed: what depends on them is looked at again, once for a burst of changes.</summary>
    private async Task WatchKernelAsync(CancellationToken cancellation)
    {
        using var monitor = new KernelMonitor();
        var pending = false;
        try
        {
            await foreach (var happened in monitor.ReadAsync(cancellation))
            {
                if (!pending)
                {
                    pending = true;
                    _loop.Post(() =>
                    {
                        pending = false;
                        FollowKernel();
                    });
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void FollowKernel()
    {
        if (_guests.All.Count == 0)
        {
            return;
        }

        // All of them before the kernel is told: they share tunnels.
        var moved = new HashSet<Guest>();
        foreach (var guest in _guests.All)
        {
            foreach (var link in guest.Links.Where(link => Readdress(guest, link)))
            {
                moved.Add(guest);
            }
        }

        foreach (var guest in moved)
        {
            try
            {
                _lifecycle.Attach(guest);
            }
            catch (KernelException e)
            {
                _log.Decision(guest.Name, $"its data path did not follow: {e.Message}", failed: true);
            }

            if (guest.Presence == Presence.Running)
            {
                _registrar.Activate(guest);
            }
        }

        _lifecycle.Reapply();
    }

    /// <summary>The care-of address may be another now; it stays as it was until there is a better one.</summary>
    private bool Readdress(Guest guest, GuestLink link)
    {
        try
        {
            if (link.Attachment is not Attachment.Away { CareOf: var old } away || _underlay.Resolve(link.Enrolled.HomeAgent) is var careOf
                && (careOf with { Mtu = old.Mtu }) == old)
            {
                return false;
            }

            link.Attachment = away with { CareOf = careOf };
            _log.Decision(guest.Name, $"care-of address {old.Address} on {old.Interface} is now {careOf.Address} on {careOf.Interface}");
            return true;
        }
        catch (Exception e) when (e is UnreachableException or KernelException)
        {
            _log.Debug($"{guest.Name}: {e.Message}");
            return false;
        }
    }

    private void WakeUp()
    {
        _registrar.WakeUp();
        foreach (var guest in _guests.All.Where(guest => guest.Presence == Presence.Incoming && guest.Deadline <= Clock.Now).ToList())
        {
            // libvirt says whether it is still coming; if it is, it has as long again.
            guest.Deadline = Clock.Now + GuestLifecycle.IncomingPatience;
            _ = LookAsync(guest.Uuid);
        }

        if (_problems.Count > 0 && _retryAt <= Clock.Now)
        {
            _retryAt = Clock.Now + RetryInterval;
            foreach (var uuid in _problems.Keys.ToList())
            {
                _ = LookAsync(uuid);
            }
        }
    }

    private void SetTimer()
    {
        var next = new[]
        {
            _registrar.NextWakeUp,
            _guests.All.Where(guest => guest.Presence == Presence.Incoming).Min(guest => (TimeSpan?)guest.Deadline),
            _problems.Count > 0 ? _retryAt : null,
        }.Min();
        var wait = next is { } at ? TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling((at - Clock.Now).TotalMilliseconds))) : Timeout.InfiniteTimeSpan;
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }
}
