using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>What this host can tell of whether its guests are reachable: what their mobile nodes say, and an echo through the tunnel.</summary>
/// <param name="kernel">This host's kernel.</param>
/// <param name="log">Where failures are told.</param>
internal sealed class Reachability(HostKernel kernel, AgentLog log)
{
    /// <summary>Looks at each home address of a guest.</summary>
    public async Task<IReadOnlyList<FoundAddress>> LookAsync(Guest guest)
    {
        var echoes = guest.Presence == Presence.Running ? await ProbeAsync(guest) : [];
        return
        [
            .. from link in guest.Links
               from registration in link.Registrations
               let state = registration.Node.GetState(Clock.Now)
               select new FoundAddress(
                   registration.Address,
                   registration.Node.HomeAgent,
                   link.Attachment,
                   state.Phase,
                   state.Problem,
                   echoes.FirstOrDefault(echo => echo.HomeAddress == registration.Address) is { } echo ? echo.Elapsed is not null : null),
        ];
    }

    /// <summary>Asks through the tunnel of each home address that is away.</summary>
    public async Task<IReadOnlyList<TunnelEcho>> ProbeAsync(Guest guest)
    {
        var links = kernel.Links();
        return await Task.WhenAll(
            from link in guest.Links
            let careOf = (link.Attachment as Attachment.Away)?.CareOf.Address
            where careOf is not null
            from registration in link.Registrations
            let homeAgent = registration.Node.HomeAgent
            select AskAsync(links.Find(AwayDataPath.HomeAgentTunnelName(careOf.Value, homeAgent)), registration.Address, homeAgent));
    }

    private async Task<TunnelEcho> AskAsync(NetworkInterface? tunnel, Ipv6Address homeAddress, Ipv6Address homeAgent)
    {
        try
        {
            return new(homeAddress, homeAgent, tunnel is null ? null : await TunnelProbe.AskAsync(tunnel, homeAddress, homeAgent));
        }
        catch (KernelException e)
        {
            log.Debug($"no echo from {homeAgent} to {homeAddress}: {e.Message}");
            return new(homeAddress, homeAgent, null);
        }
    }
}

/// <summary>What came of an echo through the tunnel.</summary>
/// <param name="HomeAddress">In whose name it was asked for.</param>
/// <param name="HomeAgent">Who was asked.</param>
/// <param name="Elapsed">How long the answer took; null if none came.</param>
internal sealed record TunnelEcho(Ipv6Address HomeAddress, Ipv6Address HomeAgent, TimeSpan? Elapsed);
