using System.Globalization;
using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>What <c>status</c> shows to people: a line for each home address, and under it what is wrong.</summary>
internal static class StatusTable
{
    private static readonly string[] Header =
        ["DOMAIN", "STATE", "INTERFACE", "HOME ADDRESS", "CARE-OF ADDRESS", "HOME AGENT", "BINDING", "LIFETIME", "DATA PATH"];

    /// <summary>The lines, columns aligned.</summary>
    public static IEnumerable<string> Lines(IReadOnlyList<DomainStatus> domains)
    {
        if (domains.Count == 0)
        {
            yield return "no VM on this host is enrolled";
            yield break;
        }

        var lines = Columns.Align([Header, .. domains.Select(Row)]);
        yield return lines[0];
        for (var i = 0; i < domains.Count; i++)
        {
            yield return lines[i + 1];
            if (domains[i].OtherHomeAgents.Count > 0)
            {
                yield return $"  {domains[i].Name}: other home agents: {string.Join(", ", domains[i].OtherHomeAgents)}";
            }

            foreach (var problem in domains[i].Problems)
            {
                yield return $"  {domains[i].Name}: {problem}";
            }
        }

        if (domains.Any(domain => domain.CareOfAddress is not null))
        {
            yield return "IPv4 is not carried while a VM is away";
        }
    }

    private static string[] Row(DomainStatus domain) =>
    [
        domain.Name,
        domain.State,
        domain.Interface.ToString(),
        domain.HomeAddress?.ToString() ?? "-",
        domain.CareOfAddress?.ToString() ?? "-",
        domain.HomeAgent.ToString(),
        domain.Binding,
        domain.RemainingLifetime is { } seconds ? string.Create(CultureInfo.InvariantCulture, $"{seconds} s") : "-",
        domain.DataPath switch
        {
            DataPath.HomeLink => "home-link",
            DataPath.HomeAgentTunnel => "home-agent-tunnel",
            DataPath.HandOverTunnel => "hand-over-tunnel",
            _ => "none",
        },
    ];
}
