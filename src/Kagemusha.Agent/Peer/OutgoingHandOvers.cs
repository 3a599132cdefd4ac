using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>
/// Gives what this host knows of a guest to the host that it is moving to, and to nobody else: the caller shows what only the guest's definition
/// tells, once, and while libvirt says that the guest is being migrated from here.
/// </summary>
/// <param name="guests">The guests of this host.</param>
/// <param name="departures">Those that have gone.</param>
/// <param name="isLeaving">Asks libvirt whether it is sending the domain to another host now.</param>
/// <param name="prepare">Makes a guest ready to be handed over to another host.</param>
/// <param name="arrived">Is told that a guest has arrived where it was handed over to, and answers.</param>
/// <param name="deregister">Sends a guest's de-registration for the host that it was handed over to.</param>
/// <param name="registered">Is told that the host that a guest is coming from was acknowledged; false if none is coming from there.</param>
/// <param name="renew">Gives a guest another token.</param>
/// <param name="log">Where what was given to whom is told.</param>
internal sealed class OutgoingHandOvers(
    GuestTable guests, Departures departures, Func<Guid, Task<bool>> isLeaving,
    Func<Guest, PeerEndpoint, HandOver> prepare, Func<PeerCaller, ArrivedRequest, PeerReply> arrived,
    Func<PeerCaller, DeregistrationRequest, Task<PeerAnswer>> deregister, Func<RegisteredRequest, bool> registered, Action<Guest> renew, Action<Guest, string> log)
{
    /// <summary>The same for each cause: whoever guesses learns nothing.</summary>
    public static readonly PeerRefused Refusal = new("it has no migration of this VM under way that would allow it: its log says more");

    public async Task<PeerAnswer> AnswerAsync(PeerCaller caller, PeerRequest request)
    {
        if (request is ArrivedRequest there)
        {
            return new(arrived(caller, there));
        }

        if (request is DeregistrationRequest deregistration)
        {
            return await deregister(caller, deregistration);
        }

        if (request is RegisteredRequest source)
        {
            return registered(source) ? new(new Understood()) : new(Refusal, $"it tells of {source.Domain}, which is not coming from there");
        }

        if (request is not HandOverRequest wanted)
        {
            return new(Refusal, "it asks for what this version does not know");
        }

        if (Check(caller, wanted, out var guest) is { } refused)
        {
            return departures.Find(wanted.Domain, wanted.Token) is { } gone ? new(gone) : new(Refusal, refused);
        }

        if (!await isLeaving(wanted.Domain))
        {
            return new(Refusal, $"it shows {guest!.Name}'s token, but libvirt is not sending {guest.Name} to another host");
        }

        // Meanwhile it may have gone, or been given to another.
        if (Check(caller, wanted, out guest) is { } late)
        {
            return new(Refusal, late);
        }

        if (guest!.HandedOver?.Token != wanted.Token)
        {
            guest.HandedOver = new(wanted.Token, caller.Thumbprint, wanted.Destination);
            renew(guest);
        }

        HandOver handOver;
        try
        {
            handOver = prepare(guest, wanted.Destination);
        }
        catch (Exception e) when (e is Linux.KernelException or UnreachableException)
        {
            return new(new PeerRefused($"it cannot lead packets to this host: {e.Message}"), $"{guest.Name} cannot be handed over to it: {e.Message}");
        }

        log(guest, $"handed over to the agent of {caller}");
        return new(handOver);
    }

    private string? Check(PeerCaller caller, HandOverRequest wanted, out Guest? guest) =>
        !guests.TryFind(wanted.Domain, out guest) ? $"it asks for {wanted.Domain}, which is no enrolled VM here"
        : guest.PublishedTicket?.Token.Matches(wanted.Token) != true ? $"it does not show {guest.Name}'s token"
        : guest.Presence != Presence.Running ? $"it asks for {guest.Name}, which does not run here"
        : guest.HandedOver is { } used && used.Token == wanted.Token && used.Certificate != caller.Thumbprint
            ? $"it shows {guest.Name}'s token, which was used already by another host"
        : null;
}
