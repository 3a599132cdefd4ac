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
        _hooks = new(_guests, _lifecycle, _attachments, uuid => _ = VerifyAsync(uuid), log);
        _enrolment = new(_hypervisor, _kernel, _guests, _lifecycle, log);
        _status = new(_hypervisor, _guests, _problems);
        _timer = new(_ => _loop.Post(WakeUp));
    }

    /// <summary>Runs until it is cancelled. The kernel keeps what it has: the next agent takes it over.</summary>
    public async Task RunAsync(ControlServer server, CancellationToken cancellation)
    {
        var watching = WatchKernelAsync(cancellation);
        var serving = server.RunAsync(
            (request, _) => _loop.Ask(() => AnswerAsync(request)),
            e => _log.Error($"a request failed: {e}"),
            cancellation);
        await _hypervisor.RunAsync(AdoptAllAsync, Follow, cancellation);
        await Task.WhenAll(serving, watching);
    }

    public void Dispose()
    {
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
        catch (RefusedException e)
        {
            return new Failed(e.ExitCode, e.Message);
        }
        catch (LibvirtException e)
        {
            return new Failed(ExitCode.Libvirt, $"libvirt refused: {e.Message}");
        }
        catch (Exception e) when (e is MalformedXmlException or UnreachableException or ConfigurationException or KernelException)
        {
            return new Failed(ExitCode.Refused, e.Message);
        }
        finally
        {
            SetTimer();
        }
    }

    /// <summary>libvirt answers (again): its word on who runs here counts.</summary>
    private async Task AdoptAllAsync()
    {
        var domains = await _hypervisor.AskAsync(DomainSnapshot.Enrolled);
        var active = domains.Where(domain => domain.IsActive).ToDictionary(domain => domain.Uuid);
        foreach (var guest in _guests.All.Where(guest => guest.Presence != Presence.Incoming && !active.ContainsKey(guest.Uuid)).ToList())
        {
            _log.Decision(guest.Name, "gone while libvirt did not answer: its data path is removed");
            _lifecycle.Forget(guest, moved: false);
        }

        foreach (var domain in active.Values.Where(domain => !_guests.TryFind(domain.Uuid, out _)))
        {
            Adopt(domain);
        }

        _lifecycle.Reapply();
        SetTimer();
    }

    /// <summary>Takes up a guest that runs here already.</summary>
    private void Adopt(DomainSnapshot domain)
    {
        try
        {
            var profile = domain.Xml.ReadProfile()!;
            var presence = !domain.IsBetweenHosts ? Presence.Running
                : IncomingMarker.Exists(domain.Uuid) ? Presence.Incoming
                : Presence.Leaving;
            var guest = _lifecycle.Take(domain.Uuid, domain.Name, profile, enrolled => _attachments.Read(domain.Xml, enrolled), presence);
            _lifecycle.Attach(guest);
            if (presence == Presence.Running)
            {
                _lifecycle.Activate(guest);
            }

            _problems.Remove(domain.Uuid);
            _log.Decision(domain.Name, $"taken up: {Describe.Place(guest)}, {presence.ToString().ToLowerInvariant()}");
        }
        catch (Exception e) when (e is MalformedXmlException or UnreachableException or ConfigurationException or KernelException)
        {
            if (!_problems.TryGetValue(domain.Uuid, out var known) || known != e.Message)
            {
                _log.Decision(domain.Name, $"not served: {e.Message}", failed: true);
            }

            _problems[domain.Uuid] = e.Message;
        }
    }

    private void Follow(LifecycleEvent happened)
    {
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
                _ = AdoptLaterAsync(happened.Uuid);
                break;
        }

        SetTimer();
    }

    private async Task AdoptLaterAsync(Guid uuid)
    {
        try
        {
            var domain = await _hypervisor.AskAsync(connection => DomainSnapshot.Find(connection, uuid.ToString()));
            if (domain is { IsActive: true, Xml.IsEnrolled: true } && !_guests.TryFind(uuid, out _))
            {
                Adopt(domain);
                SetTimer();
            }
        }
        catch (Exception e) when (e is LibvirtException or RefusedException or MalformedXmlException)
        {
            _log.Debug($"{uuid} was not looked at: {e.Message}");
        }
    }

    /// <summary>A hook said that a domain has ended: the hook has libvirt's lock, so libvirt is asked afterwards.</summary>
    private async Task VerifyAsync(Guid uuid)
    {
        try
        {
            var domain = await _hypervisor.AskAsync(connection => DomainSnapshot.Find(connection, uuid.ToString()));
            if (domain is not { IsActive: true } && _guests.TryFind(uuid, out var guest))
            {
                _lifecycle.Forget(guest, moved: guest.Presence != Presence.Running);
                _log.Decision(guest.Name, $"gone from {Environment.MachineName}: its data path is removed");
                SetTimer();
            }
        }
        catch (Exception e) when (e is LibvirtException or RefusedException or MalformedXmlException)
        {
            _log.Debug($"{uuid} was not verified: {e.Message}");
        }
    }

    private async Task<Done> RecoverAsync(string nameOrUuid)
    {
        var domain = await _hypervisor.AskAsync(connection => DomainSnapshot.Find(connection, nameOrUuid))
            ?? throw new RefusedException($"there is no domain '{nameOrUuid}' on this host", ExitCode.NotFound);
        var profile = domain.Xml.ReadProfile()
            ?? throw new RefusedException($"{domain.Name} is not enrolled", ExitCode.NotFound);
        if (!domain.IsActive || domain.IsBetweenHosts)
        {
            throw new RefusedException($"{domain.Name} is {(domain.IsActive ? "in the middle of a migration" : domain.State)} on this host: recover it where it runs");
        }

        var guest = _lifecycle.Take(domain.Uuid, domain.Name, profile, enrolled => _attachments.Read(domain.Xml, enrolled), Presence.Running);
        var changes = _lifecycle.Attach(guest);
        _lifecycle.Activate(guest);
        _registrar.Refresh(guest);
        _problems.Remove(guest.Uuid);
        SetTimer();
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

        foreach (var guest in _guests.All)
        {
            foreach (var link in guest.Links)
            {
                Readdress(guest, link);
            }
        }

        _lifecycle.Reapply();
        SetTimer();
    }

    /// <summary>The care-of address may be another now.</summary>
    private void Readdress(Guest guest, GuestLink link)
    {
        try
        {
            if (link.Attachment is Attachment.Away away && _underlay.Resolve(link.Enrolled.HomeAgent) is var careOf && careOf != away.CareOf)
            {
                link.Attachment = away with { CareOf = careOf };
                _lifecycle.Attach(guest);
                if (guest.Presence == Presence.Running)
                {
                    _registrar.Activate(guest);
                }

                _log.Decision(guest.Name, $"care-of address {away.CareOf.Address} on {away.CareOf.Interface} is now {careOf.Address} on {careOf.Interface}");
            }
        }
        catch (Exception e) when (e is UnreachableException or KernelException)
        {
            // As it was, until there is something better.
            _log.Debug($"{guest.Name}: {e.Message}");
        }
    }

    private void WakeUp()
    {
        _registrar.WakeUp();
        foreach (var guest in _guests.All.Where(guest => guest.Presence == Presence.Incoming && guest.Deadline <= Clock.Now).ToList())
        {
            // libvirt says whether it is still coming; if it is, it has as long again.
            guest.Deadline = Clock.Now + GuestLifecycle.IncomingPatience;
            _ = VerifyAsync(guest.Uuid);
        }

        foreach (var uuid in _problems.Keys)
        {
            _ = AdoptLaterAsync(uuid);
        }

        SetTimer();
    }

    private void SetTimer()
    {
        var next = new[]
        {
            _registrar.NextWakeUp,
            _guests.All.Where(guest => guest.Presence == Presence.Incoming).Min(guest => (TimeSpan?)guest.Deadline),
            _problems.Count > 0 ? Clock.Now + RetryInterval : null,
        }.Min();
        var wait = next is { } at ? TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling((at - Clock.Now).TotalMilliseconds))) : Timeout.InfiniteTimeSpan;
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }
}
