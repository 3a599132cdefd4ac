using System.Net.Sockets;

namespace Kagemusha.Control;

/// <summary>Asks the agent.</summary>
public static class ControlClient
{
    // Read at the source of a migration, where libvirt shows the destination's errors: it says which host is meant.
    private static string Host => Environment.MachineName;

    /// <summary>Sends one request and waits for its reply.</summary>
    /// <param name="path">The agent's socket, <see cref="ControlPaths.Socket"/>.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="deadline">For all of it: to connect, to send, to think and to answer.</param>
    /// <exception cref="ControlException">There is no answer.</exception>
    public static async Task<ControlReply> CallAsync(string path, ControlRequest request, TimeSpan deadline)
    {
        if (deadline <= TimeSpan.Zero)
        {
            throw new ControlException(ExitCode.AgentUnreachable, $"kagemushad on {Host} was not asked: the time for it was over before; this host is too busy");
        }

        using var timeout = new CancellationTokenSource(deadline);
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), timeout.Token);
            await using var stream = new NetworkStream(socket);
            await ControlFrame.WriteAsync(stream, request, ControlJson.Default.ControlRequest, timeout.Token);
            return await ControlFrame.ReadAsync(stream, ControlJson.Default.ControlReply, timeout.Token);
        }
        catch (OperationCanceledException)
        {
            throw new ControlException(
                ExitCode.AgentUnreachable,
                $"kagemushad on {Host} did not answer within {deadline.TotalSeconds:0} s; see 'journalctl -u kagemushad' there");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AccessDenied)
        {
            throw new ControlException(ExitCode.Permission, $"no permission to use {path}: be root, or for what only asks a member of its group");
        }
        catch (SocketException)
        {
            throw new ControlException(
                ExitCode.AgentUnreachable,
                $"kagemushad is not running on {Host}; start it there with 'systemctl start kagemushad'");
        }
        catch (IOException)
        {
            throw new ControlException(
                ExitCode.AgentUnreachable,
                $"kagemushad on {Host} ended without an answer; see 'journalctl -u kagemushad' there");
        }
        catch (InvalidDataException e)
        {
            throw new ControlException(
                ExitCode.AgentUnreachable,
                $"kagemushad on {Host} and this program are not of one version: {e.Message}");
        }
    }
}

/// <summary>Program and agent do not come together; the message is one line for the administrator.</summary>
public sealed class ControlException(ExitCode exitCode, string message) : Exception(message)
{
    /// <summary>What the program ends with.</summary>
    public ExitCode ExitCode { get; } = exitCode;
}
