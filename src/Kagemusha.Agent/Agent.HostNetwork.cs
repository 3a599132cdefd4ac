using Kagemusha.Linux;

namespace Kagemusha.Agent;

// What follows when the host's own links and addresses change.
internal sealed partial class Agent
{
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
        _underlay.AddressesChanged();
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
            _lifecycle.AttachAgain(guest);
            if (guest.Presence == Presence.Running)
            {
                _registrar.Activate(guest);
            }
        }

        _lifecycle.FollowEndpoint();
        _lifecycle.Reapply();
    }

    /// <summary>The care-of address may be another now; it stays as it was until there is a better one.</summary>
    private bool Readdress(Guest guest, GuestLink link)
    {
        try
        {
            if (link.Attachment is not Attachment.Away { CareOf: var old } away)
            {
                return false;
            }

            var careOf = _underlay.Resolve(link.HomeAgent);
            if ((careOf with { Mtu = old.Mtu, ValidUntil = old.ValidUntil }) == old)
            {
                link.Attachment = away with { CareOf = old with { ValidUntil = careOf.ValidUntil } };
                if (careOf.ValidUntil != old.ValidUntil && guest.Presence == Presence.Running)
                {
                    _registrar.Activate(guest);
                }

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
}
