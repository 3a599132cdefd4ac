using System.Globalization;
using Kagemusha.Control;
using NLog;
using NLog.Config;
using NLog.Layouts;
using NLog.Targets;

namespace Kagemusha.Hook;

/// <summary>The domain's own log, which libvirt keeps: what the hook decided without the agent has its line there.</summary>
internal static class DomainLog
{
    /// <summary>Adds a line, or does nothing where that is not possible: a log is no reason to fail.</summary>
    public static void Write(HookArguments call, string outcome, TimeSpan took)
    {
        if (ControlPaths.DomainLog(call.Guest) is not { } path)
        {
            return;
        }

        using var target = new FileTarget
        {
            // A name is not a layout: it may hold ${...}.
            FileName = Layout.FromLiteral(path),
            Layout = "${date:universalTime=true:format=yyyy-MM-dd HH\\:mm\\:ss.fff}+0000: kagemusha-hook: ${message}",
            KeepFileOpen = false,
            CreateDirs = false,
        };
        var configuration = new LoggingConfiguration();
        configuration.AddRuleForAllLevels(target);
        using var logs = new LogFactory { Configuration = configuration, ThrowExceptions = false };
        var milliseconds = took.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
        logs.GetLogger("hook").Log(new LogEventInfo(LogLevel.Warn, "hook", $"{call}: {outcome} ({milliseconds} ms)"));
    }
}
