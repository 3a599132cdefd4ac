using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// The one place that decides what a guest is on this host: it comes, runs, leaves and is gone; the kernel and the registrations follow.
/// </summary>
internal sealed class GuestLifecycle(
    AgentConfiguration configuration,
    GuestTable guests,
    HostKernel kernel,
    Underlay underlay,
    Registrar registrar,
    DepartingGuests departing,
    ArrivingGuests arriving,
    MoveJournal journal,
    PeerChannel channel,
    Departures departures,
    AddressLearning learning,
    AgentLog log)
{
    /// <summary>How long a migration that was begun may take to bring the guest; libvirt tells nobody that one will never come.</summary>
    public static readonly TimeSpan IncomingPatience = TimeSpan.FromMinutes(10);

    // A home agent may hold a binding that only the metadata tells of for as long as any can last (RFC 6275, section 6.1.7: 16 bits of 4 s).
    private static readonly TimeSpan LongestBinding = TimeSpan.FromSeconds(4 * ushort.MaxValue);

    /// <summary>Takes a guest up: what metadata, state file and XML say of it.</summary>
    /// <param name="uuid">The domain.</param>
    /// <param name="name">The domain's name.</param>
    /// <param name="profile">The domain's metadata.</param>
    /// <param name="attach">Where each of its interfaces ends here.</param>
    /// <param name="presence">Where it stands.</param>
    /// <param name="handedOver">What the source's agent knew of its registrations; without it, what this host's state file knows.</param>
    /// <exception cref="RefusedException">Another guest of this host has one of its addresses.</exception>
    public Guest Take(
        Guid uuid,
        string name,
        MobilityProfile profile,
        Func<EnrolledInterface, Attachment> attach,
        Presence presence,
        IReadOnlyDictionary<Ipv6Address, MobileNodeSnapshot>? handedOver = null)
    {
        RefuseDuplicates(uuid, profile);
        var known = handedOver ?? StateFile.Read(uuid, line => log.Decision(name, line, failed: true));
        var links = profile.Interfaces.Select(enrolled =>
        {
            var link = new GuestLink(enrolled, attach(enrolled));
            foreach (var address in enrolled.Addresses.Where(address => learning.IsFree(uuid, name, link, address)))
            {
                link.Registrations.Add(Registration.Create(configuration, enrolled, address, Newest(address, known)));
            }

            return link;
        });
        var ticket = channel.TicketFor(profile);
        var guest = new Guest(uuid, name, [.. links])
        {
            Presence = presence,
            Ticket = ticket,
            PublishedTicket = ticket,
            Deadline = Clock.Now + IncomingPatience,
        };
        guests.Put(guest);
        foreach (var (link, severed) in guest.Links.Select(link => (link, Severed: link.Attachment as Attachment.Severed)))
        {
            link.IsPlugged = severed is not { Tap: null };
            if (severed is not null)
            {
                log.Decision(name, $"{link.Enrolled.Mac} is severed: {severed.Why}", failed: true);
            }
        }

        return guest;
    }

    /// <summary>A clone has its original's metadata, too. What was learnt is nobody's for sure: it is a reason to refuse nothing.</summary>
    /// <exception cref="RefusedException">Another guest of this host was given one of these addresses.</exception>
    public void RefuseDuplicates(Guid uuid, MobilityProfile profile)
    {
        foreach (var enrolled in profile.Interfaces)
        {
            foreach (var address in enrolled.Addresses.Where(address => address.Origin == HomeAddressOrigin.Given))
            {
                if (guests.OtherWith(uuid, address.Address) is { } other && other.IsGiven(address.Address))
                {
                    throw new RefusedException($"{address.Address} is already used on this host, by {other.Name}");
                }
            }

            if (guests.OtherWith(uuid, enrolled.Mac) is { } twin)
            {
                throw new RefusedException($"{enrolled.Mac} is already used on this host, by {twin.Name}");
            }
        }
    }

    /// <summary>Builds the data path of a guest whose taps are there.</summary>
    /// <returns>What was changed in the kernel.</returns>
    /// <exception cref="KernelException">The kernel refused.</exception>
    /// <exception cref="ConfigurationException">The metadata's advertisement is none.</exception>
    public IReadOnlyList<string> Attach(Guest guest)
    {
        foreach (var link in guest.Links)
        {
            if (link.Attachment is Attachment.Away away)
            {
                underlay.Listen(away.CareOf);
            }
        }

        foreach (var link in guest.Links)
        {
            if (guest.Arrival is not null && link is { PortSettings: null, Attachment: Attachment.Home { Tap: { } port } })
            {
                link.PortSettings = kernel.Find(port)?.BridgePort;
            }
        }

        var changes = kernel.Apply(guests);
        arriving.Attached(guest);
        Listen(guest);
        return changes;
    }

    /// <summary>The ends of a guest's tunnels are others: its data path follows as far as it can.</summary>
    public void AttachAgain(Guest guest)
    {
        try
        {
            Attach(guest);
        }
        catch (KernelException e)
        {
            log.Decision(guest.Name, $"its data path did not follow: {e.Message}", failed: true);
        }
    }

    /// <summary>Hears the guest at its taps.</summary>
    /// <exception cref="ConfigurationException">The metadata's advertisement is none.</exception>
    /// <exception cref="KernelException">No packet socket.</exception>
    public void Listen(Guest guest) => learning.Listen(guest);

    /// <summary>The guest's interfaces may have been plugged out, or in again: their taps are others then.</summary>
    /// <param name="guest">The guest, which runs here.</param>
    /// <param name="attach">Where an interface ends here now; null for one that is plugged out.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public void Replug(Guest guest, Func<GuestLink, Attachment?> attach)
    {
        var ports = guest.Links.Select(link => link.GuestPort).ToList();
        foreach (var link in guest.Links)
        {
            link.Attachment = attach(link) ?? link.Attachment;
        }

        Attach(guest);
        registrar.Activate(guest);
        foreach (var (link, _) in guest.Links.Zip(ports).Where(pair => pair.First.GuestPort != pair.Second))
        {
            link.GuestPort?.Resumed();
        }
    }

    /// <summary>All that the guest will need is there, and it comes.</summary>
    public void Expect(Guest guest) => registrar.Expect(guest);

    /// <summary>The guest runs here from now on.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="resumedAt">When libvirt said so, by <see cref="Clock"/>, or null for now.</param>
    public void Activate(Guest guest, TimeSpan? resumedAt = null)
    {
        if (guest.Presence == Presence.Leaving)
        {
            departing.TakeBack(guest);
        }

        if (guest.Presence == Presence.Incoming)
        {
            guest.MoveHere?.Add(MoveStep.Resumed, at: resumedAt);
            arriving.Resumed(guest);
            departing.Return(guest);
        }

        guest.Presence = Presence.Running;
        registrar.Activate(guest);
        arriving.Activated(guest);
        IncomingMarker.Delete(guest.Uuid);
        registrar.Changed(guest);
        foreach (var link in guest.Links)
        {
            link.GuestPort?.Resumed();
        }
    }

    /// <summary>The guest was suspended here to go on elsewhere: this host is no longer active for it. Its data path stays, it may come back.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="suspendedAt">When libvirt said so, by <see cref="Clock"/>.</param>
    public void Leave(Guest guest, TimeSpan suspendedAt)
    {
        guest.Presence = Presence.Leaving;
        departing.Turn(guest, suspendedAt);
        FallSilentAsync(guest);
    }

    /// <summary>Nothing is sent for the guest any more: after the switches of others that leave at the same time.</summary>
    private async void FallSilentAsync(Guest guest)
    {
        await Task.Yield();
        if (guest.Presence == Presence.Leaving)
        {
            registrar.Deactivate(guest);
        }
    }

    /// <summary>The guest is not on this host any more.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="moved">It lives on at another host, with newer numbers: what this one knows is of no use any more.</param>
    public void Forget(Guest guest, bool moved)
    {
        registrar.Deactivate(guest);
        if (guest.MoveHere is not null)
        {
            var came = guest.Presence != Presence.Incoming;
            arriving.Close(guest, came ? MoveOutcome.Moved : MoveOutcome.Failed, came ? "it has gone from here" : "it never came");
        }

        if (moved && guest.Departure is { IsTurned: true })
        {
            departing.Left(guest);
            if (!guest.Links.Any(link => link.Attachment is Attachment.Away))
            {
                arriving.End(guest);
            }
        }
        else
        {
            arriving.End(guest);
            journal.Close(guest, MoveRole.Source, MoveOutcome.Failed, "it has gone from here");
            guests.Remove(guest.Uuid);
            Reapply();
        }

        IncomingMarker.Delete(guest.Uuid);
        if (moved)
        {
            departures.Add(guest);
        }

        if (moved || guest.Presence == Presence.Incoming)
        {
            // Whoever has the guest now has newer numbers.
            StateFile.Delete(guest.Uuid);
        }

        learning.Retry();
    }

    /// <summary>The administrator has this host let go of a guest that is none of its own: nothing of it is left here, and no home agent is told.</summary>
    /// <returns>What was changed in the kernel.</returns>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public IReadOnlyList<string> Release(Guid uuid)
    {
        if (guests.TryFind(uuid, out var guest))
        {
            registrar.Deactivate(guest);
            if (guest.MoveHere is not null)
            {
                arriving.Close(guest, MoveOutcome.Failed, "it was released");
            }

            arriving.End(guest);
            journal.Close(guest, MoveRole.Source, MoveOutcome.Failed, "it was released");
            guests.Remove(uuid);
        }

        if (guests.Departures.FirstOrDefault(departed => departed.Uuid == uuid) is { } departed)
        {
            guests.RemoveDeparted(departed);
        }

        IncomingMarker.Delete(uuid);
        StateFile.Delete(uuid);
        var changes = kernel.Apply(guests);
        learning.Retry();
        return changes;
    }

    /// <summary>The ticket was used: the next migration needs another.</summary>
    public void RenewTicket(Guest guest)
    {
        guest.Ticket = guest.Ticket is { } used ? used with { Token = OneTimeToken.Create() } : null;
        registrar.Changed(guest);
    }

    /// <summary>This host may have another address for its peers.</summary>
    public void FollowEndpoint()
    {
        foreach (var guest in guests.All)
        {
            guest.Ticket = channel.TicketFor(guest.Profile);
            registrar.Changed(guest);
        }
    }

    /// <summary>The kernel is made to match, whoever has changed it.</summary>
    public void Reapply()
    {
        try
        {
            kernel.Apply(guests);
        }
        catch (KernelException e)
        {
            log.Error($"the kernel cannot be brought into the wanted state: {e.Message}");
        }
    }

    /// <summary>What is known of a home address: by the state file, unless the guest has been elsewhere since, or else by the metadata.</summary>
    public static MobileNodeSnapshot Newest(EnrolledAddress address, IReadOnlyDictionary<Ipv6Address, MobileNodeSnapshot> known)
    {
        // Numbers are compared modulo 2^15 (RFC 6275, section 9.5.1).
        return known.TryGetValue(address.Address, out var own) && (ushort)(own.ReservedThrough - address.ReservedThrough) < 0x8000
            ? own
            : new(address.ReservedThrough, null, TimeSpan.Zero, address.BindingPossible ? LongestBinding : TimeSpan.Zero) { HomeAgent = address.HomeAgent };
    }
}
