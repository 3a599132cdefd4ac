using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>What the hosts that guests come from are asked and told while a hand-over is under way.</summary>
/// <param name="channel">The way to their agents.</param>
/// <param name="journal">Where what they answer of a move is kept.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class LastHosts(PeerChannel channel, MoveJournal journal, AgentLog log)
{
    /// <summary>Has the host that a guest comes from send a de-registration to the home agent.</summary>
    /// <returns>What has answered it there; null if nothing has in time.</returns>
    /// <exception cref="PeerException">That host is gone, or does not do it.</exception>
    public async Task<MobilityPacket?> RelayAsync(Guest guest, MobilityPacket deregistration)
    {
        if (guest.Arrival is not { From: var from } || channel.Client is not { } client)
        {
            throw new PeerException("there is no way to it any more");
        }

        var request = new DeregistrationRequest(PeerRequest.CurrentVersion, guest.Uuid, from.Token, deregistration.ToArray());
        return (await client.AskAsync(from.Endpoint, request)).Reply switch
        {
            HomeAgentAnswer { Packet: null } => null,
            HomeAgentAnswer { Packet: { } bytes } when MobilityPacket.TryParse(bytes, out var packet, out _) => packet,
            PeerRefused refused => throw new PeerException(refused.Reason),
            _ => throw new PeerException("its answer makes no sense"),
        };
    }

    /// <summary>The guest's home agent has turned, here or where the guest has gone on: the hosts that it came by are told.</summary>
    public void Report(Guest guest)
    {
        for (var arrival = guest.Arrival; arrival is { IsReported: false }; arrival = arrival.Earlier)
        {
            arrival.IsReported = true;
            ReportAsync(guest, arrival, arrival == guest.Arrival ? guest.MoveHere : null);
        }
    }

    private async void ReportAsync(Guest guest, Arrival arrival, MoveRecord? move)
    {
        try
        {
            var (reply, sentAt) = await channel.Client!.AskAsync(
                arrival.From.Endpoint, new ArrivedRequest(PeerRequest.CurrentVersion, guest.Uuid, arrival.From.Token));
            if (move is not null && reply is DomainLeft left)
            {
                move.Add(left, sentAt, arrival.Traffic?.FirstThroughLastHost);
                journal.Save(move);
            }
        }
        catch (PeerException e)
        {
            // It has a limit of its own.
            log.Decision(guest.Name, $"the agent of {arrival.From.Endpoint} was not told that it has arrived: {e.Message}", failed: true);
        }
    }
}
