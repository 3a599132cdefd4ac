using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Mobility;

namespace Kagemusha.Agent;

/// <summary>
/// The source of a move: leads what is for a guest to the host that it goes to, from its suspension until its home agent has turned. The switch is
/// made of steps that were made ready before; what waits behind it in the tap is sent after.
/// </summary>
internal sealed class DepartingGuests(
    GuestTable guests,
    HostKernel kernel,
    PeerChannel channel,
    MoveJournal journal,
    HomeAgentTimings timings,
    Func<Guid, Task<bool>> isLeaving,
    TailSender tails,
    AgentLog log)
{
    /// <summary>A home agent that has not turned by then has to be looked after by somebody.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan IdleInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PreparedInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan TellInterval = TimeSpan.FromMilliseconds(500);

    private readonly StandInVoices _voices = new(log);

    /// <summary>Called when the kernel is to be brought into the state that is now wanted.</summary>
    public event Action? Changed;

    /// <summary>Called when the home agent of a guest that was handed over has turned, to the next host or one after that.</summary>
    public event Action<Guest>? Arrived;

    /// <summary>When <see cref="WakeUp"/> is to be called.</summary>
    public TimeSpan? NextWakeUp => guests.Departures.Min(guest => (TimeSpan?)guest.Departure!.LookAt);

    /// <summary>All that the switch will need is built.</summary>
    /// <param name="guest">The guest, which runs here.</param>
    /// <param name="to">The agent of the host that it goes to.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    /// <exception cref="UnreachableException">There is no way to the other host.</exception>
    public HandOver Prepare(Guest guest, PeerEndpoint to)
    {
        End(guest);
        journal.Close(guest, MoveRole.Source, MoveOutcome.Failed, "another migration was begun");
        var here = channel.EndpointFor(guest.Profile)?.Address ?? throw new UnreachableException("this host has no address for its peers");
        var tunnel = kernel.TunnelTo(here, to.Address) ?? throw new UnreachableException($"this host has no route to {to.Address}");
        var isReadByQemu = !VhostThreads.Serve(guest.Name);
        var departure = guest.Departure = new(tunnel, Clock.Now + Limit) { LookAt = Clock.Now + PreparedInterval, IsHeralded = isReadByQemu };
        try
        {
            Apply(guest, departure);
            var links = kernel.Links();
            var tunnelLink = links.Get(tunnel.Name);
            departure.Injector = new(tunnelLink.Index);
            departure.Turn = kernel.Prepare([.. guest.Links.SelectMany(link => Steps(guest, link, turned: true))], links);
            departure.TakeBack = kernel.Prepare([.. guest.Links.SelectMany(link => Steps(guest, link, turned: false))], links);
            departure.Links.AddRange(guest.Links.Select(link => Prepare(guest, link, links, isReadByQemu)));
            guest.MoveAway = new(guest.Uuid, guest.Name, MoveRole.Source, Clock.Now) { Peer = to.CertificateName };
            guest.MoveAway.Add(MoveStep.HandedOver);
            departure.Traffic = new(guest, tunnelLink, guest.MoveAway);
            journal.Save(guest.MoveAway);
            return GuestHandOver.Of(guest, timings.HoldFor);
        }
        catch
        {
            End(guest);
            throw;
        }
    }

    private void Apply(Guest guest, Departure departure)
    {
        try
        {
            kernel.Apply(guests);
        }
        catch (KernelException e) when (departure.IsHeralded)
        {
            log.Decision(guest.Name, $"QEMU may lose a packet when it stops: {e.Message}", failed: true);
            departure.IsHeralded = false;
            kernel.Apply(guests);
        }
    }

    private LinkDeparture Prepare(Guest guest, GuestLink link, NetworkInterfaceCollection links, bool isReadByQemu)
    {
        var prepared = new LinkDeparture(link);
        if (link.Tap is { } name && links.Find(name) is { } tap)
        {
            prepared.Tail = kernel.KeepTail(tap.Index, isReadByQemu);
            (prepared.Tap, prepared.DropsBefore) = (tap.Index, kernel.Statistics(tap.Index)?.TransmitDrops ?? 0);
        }

        if (guest.HomePath(link) is { } path && links.Find(path.Bridge) is { } bridge)
        {
            var ports = links.PortsOf(bridge).Where(port => port.Name != path.Tap && !port.Name.StartsWith(HomeLinkPath.StandInPortPrefix, StringComparison.Ordinal));
            prepared.Voice = _voices.Add(ports, new GuestDouble(path.Mac, path.HomeAddresses));
        }

        return prepared;
    }

    /// <summary>
    /// The guest has been suspended, what is for it goes to the other host from now on: one send to the kernel, and after it the kernel is as wanted. All
    /// else waits for the switches of other guests that leave at the same time.
    /// </summary>
    /// <param name="guest">The guest.</param>
    /// <param name="suspendedAt">When libvirt said so, by <see cref="Clock"/>.</param>
    public void Turn(Guest guest, TimeSpan suspendedAt)
    {
        if (guest.Departure is not { IsTurned: false } departure)
        {
            return;
        }

        Carry(guest, departure.Turn);
        departure.IsTurned = true;
        var turnedAt = Clock.Now;
        guest.MoveAway?.Add(MoveStep.Suspended, at: suspendedAt);
        guest.MoveAway?.Add(MoveStep.TrafficTurned, at: turnedAt);
        departure.LookAt = turnedAt + IdleInterval;
        foreach (var link in departure.Links)
        {
            link.Voice?.Speak();
        }

        tails.SendAsync(guest, departure);
        CountDropsAsync(guest, departure);
    }

    /// <summary>The guest has left this host, which goes on leading what comes for it to the other one.</summary>
    public void Left(Guest guest)
    {
        guests.Depart(guest);
        Changed?.Invoke();
    }

    /// <summary>The guest goes on here.</summary>
    public void TakeBack(Guest guest)
    {
        if (guest.Departure is not { } departure)
        {
            return;
        }

        if (departure.IsTurned)
        {
            departure.IsTurned = false;
            Carry(guest, departure.TakeBack);
            CountForwarded(guest, departure);
            guest.MoveAway?.Add(MoveStep.TakenBack);
        }

        End(guest);
        journal.Close(guest, MoveRole.Source, MoveOutcome.Failed, "the guest goes on at the source");
        Changed?.Invoke();
    }

    /// <summary>The guest runs here again before all that followed it has ended: what is for it is for its tap.</summary>
    public void Return(Guest guest)
    {
        if (guest.Before is not { } before)
        {
            return;
        }

        try
        {
            kernel.Prepare(
            [
                .. from link in guest.Links
                   let tap = (link.Attachment as Attachment.Home)?.Tap
                   where tap is not null
                   select new BridgeForwardingEntry(tap, link.Enrolled.Mac),
            ], kernel.Links()).Carry();
        }
        catch (KernelException e)
        {
            log.Decision(guest.Name, $"its return: {e.Message}", failed: true);
        }

        End(before);
        guest.MoveHere?.Add(MoveStep.TakenBack);
        journal.Close(before, MoveRole.Source, MoveOutcome.Moved, "it has come back");
        Changed?.Invoke();
    }

    /// <summary>A registration has got on: where its guest is about to leave, the next host has to know.</summary>
    public void Follow(Guest guest, GuestLink link, Registration registration, MobileNodeEffect effect)
    {
        if (effect is MobileNodeEffect.BindingChanged { Change: BindingChange.Registered } && guest is { Departure: { IsTurned: false } departure, HandedOver: { } to })
        {
            TellAsync(guest, departure, to, new(PeerRequest.CurrentVersion, guest.Uuid, to.Token, registration.Address, timings.HoldFor(registration.Node.HomeAgent).TotalSeconds));
        }
    }

    // Until the switch: after it the next host goes on from what it was told before.
    private async void TellAsync(Guest guest, Departure departure, UsedTicket to, RegisteredRequest registered)
    {
        while (guest.Departure == departure && !departure.IsTurned)
        {
            try
            {
                if ((await channel.Client!.AskAsync(to.To, registered)).Reply is Understood)
                {
                    return;
                }
            }
            catch (PeerException e)
            {
                log.Decision(guest.Name, $"the agent of {to.To} was not told that {registered.HomeAddress} is registered: {e.Message}", failed: true);
            }

            // It may not have taken the guest up yet.
            await Task.Delay(TellInterval);
        }
    }

    /// <summary>The other host's agent says that the home agent has turned.</summary>
    /// <returns>What it cannot know of the move, if it was that one's.</returns>
    public PeerReply Settled(PeerCaller caller, ArrivedRequest arrived)
    {
        if (guests.Departures.FirstOrDefault(guest => guest.Uuid == arrived.Domain) is { } guest && guest.WasHandedOverTo(caller, arrived.Token))
        {
            guest.Departure!.IsSettled = true;
            Arrived?.Invoke(guest);
            if (guest.MoveAway is { Kind: { } kind } move && move.At(MoveStep.Suspended) is { } suspended && move.At(MoveStep.TrafficTurned) is { } turned)
            {
                var now = Clock.Now;
                return new DomainLeft((now - suspended).TotalSeconds, (now - turned).TotalSeconds, kind);
            }
        }

        return new Understood();
    }

    /// <summary><see cref="NextWakeUp"/> has come.</summary>
    public void WakeUp()
    {
        var now = Clock.Now;
        foreach (var guest in guests.Departures.Where(guest => guest.Departure!.LookAt <= now).ToList())
        {
            Look(guest, guest.Departure!, now);
        }
    }

    /// <summary>What is kept for it is given up.</summary>
    public void End(Guest guest)
    {
        guest.Departure?.Dispose();
        guest.Departure = null;
        guests.RemoveDeparted(guest);
    }

    private void Look(Guest guest, Departure departure, TimeSpan now)
    {
        if (!departure.IsTurned)
        {
            departure.LookAt = now + PreparedInterval;
            EndUnlessLeavingAsync(guest, departure);
            return;
        }

        var forwarded = departure.Traffic!.Forwarded;
        var isIdle = departure.IsSettled && forwarded == departure.Forwarded;
        CountForwarded(guest, departure);
        if (isIdle || departure.Deadline <= now)
        {
            End(guest);
            guest.MoveAway?.Add(MoveStep.TunnelGone);
            journal.Close(guest, MoveRole.Source, MoveOutcome.Moved, isIdle ? null : departure.IsSettled ? "something still comes" : "its home agent has not turned");
            log.Decision(
                guest.Name, isIdle ? "nothing comes for it any more: the hand-over's tunnel is closed" : $"the hand-over's tunnel is closed after {Limit.TotalMinutes:0} min", failed: !isIdle);
            Changed?.Invoke();
            return;
        }

        departure.Forwarded = forwarded;
        departure.LookAt = now + IdleInterval;
    }

    // libvirt tells the source nothing of a migration that is given up while memory is copied.
    private async void EndUnlessLeavingAsync(Guest guest, Departure departure)
    {
        if (!await isLeaving(guest.Uuid) && guest.Departure == departure && !departure.IsTurned)
        {
            End(guest);
            journal.Close(guest, MoveRole.Source, MoveOutcome.Failed, "the migration was given up");
            log.Decision(guest.Name, "its migration was given up: it stays");
            Changed?.Invoke();
        }
    }

    private IEnumerable<KernelObject> Steps(Guest guest, GuestLink link, bool turned) => guest.HomePath(link) is { } path
        ? HandOverDataPath.Steps(path, turned, kernel.Table)
        : guest.AwayPath(link) is { } away ? AwayDataPath.Steps(away, turned, kernel.Table)
        : [];

    private void Carry(Guest guest, PreparedChanges? changes)
    {
        try
        {
            changes?.Carry();
        }
        catch (KernelException e)
        {
            log.Decision(guest.Name, $"the switch: {e.Message}", failed: true);
            // The whole comparison may do better.
            Changed?.Invoke();
        }
    }

    private static void CountForwarded(Guest guest, Departure departure)
    {
        if (guest.MoveAway is { } move)
        {
            move.Counters = move.Counters with { Forwarded = departure.Traffic!.Forwarded, Reordered = departure.Traffic.Reordered };
        }
    }

    // After the switches of others that wait.
    private async void CountDropsAsync(Guest guest, Departure departure)
    {
        await Task.Yield();
        if (guest.MoveAway is { } move && guest.Departure == departure)
        {
            var dropped = departure.Links.Sum(link => link.Tap is { } tap && kernel.Statistics(tap) is { } now ? now.TransmitDrops - link.DropsBefore : 0);
            move.Counters = move.Counters with { Dropped = dropped };
        }
    }
}
