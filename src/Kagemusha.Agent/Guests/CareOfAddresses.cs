using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>Keeps the guests' care-of addresses in step with this host's links, addresses and routes.</summary>
/// <param name="guests">The guests of this host.</param>
/// <param name="underlay">The way to the home agents.</param>
/// <param name="lifecycle">What becomes of the guests.</param>
/// <param name="registrar">Their registrations.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class CareOfAddresses(GuestTable guests, Underlay underlay, GuestLifecycle lifecycle, Registrar registrar, AgentLog log)
{
    // The kernel's monitor does not hear of routes.
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    private TimeSpan _retryAt;

    /// <summary>When <see cref="WakeUp"/> is to be called: as long as an interface is severed there may be a way for it again.</summary>
    public TimeSpan? NextWakeUp => guests.All.Any(guest => guest.Links.Any(link => link.Attachment is Attachment.Severed { Tap: not null })) ? _retryAt : null;

    /// <summary><see cref="NextWakeUp"/> has come.</summary>
    public void WakeUp()
    {
        if (NextWakeUp <= Clock.Now)
        {
            Follow();
        }
    }

    /// <summary>The host's links or addresses have changed.</summary>
    public void Follow()
    {
        _retryAt = Clock.Now + RetryInterval;
        underlay.AddressesChanged();
        if (guests.All.Count == 0)
        {
            return;
        }

        // All of them before the kernel is told: they share tunnels.
        var moved = new HashSet<Guest>();
        foreach (var guest in guests.All)
        {
            foreach (var link in guest.Links.Where(link => Readdress(guest, link)))
            {
                moved.Add(guest);
            }
        }

        foreach (var guest in moved)
        {
            lifecycle.AttachAgain(guest);
            if (guest.Presence == Presence.Running)
            {
                registrar.Activate(guest);
            }
        }

        lifecycle.FollowEndpoint();
        lifecycle.Reapply();
    }

    /// <summary>The care-of address may be another now; it stays as it was until there is a better one.</summary>
    private bool Readdress(Guest guest, GuestLink link)
    {
        try
        {
            return link.Attachment switch
            {
                Attachment.Away away => Readdress(guest, link, away),
                // What is ready for the switch of a move stays as it is.
                Attachment.Severed { Tap: { } tap } when guest.Departure is null => Connect(guest, link, tap),
                _ => false,
            };
        }
        catch (Exception e) when (e is UnreachableException or KernelException)
        {
            log.Debug($"{guest.Name}: {e.Message}");
            return false;
        }
    }

    private bool Readdress(Guest guest, GuestLink link, Attachment.Away away)
    {
        var (old, careOf) = (away.CareOf, underlay.Resolve(link.HomeAgent));
        if ((careOf with { Mtu = old.Mtu, ValidUntil = old.ValidUntil }) == old)
        {
            link.Attachment = away with { CareOf = old with { ValidUntil = careOf.ValidUntil } };
            if (careOf.ValidUntil != old.ValidUntil && guest.Presence == Presence.Running)
            {
                registrar.Activate(guest);
            }

            return false;
        }

        link.Attachment = away with { CareOf = careOf };
        log.Decision(guest.Name, $"care-of address {old.Address} on {old.Interface} is now {careOf.Address} on {careOf.Interface}");
        return true;
    }

    private bool Connect(Guest guest, GuestLink link, string tap)
    {
        var away = new Attachment.Away(tap, underlay.Resolve(link.HomeAgent));
        link.Attachment = away;
        log.Decision(guest.Name, $"{link.Enrolled.Mac} is severed no more: care-of address {away.CareOf.Address} on {away.CareOf.Interface}");
        return true;
    }
}
