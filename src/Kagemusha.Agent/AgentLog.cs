using System.Globalization;
using NLog;

namespace Kagemusha.Agent;

/// <summary>
/// Where the agent's decisions are written: its own log, standard error (the journal), and, one line each, the log that libvirt keeps of the
/// domain, where whoever looks for a VM's story looks first.
/// </summary>
internal sealed class AgentLog
{
    private const string Time = "${date:universalTime=true:format=yyyy-MM-dd HH\\:mm\\:ss.fff}+0000";

    private readonly Logger _agent = LogManager.GetLogger("agent");
    private readonly Logger _domain = LogManager.GetLogger("domain");

    public AgentLog(string agentLogPath = "/var/log/kagemusha/kagemushad.log", string domainLogDirectory = "/var/log/libvirt/qemu")
    {
        LogManager.Setup().LoadConfiguration(log =>
        {
            log.ForLogger().FilterMinLevel(LogLevel.Info).WriteToConsole("${message}", stderr: true);
            log.ForLogger().FilterMinLevel(LogLevel.Debug).WriteToFile(
                agentLogPath,
                Time + " ${level:lowercase=true} ${message}",
                keepFileOpen: false,
                archiveAboveSize: 16 << 20,
                maxArchiveFiles: 4);
            // libvirt and QEMU write to the same file: open, append, close.
            log.ForLogger("domain").WriteToFile(
                domainLogDirectory + "/${event-properties:domain}.log", Time + ": kagemusha: ${event-properties:line}", keepFileOpen: false);
        });
    }

    public void Debug(string message) => _agent.Debug(message);

    public void Info(string message) => _agent.Info(message);

    public void Warn(string message) => _agent.Warn(message);

    public void Error(string message) => _agent.Error(message);

    /// <summary>One decision about one VM, in the agent's log and in the domain's own.</summary>
    /// <param name="domain">The domain's name.</param>
    /// <param name="line">What, from where to where, and the outcome.</param>
    /// <param name="took">How long it took.</param>
    /// <param name="failed">Whether somebody should look.</param>
    public void Decision(string domain, string line, TimeSpan? took = null, bool failed = false)
    {
        var text = took is { } t ? string.Create(CultureInfo.InvariantCulture, $"{line} ({t.TotalMilliseconds:0.0} ms)") : line;
        var entry = new LogEventInfo(failed ? LogLevel.Warn : LogLevel.Info, _domain.Name, $"{domain}: {text}");
        entry.Properties["domain"] = domain;
        entry.Properties["line"] = text;
        _domain.Log(entry);
    }
}
