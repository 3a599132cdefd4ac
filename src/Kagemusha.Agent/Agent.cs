using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>
/// The resident agent: hears libvirt's events, the hook's calls, the administrator's requests, the home agents' answers and the kernel's changes, and
/// lets <see cref="GuestLifecycle"/> decide. All of it runs on one loop.
/// </summary>
internal sealed class Agent : IDisposable
{
    // Less than the hook waits.
    private static readonly TimeSpan AdoptionPatience = TimeSpan.FromSeconds(1.5);

    private readonly AgentLoop _loop;
    private readonly AgentLog _log;
    private readonly Kernel _kernel = new();
    private readonly GuestTable _guests = new();
    private readonly MoveJournal _journal;
    private readonly Adoption _adoption;
    private readonly Recovery _recovery;
    private readonly Underlay _underlay;
    private readonly RelayedDeregistrations _relayed;
    private readonly Hypervisor _hypervisor;
    private readonly Registrar _registrar;
    private readonly PeerChannel _channel;
    private readonly DepartingGuests _departing;
    private readonly LastHosts _lastHosts;
    private readonly ArrivingGuests _arriving;
    private readonly OutgoingHandOvers _outgoing;
    private readonly AddressLearning _learning;
    private readonly HomeAgentDiscoveries _discoveries;
    private readonly GuestLifecycle _lifecycle;
    private readonly CareOfAddresses _careOf;
    private readonly Attachments _attachments;
    private readonly ColdDefinition _coldDefinition;
    private readonly HookOperations _hooks;
    private readonly Enrolment _enrolment;
    private readonly StatusReport _status;
    private readonly Examination _examination;
    private readonly Timer _timer;
    private readonly HashSet<Guid> _attaching = [];
    private bool _isReapplying;

    public Agent(AgentConfiguration configuration, AgentLoop loop, AgentLog log)
    {
        _loop = loop;
        _log = log;
        _journal = new(log.Warn);
        _hypervisor = new(configuration.LibvirtUri, loop, log);
        var hostKernel = new HostKernel(_kernel, configuration, log);
        var gate = new DomainGate();
        var definition = new DomainDefinition(_hypervisor, _guests, gate, log);
        _underlay = new(configuration, _kernel, log, Receive, unreadable => _registrar!.Receive(unreadable), Receive, error => _registrar!.Receive(error));
        _relayed = new(_guests, _underlay.Send);
        _registrar = new(
            _guests,
            _underlay.Send,
            (guest, packet) => _lastHosts!.RelayAsync(guest, packet),
            guest => StateFile.Write(guest),
            hostKernel.PortsOf,
            log,
            definition.Follow,
            (guest, link, registration, effect) =>
            {
                _arriving!.Follow(guest, link, registration, effect);
                _departing!.Follow(guest, link, registration, effect);
                FollowHomeLink(guest, link, effect);
            });
        _discoveries = new(_guests, _underlay.Resolve, _underlay.Send, _registrar.Find, log);
        _channel = new(configuration.Peer, AddressTowards, (caller, request) => _loop.Ask(() => _outgoing!.AnswerAsync(caller, request)), log);
        var departures = new Departures();
        var timings = new HomeAgentTimings();
        _departing = new(_guests, hostKernel, _channel, _journal, timings, IsMigratingAwayAsync, new(uuid => QemuMainLoop.RoundAsync(_hypervisor, uuid), _journal, log), log);
        _lastHosts = new(_channel, _journal, log);
        _arriving = new(_guests, hostKernel, _channel, _lastHosts, _journal, timings, log);
        _departing.Changed += ReapplySoon;
        _departing.Arrived += _lastHosts.Report;
        _arriving.Changed += ReapplySoon;
        // Before the guest goes on: packets are held for so long behind the next host's update.
        _arriving.Unmeasured += (guest, link, registration) => _loop.Post(() => _registrar.Refresh(guest, link, registration));
        _learning = new(configuration, _guests, hostKernel, _registrar, log);
        _lifecycle = new(configuration, _guests, hostKernel, _underlay, _registrar, _departing, _arriving, _journal, _channel, departures, _learning, log);
        _outgoing = new(_guests, departures, IsMigratingAwayAsync, _departing.Prepare, _departing.Settled, _relayed.AnswerAsync, _arriving.SourceRegistered, _lifecycle.RenewTicket, (guest, line) => log.Decision(guest.Name, line));
        _careOf = new(_guests, _underlay, _lifecycle, _registrar, log);
        _attachments = new(_kernel, _underlay, BridgeOfNetworkAsync);
        var foreigners = new ForeignBridges(_kernel, _guests, _lifecycle, _attachments, _registrar, log);
        _coldDefinition = new(_hypervisor, _kernel, _attachments, gate, log);
        _adoption = new(_hypervisor, _guests, _lifecycle, _attachments, foreigners, log);
        var reachability = new Reachability(hostKernel, log);
        _recovery = new(_hypervisor, hostKernel, _guests, _adoption, _lifecycle, _registrar, reachability, gate, log);
        _hooks = new(_guests, _lifecycle, _attachments, new(configuration.Peer.SourceAgent, _channel, log), foreigners, _arriving, _adoption.LookAsync, log);
        _enrolment = new(_hypervisor, _kernel, _guests, _lifecycle, _attachments, _learning, _discoveries, _channel, gate, log);
        _status = new(_hypervisor, _guests, _adoption.Problems);
        _examination = new(configuration, _hypervisor, _kernel, hostKernel, _guests, _adoption.Problems, _underlay, _discoveries, _channel, reachability);
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
            _channel.RunAsync(cancellation),
            server.RunAsync((request, _) => _loop.Ask(() => AnswerAsync(request)), e => _log.Error($"a request failed: {e}"), cancellation),
            _hypervisor.RunAsync(AdoptAllAsync, Follow, Follow, cancellation),
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

        _learning.Dispose();
        _arriving.Dispose();
        _channel.Dispose();
        _underlay.Dispose();
        _journal.Dispose();
        _kernel.Dispose();
    }

    private async Task AdoptAllAsync()
    {
        await _adoption.AdoptAllAsync();
        _ = _coldDefinition.FitAllAsync();
    }

    private async Task<ControlReply> AnswerAsync(ControlRequest request)
    {
        try
        {
            return request switch
            {
                HookCall call => await AnswerAsync(call),
                EnrollRequest enroll => await _enrolment.EnrollAsync(enroll),
                UnenrollRequest unenroll => await _enrolment.UnenrollAsync(unenroll),
                StatusRequest status => await _status.AnswerAsync(status),
                DoctorRequest => await _examination.AnswerAsync(),
                HistoryRequest history => await new History(_journal).AnswerAsync(history),
                RecoverRequest recover => await _recovery.AnswerAsync(recover),
                _ => throw new RefusedException("this kagemushad does not know the request: install the same version of all programs"),
            };
        }
        catch (Exception e) when (Adoption.IsRefusal(e))
        {
            return new Failed((e as RefusedException)?.ExitCode ?? ExitCode.Refused, e.Message);
        }
        catch (LibvirtException e)
        {
            return new Failed(ExitCode.Libvirt, $"libvirt refused: {e.Message}");
        }
    }

    private async Task<ControlReply> AnswerAsync(HookCall call)
    {
        // The kernel is not told of one guest before all are known: it would take the others' for leftovers.
        if (await Task.WhenAny(_adoption.Completed, Task.Delay(AdoptionPatience)) != _adoption.Completed)
        {
            throw new RefusedException("kagemushad has just started and does not know this host's VMs yet: try again", ExitCode.AgentUnreachable);
        }

        return await _hooks.AnswerAsync(call);
    }

    private void Follow(LifecycleEvent happened, TimeSpan at)
    {
        _adoption.Overtake();
        _guests.TryFind(happened.Uuid, out var guest);
        if ((happened.Type, happened.Detail) == (LifecycleEventType.Stopped, (int)StoppedDetail.Migrated))
        {
            _ = _coldDefinition.MovedAwayAsync(happened.Uuid);
        }

        switch (happened.Type, happened.Detail)
        {
            case (LifecycleEventType.Suspended, (int)SuspendedDetail.Migrated or (int)SuspendedDetail.PostCopy)
                when guest is { Presence: Presence.Running }:
                Tell(guest.MoveAway, happened.Detail == (int)SuspendedDetail.PostCopy ? MoveKind.Postcopy : MoveKind.Precopy);
                _lifecycle.Leave(guest, at);
                Say(guest, $"suspended to leave {Describe.Place(guest)}: this host is no longer active for it");
                break;
            case (LifecycleEventType.Suspended, (int)SuspendedDetail.PostCopy) when guest is not null:
                Tell(guest.MoveAway, MoveKind.Postcopy);
                break;
            case (LifecycleEventType.Resumed, _) when guest is { Presence: Presence.Incoming }:
                Tell(guest.MoveHere, happened.Detail == (int)ResumedDetail.PostCopy ? MoveKind.Postcopy : MoveKind.Precopy);
                _lifecycle.Activate(guest, at);
                Say(guest, $"arrived: {Describe.Place(guest)}");
                break;
            case (LifecycleEventType.Resumed, _) when guest is { Presence: Presence.Leaving }:
                _lifecycle.Activate(guest);
                _registrar.Refresh(guest);
                Say(guest, $"its migration failed, it goes on: {Describe.Place(guest)}");
                break;
            case (LifecycleEventType.Stopped, _) when guest is not null:
                var moved = happened.Detail == (int)StoppedDetail.Migrated;
                _lifecycle.Forget(guest, moved);
                Say(guest, $"{(moved ? "moved away" : "stopped")}: its data path on {Environment.MachineName} is removed");
                break;
            case (LifecycleEventType.Defined, _):
                _ = _coldDefinition.DefinedAsync(happened.Uuid);
                break;
            case (LifecycleEventType.Started or LifecycleEventType.Resumed, _) when guest is null:
                // Started with this agent dead, or its hook call failed.
                _ = _adoption.LookAsync(happened.Uuid);
                break;
        }
    }

    private void Follow(DeviceEvent plugged)
    {
        _adoption.Overtake();
        _ = _adoption.ReplugAsync(plugged.Uuid);
    }

    /// <summary>Writes a decision down, after the switches of others that move at the same time.</summary>
    private void Say(Guest guest, string line) => _loop.Post(() => _log.Decision(guest.Name, line));

    private static void Tell(MoveRecord? move, MoveKind kind)
    {
        if (move is not null)
        {
            move.Kind = kind;
        }
    }

    private void Receive(MobilityPacket packet)
    {
        _relayed.Receive(packet);
        _registrar.Receive(packet);
    }

    private void Receive(MobilityIcmpPacket packet)
    {
        _discoveries.Receive(packet);
        _registrar.Receive(packet);
    }

    private void FollowHomeLink(Guest guest, GuestLink link, MobileNodeEffect effect)
    {
        if (effect is MobileNodeEffect.PrefixesAdvertised advertised)
        {
            _learning.Advertise(guest, link, advertised.Prefixes, advertised.Flags);
        }

        if (effect is MobileNodeEffect.OtherHomeAgentsWanted)
        {
            _discoveries.Want(guest, link);
        }

        // Its tunnels are others, before another home agent's answer can come.
        if (effect is MobileNodeEffect.HomeAgentChanged && link.Attachment is Attachment.Away && _attaching.Add(guest.Uuid))
        {
            _loop.Post(() =>
            {
                _attaching.Remove(guest.Uuid);
                if (_guests.TryFind(guest.Uuid, out var present) && present == guest)
                {
                    _lifecycle.AttachAgain(guest);
                }
            });
        }
    }

    private Ipv6Address? AddressTowards(Ipv6Address homeAgent)
    {
        try
        {
            return _underlay.Resolve(homeAgent).Address;
        }
        catch (Exception e) when (e is UnreachableException or KernelException)
        {
            _log.Debug($"no address of this host for its peers: {e.Message}");
            return null;
        }
    }

    private async Task<bool> IsMigratingAwayAsync(Guid uuid)
    {
        try
        {
            return await _hypervisor.AskAsync(connection => DomainSnapshot.IsMigratingAway(connection, uuid));
        }
        catch (Exception e) when (e is LibvirtException or RefusedException)
        {
            _log.Warn($"libvirt did not say whether {uuid} is being migrated: {e.Message}");
            return false;
        }
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
                        _careOf.Follow();
                        _ = _coldDefinition.FollowAsync();
                    });
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>When all that has come by now is done: a switch is not to wait for the comparison after another.</summary>
    private void ReapplySoon()
    {
        if (!_isReapplying)
        {
            _isReapplying = true;
            _loop.Post(() =>
            {
                _isReapplying = false;
                _lifecycle.Reapply();
            });
        }
    }

    private void WakeUp()
    {
        _departing.WakeUp();
        _arriving.WakeUp();
        _registrar.WakeUp();
        _discoveries.WakeUp();
        _careOf.WakeUp();
        foreach (var guest in _guests.All.Where(guest => guest.Presence == Presence.Incoming && guest.Deadline <= Clock.Now).ToList())
        {
            // libvirt says whether it is still coming; if it is, it has as long again.
            guest.Deadline = Clock.Now + GuestLifecycle.IncomingPatience;
            _ = _adoption.LookAsync(guest.Uuid);
        }

        _adoption.WakeUp();
    }

    private void SetTimer()
    {
        var next = new[]
        {
            _registrar.NextWakeUp,
            _discoveries.NextWakeUp,
            _careOf.NextWakeUp,
            _departing.NextWakeUp,
            _arriving.NextWakeUp,
            _guests.All.Where(guest => guest.Presence == Presence.Incoming).Min(guest => (TimeSpan?)guest.Deadline),
            _adoption.NextWakeUp,
        }.Min();
        var wait = next is { } at ? TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling((at - Clock.Now).TotalMilliseconds))) : Timeout.InfiniteTimeSpan;
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }
}
