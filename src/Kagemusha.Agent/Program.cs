using System.Runtime.InteropServices;
using Kagemusha.Agent;
using Kagemusha.Control;
using Kagemusha.Linux;

if (args.Length > 0)
{
    return Fail(ExitCode.Usage, $"kagemushad takes no arguments; its configuration is {AgentConfiguration.Path}");
}

if (!Environment.IsPrivilegedProcess)
{
    return Fail(ExitCode.Permission, "kagemushad configures the kernel and has to run as root");
}

AgentConfiguration configuration;
try
{
    configuration = AgentConfiguration.Read();
}
catch (Kagemusha.ConfigurationException e)
{
    return Fail(ExitCode.Usage, e.Message);
}

try
{
    using var server = new ControlServer(ControlPaths.Socket);
    var loop = new AgentLoop();
    using var stop = new CancellationTokenSource();
    using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    var log = new AgentLog();
    loop.Run(async () =>
    {
        using var agent = new Agent(configuration, loop, log);
        log.Info($"kagemushad has started on {Environment.MachineName}");
        await agent.RunAsync(server, stop.Token);
        log.Info("kagemushad ends; what it has set in the kernel stays for the next one");
    });
    return (int)ExitCode.Done;

    void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        stop.Cancel();
    }
}
catch (ControlException e)
{
    return Fail(e.ExitCode, e.Message);
}
catch (Exception e) when (e is IOException or KernelException or UnauthorizedAccessException)
{
    return Fail(ExitCode.Failed, e.Message);
}

static int Fail(ExitCode code, string line)
{
    Console.Error.WriteLine($"kagemushad: {line}");
    return (int)code;
}
