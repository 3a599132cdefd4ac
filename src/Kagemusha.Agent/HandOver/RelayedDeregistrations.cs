using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// The source of a move that leads home: sends the guest's de-registration from the care-of address that it had here. On the home link the home agent
/// defends the home address until it has processed one (RFC 6275, section 11.5.5), and may not hear or answer it there.
/// </summary>
/// <param name="guests">The guests of this host.</param>
/// <param name="send">Sends from a care-of address.</param>
internal sealed class RelayedDeregistrations(GuestTable guests, Action<MobilityPacket> send)
{
    // By then the mobile node has repeated it once and gone over to sending from home.
    private static readonly TimeSpan Patience = 3 * MobileNode.InitialBindackTimeout;

    private readonly List<Waiting> _waiting = []; // Oldest first.

    /// <summary>Sends for the host that the guest was handed over to, and waits for the home agent's answer.</summary>
    public async Task<PeerAnswer> AnswerAsync(PeerCaller caller, DeregistrationRequest request)
    {
        if (!MobilityPacket.TryParse(request.Packet, out var packet, out var error))
        {
            return new(OutgoingHandOvers.Refusal, $"it would have a packet sent that cannot be read: {error.What}");
        }

        if (Check(caller, request, packet) is { } refused)
        {
            return new(OutgoingHandOvers.Refusal, refused);
        }

        var waiting = new Waiting(packet, new(TaskCreationOptions.RunContinuationsAsynchronously));
        _waiting.Add(waiting);
        send(packet);
        try
        {
            var answer = await waiting.Answer.Task.WaitAsync(Patience);
            return new(new HomeAgentAnswer(answer.ToArray()));
        }
        catch (TimeoutException)
        {
            return new(new HomeAgentAnswer(null));
        }
        finally
        {
            _waiting.Remove(waiting);
        }
    }

    /// <summary>A message has come to one of this host's addresses. The oldest that waits for it gets it: for a mobile node one is as good as the other.</summary>
    public void Receive(MobilityPacket packet)
    {
        if (_waiting.Find(waiting => waiting.IsAnsweredBy(packet)) is { } waiting)
        {
            _waiting.Remove(waiting);
            waiting.Answer.SetResult(packet);
        }
    }

    private string? Check(PeerCaller caller, DeregistrationRequest request, MobilityPacket packet) =>
        guests.Departures.FirstOrDefault(guest => guest.Uuid == request.Domain) is not { } guest || !guest.WasHandedOverTo(caller, request.Token)
            ? $"it would have a packet sent for {request.Domain}, which was not handed over to it"
        : !guest.Departure!.IsTurned ? $"it would have {guest.Name} de-registered, which has not left"
        : packet is not { Message: BindingUpdate { Lifetime: 0 }, Type2RoutingHeader: null } || !guest.Links.Any(link => IsOf(link, packet))
            ? $"it would have a packet sent for {guest.Name} that does not de-register it from here"
        : null;

    private static bool IsOf(GuestLink link, MobilityPacket packet) =>
        link.Attachment is Attachment.Away { CareOf.Address: var careOf } && packet.Source == careOf
        && link.Registrations.Exists(registration => registration.Address == packet.HomeAddressOption
            && (registration.Node.HomeAgents.Contains(packet.Destination) || registration.Node.TunnelEnds(Clock.Now).Contains(packet.Destination)));

    private sealed record Waiting(MobilityPacket Update, TaskCompletionSource<MobilityPacket> Answer)
    {
        public bool IsAnsweredBy(MobilityPacket packet) =>
            packet.Source == Update.Destination && packet.Destination == Update.Source && Registrar.HomeAddressOf(packet) == Update.HomeAddressOption;
    }
}
