using System.Text.Json;
using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>
/// <c>doctor</c>: looks at everything that a move will need. What files and libvirt say it looks at by itself, with the agent dead too; the rest it asks the
/// agent.
/// </summary>
internal static class Examination
{
    /// <summary>Looks at all of it and prints what was found.</summary>
    public static ExitCode Run(DoctorVerb verb)
    {
        IReadOnlyList<Finding> findings =
        [
            .. Look(HookInstallation.Check, () => HookInstallation.Look("/")),
            .. Look(AppArmor.Check, () => AppArmor.Look("/")),
            .. Look(SeLinux.Check, () => SeLinux.Look("/")),
            .. Look(LibvirtDaemon.Check, LibvirtDaemon.Look),
            .. Look(AgentUnit.Check, () => AgentUnit.Look("/")),
            .. AgentAnswer.Look(ControlPaths.Socket),
        ];
        foreach (var line in verb.Json
            ? [JsonSerializer.Serialize(findings, ControlJson.Default.IReadOnlyListFinding)]
            : FindingTable.Lines(findings, isColoured: !Console.IsOutputRedirected))
        {
            Console.Out.WriteLine(line);
        }

        return ExitCodeOf(findings, Environment.IsPrivilegedProcess);
    }

    /// <summary>By the worst of them; who could not look at all of it is told that it takes root.</summary>
    public static ExitCode ExitCodeOf(IReadOnlyList<Finding> findings, bool isRoot) =>
        findings.Any(finding => finding.Result == FindingResult.Error) ? ExitCode.Failed
        : !isRoot && findings.Any(finding => finding.Result == FindingResult.Unknown) ? ExitCode.Permission
        : ExitCode.Done;

    private static IEnumerable<Finding> Look(string check, Func<IEnumerable<Finding>> look)
    {
        try
        {
            return [.. look()];
        }
        catch (UnauthorizedAccessException e)
        {
            return [Finding.Unknown(check, $"not looked at: {e.Message}", "run it as root")];
        }
        catch (IOException e)
        {
            return [Finding.Unknown(check, $"not looked at: {e.Message}")];
        }
    }
}
