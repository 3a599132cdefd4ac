using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// The destination of a move: lets a guest's own packets leave by the host that it comes from until its home agent has turned, or holds them
/// for the moment in which the home agent does; then has that host told.
/// </summary>
internal sealed class ArrivingGuests(
    GuestTable guests, HostKernel kernel, PeerChannel channel, LastHosts lastHosts, MoveJournal journal, HomeAgentTimings timings, AgentLog log) : IDisposable
{
    // Longer than the source's agent waits for the last packet.
    private static readonly TimeSpan IdleInterval = TimeSpan.FromSeconds(5);

    private HeldPackets? _held;

    /// <summary>Called when the kernel is to be brought into the state that is now wanted.</summary>
    public event Action? Changed;

    /// <summary>Called when a new binding was accepted by a home agent of which nobody here knows how fast it is: only a refresh tells.</summary>
    public event Action<Guest, GuestLink, Registration>? Unmeasured;

    /// <summary>When <see cref="WakeUp"/> is to be called.</summary>
    public TimeSpan? NextWakeUp => guests.All.Select(guest => guest.Arrival?.LookAt)
        .Concat(guests.All.SelectMany(guest => guest.Registrations).Select(registration => registration.Path?.NextWakeUp))
        .Min();

    /// <summary>A guest is to come.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="from">The agent of the host that it comes from, if its metadata names one.</param>
    /// <param name="handOver">What that agent knows of it, or null where the move goes on without.</param>
    /// <param name="calledAt">When libvirt called the hook, by <see cref="Clock"/>.</param>
    public void Expect(Guest guest, PeerTicket? from, GuestHandOver? handOver, TimeSpan calledAt)
    {
        guest.MoveHere = new(guest.Uuid, guest.Name, MoveRole.Destination, calledAt) { Peer = from?.Endpoint.CertificateName };
        if (handOver is not null)
        {
            guest.MoveHere.Add(MoveStep.HandedOver);
            LeadThroughSource(guest, from!, handOver);
        }

        journal.Save(guest.MoveHere);
    }

    /// <summary>Where the guest comes from, and how its own packets leave at first.</summary>
    private void LeadThroughSource(Guest guest, PeerTicket from, GuestHandOver handOver)
    {
        if (channel.EndpointFor(guest.Profile)?.Address is not { } here || kernel.TunnelTo(here, from.Endpoint.Address) is not { } tunnel)
        {
            throw new UnreachableException($"this host has no route to {from.Endpoint.Address}");
        }

        var isReturn = guest.Before is not null && !guest.Links.Any(link => WasRegistered(link, handOver));
        guest.Arrival = new(from, tunnel)
        {
            IsReturn = isReturn,
            Earlier = isReturn && guest.Before!.Arrival is { IsReported: false } earlier ? earlier : null,
        };
        foreach (var link in guest.Links)
        {
            var handed = handOver.Links[link.Enrolled.Mac];
            if (link.Attachment is Attachment.Home)
            {
                link.PreviousCareOfAddress = handed.CareOfAddress;
                continue;
            }

            if (link.Attachment is not Attachment.Away)
            {
                continue;
            }

            foreach (var registration in link.Registrations)
            {
                // Of two hosts one may not have seen yet how slow the home agent can be.
                var learnt = timings.HoldFor(registration.Node.HomeAgent);
                var isRegistered = handed.CareOfAddress is not null && handOver.Snapshots[registration.Address].BindingRemaining > TimeSpan.Zero;
                var hold = handed.Hold > learnt ? handed.Hold : learnt;
                // Back before its home agent knew of its absence, as before: there may be a host before, which it came from then.
                registration.Path = !isReturn ? new(isRegistered, hold) : guest.Arrival.Earlier is null ? null : new(sourceWasRegistered: false, hold);
                registration.Led = registration.Path?.Path;
            }
        }
    }

    /// <summary>The host that a guest is coming from has been acknowledged: its home agent will drop what comes from any other after the next update.</summary>
    /// <returns>Whether such a guest is coming.</returns>
    public bool SourceRegistered(RegisteredRequest source)
    {
        if (!guests.TryFind(source.Domain, out var guest) || guest is not { Presence: Presence.Incoming, Arrival: { } arrival }
            || !arrival.From.Token.Matches(source.Token) || !GuestHandOver.IsHold(source.Hold))
        {
            return false;
        }

        arrival.IsReturn = false;
        foreach (var registration in guest.Links.Where(link => link.Attachment is Attachment.Away)
            .SelectMany(link => link.Registrations).Where(registration => registration.Address == source.HomeAddress))
        {
            var hold = TimeSpan.FromSeconds(source.Hold);
            registration.Path ??= new(sourceWasRegistered: true, hold);
            registration.Path.SourceChanged(registered: true, hold);
            registration.Led = registration.Path.Path;
        }

        try
        {
            kernel.Apply(guests);
            Attached(guest);
        }
        catch (KernelException e)
        {
            log.Decision(guest.Name, $"{source.HomeAddress}: {e.Message}", failed: true);
        }

        log.Decision(guest.Name, $"{source.HomeAddress} was registered at its last host while it was on its way");
        return true;
    }

    /// <summary>The kernel has what it was to have: all that is to be done at once later is made ready.</summary>
    /// <exception cref="KernelException">A link is not there, or no packet socket.</exception>
    public void Attached(Guest guest)
    {
        if (guest.Arrival is not { } arrival)
        {
            return;
        }

        var links = kernel.Links();
        if (guest is { Presence: Presence.Incoming, MoveHere: { } move })
        {
            arrival.Traffic ??= ArrivalTraffic.Open(guest, arrival.Tunnel, move, kernel, links);
            arrival.Opening = kernel.Prepare([.. guest.Links.Select(guest.HomePath).OfType<HomeLinkPath>().SelectMany(HandOverDataPath.Opening)], links);
        }

        foreach (var link in guest.Links)
        {
            foreach (var registration in link.Registrations.Where(registration => registration.Path is not null))
            {
                if (guest.AwayPath(link) is { } away)
                {
                    registration.Prepared = Enum.GetValues<OutboundPath>().ToDictionary(path => path, path => Prepare(away, registration.Address, path, links));
                }

                if (registration.Led == OutboundPath.Held)
                {
                    Hold(registration.Address, links.IndexOf(HeldPackets.Exit));
                }
            }
        }
    }

    private PreparedPath Prepare(AwayLink away, Ipv6Address home, OutboundPath path, NetworkInterfaceCollection links)
    {
        var route = AwayDataPath.Outbound(away, home, path, kernel.Table);
        return new(kernel.Prepare([route], links), links.IndexOf(route.Link!));
    }

    // The links go when no guest is coming, and others come with the next one.
    private void Hold(Ipv6Address home, int exit)
    {
        if (_held?.ExitIndex != exit)
        {
            _held?.Dispose();
            _held = new(exit, log);
        }

        _held.Hold(home);
    }

    /// <summary>The guest has come, and its home agent has not been told: what it turns is for a port that has to be open by then.</summary>
    public void Resumed(Guest guest)
    {
        try
        {
            guest.Arrival?.Opening?.Carry();
        }
        catch (KernelException e)
        {
            log.Decision(guest.Name, $"its port of the home link: {e.Message}", failed: true);
            Changed?.Invoke();
        }
    }

    /// <summary>The guest runs here, and its registrations have been told.</summary>
    public void Activated(Guest guest)
    {
        guest.Arrival?.Traffic?.Resumed();
        Settle(guest);
        if (guest.MoveHere is { } move)
        {
            journal.Save(move);
        }
    }

    /// <summary>A registration has got on.</summary>
    public void Follow(Guest guest, GuestLink link, Registration registration, MobileNodeEffect effect)
    {
        switch (effect)
        {
            case MobileNodeEffect.SendFromCareOfAddress:
                registration.Path?.UpdateSent(Clock.Now);
                guest.MoveHere?.Add(MoveStep.UpdateSent, $"{registration.Address}");
                break;
            case MobileNodeEffect.BindingChanged { Change: BindingChange.Refused, Status: not BindingStatus.SequenceNumberOutOfWindow }:
                registration.Path?.UpdateUnanswered(Clock.Now);
                break;
            case MobileNodeEffect.UpdateAnswered answered when link.Attachment is Attachment.Away:
                // What follows from the answer is told next.
                timings.Add(registration.Node.HomeAgent, answered);
                if (!answered.BindingExisted && !timings.Knows(registration.Node.HomeAgent))
                {
                    Unmeasured?.Invoke(guest, link, registration);
                }

                return;
            case MobileNodeEffect.BindingChanged { Change: BindingChange.Registered or BindingChange.Refreshed }:
                registration.Path?.Acknowledged(Clock.Now);
                guest.MoveHere?.Add(MoveStep.Acknowledged, $"{registration.Address}");
                break;
            case MobileNodeEffect.SendOnHomeLink:
                guest.MoveHere?.Add(MoveStep.UpdateSent, $"{registration.Address}, on the home link");
                return;
            case MobileNodeEffect.SendFromPreviousCareOfAddress:
                guest.MoveHere?.Add(MoveStep.UpdateSent, $"{registration.Address}, by the last host");
                return;
            case MobileNodeEffect.BindingChanged { Change: BindingChange.Deregistered }:
                guest.MoveHere?.Add(MoveStep.Acknowledged, $"{registration.Address}");
                break;
            default:
                return;
        }

        Lead(guest, registration);
        Settle(guest);
    }

    /// <summary><see cref="NextWakeUp"/> has come.</summary>
    public void WakeUp()
    {
        var now = Clock.Now;
        foreach (var guest in guests.All.ToList())
        {
            foreach (var link in guest.Links)
            {
                foreach (var registration in link.Registrations.Where(registration => registration.Path?.NextWakeUp <= now))
                {
                    registration.Path!.WakeUp(now);
                    Lead(guest, registration);
                }
            }

            if (guest.Arrival is { } arrival && arrival.LookAt <= now)
            {
                var received = arrival.Traffic?.ThroughLastHost ?? arrival.Received;
                if (received != arrival.Received)
                {
                    arrival.Received = received;
                    arrival.LookAt = now + IdleInterval;
                    continue;
                }

                guest.MoveHere?.Add(MoveStep.TunnelGone);
                Close(guest, MoveOutcome.Moved);
                End(guest);
                log.Decision(guest.Name, "nothing comes through its last host any more: the hand-over's tunnel is closed");
                Changed?.Invoke();
            }
        }
    }

    /// <summary>Nothing more is written down of how the guest came.</summary>
    public void Close(Guest guest, MoveOutcome outcome, string? detail = null)
    {
        if (guest is { MoveHere: { } move, Arrival.Traffic: { } traffic })
        {
            move.Counters = traffic.Counters;
        }

        journal.Close(guest, MoveRole.Destination, outcome, detail);
    }

    /// <summary>The guest has come for good, or will not come.</summary>
    public void End(Guest guest)
    {
        guest.Arrival?.Traffic?.Dispose();
        guest.Arrival = null;
        foreach (var registration in guest.Registrations)
        {
            _held?.Forget(registration.Address);
            registration.Path = null;
        }

        foreach (var link in guest.Links)
        {
            link.PreviousCareOfAddress = null;
        }
    }

    /// <summary>Lets a home address' packets leave as they are to.</summary>
    private void Lead(Guest guest, Registration registration)
    {
        if (registration.Path is not { } path || path.Path == registration.Led || registration.Prepared.GetValueOrDefault(path.Path) is not { } prepared)
        {
            return;
        }

        var wasHeld = registration.Led == OutboundPath.Held;
        registration.Led = path.Path;
        var way = path.Path switch
        {
            OutboundPath.ThroughSource => "out through the last host",
            OutboundPath.Held => "out: held",
            _ => "out by the home agent's tunnel",
        };
        guest.MoveHere?.Add(MoveStep.PathChanged, $"{registration.Address}, {way}");
        if (path.Path == OutboundPath.Held)
        {
            _held?.Hold(registration.Address);
        }
        else if (wasHeld)
        {
            var dropped = _held?.Release(registration.Address, prepared.Link) ?? 0;
            if (guest.Arrival?.Traffic is { } traffic)
            {
                traffic.HeldDrops += dropped;
            }
        }

        try
        {
            prepared.Route.Carry();
        }
        catch (KernelException e)
        {
            log.Decision(guest.Name, $"{registration.Address}: {e.Message}", failed: true);
            // The whole comparison may do better.
            Changed?.Invoke();
        }

        _held?.Drain();
    }

    private void Settle(Guest guest)
    {
        // An address that the home agent refuses does not keep the others on their way.
        if (guest.Presence != Presence.Running || !guest.ServedRegistrations.Any(IsSettled)
            || !guest.ServedRegistrations.All(registration => IsSettled(registration) || registration.Node.GetState(Clock.Now).Refusal is not null))
        {
            return;
        }

        if (guest is { Arrival: null, MoveHere: not null })
        {
            journal.Close(guest, MoveRole.Destination, MoveOutcome.Moved);
        }

        if (guest.Arrival is not { IsReported: false } arrival)
        {
            return;
        }

        arrival.Received = arrival.Traffic?.ThroughLastHost ?? 0;
        arrival.LookAt = Clock.Now + IdleInterval;
        if (guest.MoveHere is { } move)
        {
            journal.Save(move);
        }

        lastHosts.Report(guest);
    }

    private static bool WasRegistered(GuestLink link, GuestHandOver handOver) => link.Registrations.Exists(registration =>
        handOver.Snapshots[registration.Address].CareOfAddress is { } registered && registered == handOver.Links[link.Enrolled.Mac].CareOfAddress);

    private static bool IsSettled(Registration registration) =>
        registration.Node.GetState(Clock.Now).Phase is MobileNodePhase.AtHome or MobileNodePhase.Registered;

    public void Dispose() => _held?.Dispose();
}
