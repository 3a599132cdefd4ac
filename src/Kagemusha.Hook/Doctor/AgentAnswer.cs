using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>Whether the agent answers, and what it says of the rest.</summary>
internal static class AgentAnswer
{
    public const string Check = "agent";

    private static readonly Finding OnlyRoot = Finding.Unknown(Check, "not asked: only root may", "run it as root");

    private static string Version => typeof(AgentAnswer).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <param name="socket">Where it is asked.</param>
    public static IEnumerable<Finding> Look(string socket)
    {
        try
        {
            return Judge(ControlClient.CallAsync(socket, new DoctorRequest(), CommandLine.Deadline).GetAwaiter().GetResult(), Version);
        }
        catch (ControlException e)
        {
            return [e.ExitCode == ExitCode.Permission ? OnlyRoot : Finding.Error(Check, e.Message, "every move needs it, and the rest was not looked at")];
        }
    }

    /// <summary>What an answer says.</summary>
    /// <param name="reply">The answer.</param>
    /// <param name="version">This program's version.</param>
    public static IEnumerable<Finding> Judge(ControlReply reply, string version) => reply switch
    {
        DoctorReply answer when answer.Version == version => [Finding.Ok(Check, $"kagemushad {version} answers"), .. answer.Findings],
        DoctorReply answer =>
        [
            Finding.Warning(Check, $"kagemushad is {answer.Version}, this program {version}", "install the same version of both, then 'systemctl restart kagemushad'"),
            .. answer.Findings,
        ],
        Failed { ExitCode: ExitCode.Permission } => [OnlyRoot],
        Failed failed => [Finding.Error(Check, failed.Error, "see 'journalctl -u kagemushad'")],
        _ => [Finding.Error(Check, "kagemushad answered something else", "install the same version of all programs")],
    };
}
