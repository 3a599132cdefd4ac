using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// Finds out home agents by dynamic home agent address discovery (RFC 6275, section 11.4.1): for a guest that none of those serves which are known, and for
/// one that is being enrolled.
/// </summary>
/// <param name="guests">The guests of this host.</param>
/// <param name="resolve">This host's end of the way to an address.</param>
/// <param name="send">Sends a request.</param>
/// <param name="found">Is told the home agents of an interface's home link, the most preferred first.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class HomeAgentDiscoveries(
    GuestTable guests,
    Func<Ipv6Address, CareOf> resolve,
    Action<MobilityIcmpPacket> send,
    Action<Guest, GuestLink, WireArray<Ipv6Address>> found,
    AgentLog log)
{
    // The administrator waits: three requests.
    private static readonly TimeSpan EnrolmentPatience = 4 * HomeAgentDiscovery.InitialTimeout;

    /// <summary>When <see cref="WakeUp"/> is to be called.</summary>
    public TimeSpan? NextWakeUp => guests.All.SelectMany(guest => guest.Links).Min(link => link.Discovery?.NextWakeUp);

    /// <summary>None of the home agents that are known serves an interface of a guest.</summary>
    public void Want(Guest guest, GuestLink link)
    {
        if (link is { Enrolled: { HomeAgentOrigin: HomeAgentOrigin.Found, Link.Prefixes: { Count: > 0 } prefixes }, Attachment: Attachment.Away away })
        {
            link.Discovery ??= new(prefixes, Random.Shared.NextDouble);
            Handle(guest, link, new HomeAgentDiscoveryInput.Wanted(away.CareOf.Address));
        }
    }

    /// <summary>A message has come; whose answer it is shows in its identifier.</summary>
    public void Receive(MobilityIcmpPacket packet) => HandleAll(_ => true, new HomeAgentDiscoveryInput.Received(packet));

    /// <summary><see cref="NextWakeUp"/> has come.</summary>
    public void WakeUp() => HandleAll(discovery => discovery.NextWakeUp <= Clock.Now, new HomeAgentDiscoveryInput.WakeUp());

    /// <summary>Asks for the home agents of a link, and does not wait for ever.</summary>
    /// <returns>The most preferred first; none where none has answered.</returns>
    /// <exception cref="UnreachableException">There is no way there.</exception>
    /// <exception cref="KernelException">No packet socket.</exception>
    public async Task<WireArray<Ipv6Address>> FindAsync(WireArray<Ipv6Prefix> prefixes)
    {
        var here = resolve(prefixes[0].HomeAgentsAnycast);
        var discovery = new HomeAgentDiscovery(prefixes, Random.Shared.NextDouble);
        var answer = new TaskCompletionSource<WireArray<Ipv6Address>>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var port = new FramePort(here.InterfaceIndex, PacketFilter.MobilityIcmp, Receive, e => answer.TrySetException(e), FramePort.LinkRate);
        Handle(new HomeAgentDiscoveryInput.Wanted(here.Address));
        for (var until = Clock.Now + EnrolmentPatience; discovery.NextWakeUp is { } next && next < until;)
        {
            await Task.WhenAny(answer.Task, Task.Delay(next > Clock.Now ? next - Clock.Now : TimeSpan.Zero));
            if (answer.Task.IsCompleted)
            {
                return await answer.Task;
            }

            Handle(new HomeAgentDiscoveryInput.WakeUp());
        }

        return answer.Task.IsCompleted ? await answer.Task : [];

        void Receive(EthernetFrame frame)
        {
            if (MobilityIcmpPacket.TryParse(frame.Payload.Span, out var packet, out _))
            {
                Handle(new HomeAgentDiscoveryInput.Received(packet));
            }
        }

        void Handle(HomeAgentDiscoveryInput input)
        {
            foreach (var effect in discovery.Handle(Clock.Now, input))
            {
                if (effect is HomeAgentDiscoveryEffect.Send { Packet: var packet })
                {
                    send(packet);
                }
                else if (effect is HomeAgentDiscoveryEffect.Found { HomeAgents: var homeAgents })
                {
                    answer.TrySetResult(homeAgents);
                }
            }
        }
    }

    private void HandleAll(Predicate<HomeAgentDiscovery> isMeant, HomeAgentDiscoveryInput input)
    {
        foreach (var guest in guests.All)
        {
            foreach (var link in guest.Links.Where(link => link.Discovery is not null && isMeant(link.Discovery)))
            {
                if (guest.Presence == Presence.Running)
                {
                    Handle(guest, link, input);
                }
                else
                {
                    link.Discovery = null; // Whoever has the guest then asks.
                }
            }
        }
    }

    private void Handle(Guest guest, GuestLink link, HomeAgentDiscoveryInput input)
    {
        foreach (var effect in link.Discovery!.Handle(Clock.Now, input))
        {
            switch (effect)
            {
                case HomeAgentDiscoveryEffect.Send { Packet: var packet }:
                    send(packet);
                    break;
                case HomeAgentDiscoveryEffect.Found { HomeAgents: var homeAgents }:
                    link.IsDiscoveryUnanswered = false;
                    if (homeAgents != link.Enrolled.HomeAgents)
                    {
                        log.Decision(guest.Name, $"home agents on the home link, by discovery: {string.Join(", ", homeAgents)}");
                        found(guest, link, homeAgents);
                    }

                    break;
                case HomeAgentDiscoveryEffect.Failed when !link.IsDiscoveryUnanswered:
                    link.IsDiscoveryUnanswered = true;
                    log.Decision(
                        guest.Name, $"no home agent has answered at {string.Join(", ", link.Enrolled.Link.Prefixes.Select(prefix => prefix.HomeAgentsAnycast))}", failed: true);
                    break;
            }
        }
    }
}
