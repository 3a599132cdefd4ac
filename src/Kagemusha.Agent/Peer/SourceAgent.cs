using System.Diagnostics;
using System.Globalization;
using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>The agent of the host that a guest is coming from, asked when the migration begins.</summary>
/// <param name="policy">What becomes of a migration without it.</param>
/// <param name="channel">The way to it.</param>
/// <param name="log">Where it is told on what the migration goes on.</param>
internal sealed class SourceAgent(SourceAgentPolicy policy, PeerChannel channel, AgentLog log)
{
    /// <summary>What it knows of the guest, or null where the policy is to go on from the metadata.</summary>
    /// <exception cref="RefusedException">It gave nothing, and the policy is not to go on.</exception>
    public async Task<GuestHandOver?> FetchAsync(DomainXml xml, MobilityProfile profile)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            var handOver = GuestHandOver.Read(await AskAsync(xml, profile), profile);
            var numbers = handOver.Snapshots.Select(address =>
                string.Create(CultureInfo.InvariantCulture, $"{address.Key} with numbers through {address.Value.ReservedThrough}"));
            log.Decision(xml.Name, $"handed over by the agent of {profile.Agent!.Endpoint}: {string.Join(", ", numbers)}", Stopwatch.GetElapsedTime(began));
            return handOver;
        }
        catch (PeerException e) when (policy == SourceAgentPolicy.Optional)
        {
            log.Decision(xml.Name, $"goes on from its metadata, without the agent of {Source(profile)}: {e.Message}", failed: true);
            return null;
        }
        catch (PeerException e)
        {
            throw new RefusedException(
                $"the agent of {Source(profile)} did not hand {xml.Name} over: {e.Message}; set that right, or source_agent = \"optional\" in {AgentConfiguration.Path} on {Environment.MachineName}");
        }
    }

    private static string Source(MobilityProfile profile) => profile.Agent?.Endpoint.ToString() ?? "the source host";

    private async Task<HandOver> AskAsync(DomainXml xml, MobilityProfile profile)
    {
        if (profile.Agent is not { } source)
        {
            throw new PeerException("the metadata names none: start kagemushad there, with certificates for its channel");
        }

        if (channel.Client is not { } client || channel.EndpointFor(profile) is not { } here)
        {
            throw new PeerException($"{Environment.MachineName} has no channel to other agents: {channel.WhyNot ?? "no address that they could reach: set peer_address"}");
        }

        var (reply, _) = await client.AskAsync(source.Endpoint, new HandOverRequest(PeerRequest.CurrentVersion, xml.Uuid, source.Token, here));
        return reply switch
        {
            HandOver handOver => handOver,
            HandedOver { To: { } next } => throw new PeerException($"the VM has gone on from there to {next}"),
            HandedOver => throw new PeerException("the VM has gone on from there, it is not known where"),
            PeerRefused refused => throw new PeerException(refused.Reason),
            _ => throw new PeerException("its answer is of another version"),
        };
    }
}
