using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>Whether the agent answers.</summary>
internal static class AgentAnswer
{
    public const string Check = "agent";

    /// <param name="socket">Where it is asked.</param>
    public static IEnumerable<Finding> Look(string socket)
    {
        try
        {
            return [Judge(ControlClient.CallAsync(socket, new StatusRequest(null), CommandLine.Deadline).GetAwaiter().GetResult())];
        }
        catch (ControlException e)
        {
            return [e.ExitCode == ExitCode.Permission ? Finding.Unknown(Check, "not asked: only root may", "run it as root") : Finding.Error(Check, e.Message, "every move needs it")];
        }
    }

    private static Finding Judge(ControlReply reply) => reply switch
    {
        Failed failed => Finding.Error(Check, failed.Error, "see 'journalctl -u kagemushad'"),
        _ => Finding.Ok(Check, "kagemushad answers"),
    };
}
