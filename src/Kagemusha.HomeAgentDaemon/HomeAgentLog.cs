using System.Diagnostics;
using System.Globalization;
using Kagemusha.Mobility;
using NLog;
using NLog.Config;
using NLog.Targets;
using NLog.Targets.Wrappers;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>The home agent's log: standard error (the journal) and, where it can be written, a file. One line for each decision.</summary>
internal static class HomeAgentLog
{
    public const string DefaultPath = "/var/log/kagemusha/home-agent.log";

    // Anybody can send updates that are refused: not more lines than this in a minute.
    private const int MostLinesInAMinute = 6000;

    private static readonly RefusalLog Refusals = new();

    /// <summary>Begins to log.</summary>
    public static void Open(string path = DefaultPath)
    {
        var configuration = new LoggingConfiguration();
#pragma warning disable CA2000 // LogManager.Shutdown disposes of targets.
        configuration.AddRule(LogLevel.Info, LogLevel.Fatal, Limited(new ConsoleTarget("stderr") { StdErr = true, Layout = "${message}" }));
        configuration.AddRule(LogLevel.Debug, LogLevel.Fatal, Limited(new FileTarget("file")
        {
            FileName = path,
            Layout = "${date:universalTime=true:format=yyyy-MM-dd HH\\:mm\\:ss.fff+0000} ${level:lowercase=true} ${message}",
            ArchiveAboveSize = 16 << 20,
            MaxArchiveFiles = 4,
        }));
#pragma warning restore CA2000
        LogManager.ThrowExceptions = false;
        LogManager.Configuration = configuration;
    }

    /// <summary>Writes what the home agent has decided.</summary>
    public static void Write(Logger log, HomeAgentEffect effect)
    {
        switch (effect)
        {
            case HomeAgentEffect.BindingChanged { Binding: var binding, Change: var change } changed:
                var (home, careOf) = (binding.HomeAddress, binding.CareOfAddress);
                log.Info(CultureInfo.InvariantCulture, change switch
                {
                    BindingCacheChange.Deregistered => $"{home}: de-registered; it was at {careOf}",
                    BindingCacheChange.Expired => $"{home}: expired; it was at {careOf}",
                    BindingCacheChange.Abandoned => $"{home}: given up; it was to be at {careOf}",
                    _ => $"{home}: {Verb(change)} at {careOf} for {changed.Remaining.TotalSeconds:0} s, update {binding.Sequence}",
                });
                break;
            case HomeAgentEffect.HomePrefixesChanged { Prefixes: var prefixes }:
                log.Info(prefixes.Count == 0
                    ? "home prefixes: none; nothing can be registered until a router advertises one on the home link, or prefixes is set"
                    : $"home prefixes: {string.Join(", ", prefixes.Select(p => $"{p.Prefix} ({Origin(p.Origin)})"))}");
                break;
            case HomeAgentEffect.Refused refused:
                foreach (var line in Refusals.Lines(Stopwatch.GetElapsedTime(0), refused))
                {
                    log.Warn(line);
                }

                break;
            case HomeAgentEffect.Discarded discarded:
                log.Debug($"discarded a packet from {discarded.Source}: {discarded.Reason}");
                break;
        }
    }

    private static string Origin(HomePrefixOrigin origin) => origin switch
    {
        HomePrefixOrigin.Configuration => "set",
        HomePrefixOrigin.OwnAddress => "of this machine's address; no router advertises it yet",
        _ => "advertised by a router",
    };

    private static string Verb(BindingCacheChange change) => change switch
    {
        BindingCacheChange.Registered => "registered",
        BindingCacheChange.Refreshed => "refreshed",
        _ => "moved; now",
    };

    private static LimitingTargetWrapper Limited(Target target) => new(target, MostLinesInAMinute, TimeSpan.FromMinutes(1));
}
