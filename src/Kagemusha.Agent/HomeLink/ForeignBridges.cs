using Kagemusha.Control;
using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>
/// Notices guests that were started on a bridge of their home bridge's name that is another link's here, and takes them from it: libvirt lets no hook
/// do so before.
/// </summary>
/// <param name="kernel">This host's links.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="lifecycle">What becomes of them.</param>
/// <param name="attachments">Where else they may end.</param>
/// <param name="registrar">Their registrations.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class ForeignBridges(
    Kernel kernel, GuestTable guests, GuestLifecycle lifecycle, Attachments attachments, Registrar registrar, AgentLog log)
{
    private readonly Dictionary<int, Task<IReadOnlyCollection<AdvertisedRouter>>> _asked = [];

    /// <summary>Begins to look at a guest that runs here and did not come by a migration, which has looked itself.</summary>
    public async void Look(Guest guest)
    {
        foreach (var link in guest.Links)
        {
            try
            {
                if (link.Attachment is Attachment.Home { Tap: { } tap } home && await IsForeignAsync(home.Bridge, link.Enrolled)
                    && guests.TryFind(guest.Uuid, out var present) && present == guest && guest is { Presence: Presence.Running, Departure: null }
                    && link.Attachment == home)
                {
                    lifecycle.Replug(guest, each => each == link ? attachments.AwayOrSevered(tap, link.Enrolled) : each.Attachment);
                    log.Decision(guest.Name, $"{link.Enrolled.Mac} was on {home.Bridge}, which is not its home link here, and was taken from there: {Describe.Place(guest)}", failed: true);
                    registrar.Changed(guest);
                }
            }
            catch (Exception e) when (Adoption.IsRefusal(e))
            {
                log.Decision(guest.Name, $"{link.Enrolled.Mac} may be on a foreign link: {e.Message}", failed: true);
            }
        }
    }

    /// <summary>Whether a link on which these routers are is not the home link. A link without a router may be any.</summary>
    public static bool IsForeign(IReadOnlyCollection<AdvertisedRouter> routers, HomeLink home) => routers.Count > 0 && !routers.Any(router =>
        home.Prefixes.Any(prefix => router.Prefixes.Contains(prefix))
        // One that has been renumbered.
        || (router.Address == home.Router && router.LinkLayerAddress == home.RouterLinkLayerAddress));

    private async Task<bool> IsForeignAsync(string name, EnrolledInterface enrolled)
    {
        if (kernel.Interfaces().Find(name) is not { Kind: "bridge" } bridge)
        {
            return false;
        }

        // All that were started together ask once.
        if (!_asked.TryGetValue(bridge.Index, out var answer))
        {
            _asked.Add(bridge.Index, answer = RouterDiscovery.FindAllAsync(bridge));
        }

        try
        {
            return IsForeign(await answer, enrolled.Link);
        }
        finally
        {
            _asked.Remove(bridge.Index);
        }
    }
}
