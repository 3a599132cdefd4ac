using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>A request that is not carried out; the message is one line that says what is wrong and what helps.</summary>
/// <param name="message">The line.</param>
/// <param name="exitCode">What the caller's program ends with.</param>
internal sealed class RefusedException(string message, ExitCode exitCode = ExitCode.Refused) : Exception(message)
{
    public ExitCode ExitCode { get; } = exitCode;
}
