using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using CommandLine;
using CommandLine.Text;
using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>The administrator's verbs.</summary>
internal static class CommandLine
{
    /// <summary>For all of a request; <c>enroll</c> alone waits 5 s for the home router.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    /// <summary>Parses the arguments and does what they say.</summary>
    // The parser finds verbs and options by reflection, of which Native AOT otherwise keeps nothing.
    [DynamicDependency(DynamicallyAccessedMemberTypes.All, typeof(EnrollVerb))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.All, typeof(UnenrollVerb))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.All, typeof(StatusVerb))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.All, typeof(HistoryVerb))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.All, typeof(RecoverVerb))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.All, typeof(DoctorVerb))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.All, typeof(MigrateVerb))]
    public static ExitCode Run(string[] args)
    {
        if (OptionValues.FirstMissing(args) is { } option)
        {
            return Terminal.Fail(ExitCode.Usage, $"Option '{option}' has no value. See kagemusha-hook --help.");
        }

        using var parser = new Parser(settings =>
        {
            settings.HelpWriter = null;
            settings.EnableDashDash = true;
            settings.AllowMultiInstance = true;
        });
        var result = parser.ParseArguments<EnrollVerb, UnenrollVerb, StatusVerb, HistoryVerb, RecoverVerb, DoctorVerb, MigrateVerb>(args);
        try
        {
            return result is NotParsed<object> failed ? Explain(failed) : Do((IVerb)result.Value);
        }
        catch (FormatException e)
        {
            return Terminal.Fail(ExitCode.Usage, e.Message);
        }
        catch (ControlException e)
        {
            return Terminal.Fail(e.ExitCode, e.Message);
        }
    }

    private static ExitCode Explain(NotParsed<object> failed)
    {
        if (failed.Errors.IsHelp() || failed.Errors.IsVersion())
        {
            Console.Out.WriteLine(HelpText.AutoBuild(failed, help =>
            {
                help.Heading = "kagemusha-hook: VMs that keep their IPv6 address when they move";
                help.Copyright = "";
                help.AdditionalNewLineAfterOption = false;
                return HelpText.DefaultParsingErrorsHandler(failed, help);
            }));
            return ExitCode.Done;
        }

        var what = failed.Errors.First() switch
        {
            MissingRequiredOptionError { NameInfo.NameText: "" } when failed.TypeInfo.Current == typeof(MigrateVerb) =>
                "DOMAIN or DESTURI is missing: they go before the options, or behind --.",
            MissingRequiredOptionError { NameInfo.NameText: "" } => "DOMAIN is missing: it goes before the options, or behind --.",
            var error => SentenceBuilder.Create().FormatError(error),
        };
        return Terminal.Fail(ExitCode.Usage, $"{what} See kagemusha-hook --help.");
    }

    private static ExitCode Do(IVerb verb)
    {
        if (verb.Surplus.FirstOrDefault() is { } surplus)
        {
            return Terminal.Fail(ExitCode.Usage, $"'{surplus}' is too much: {(verb is DoctorVerb ? "doctor looks at the whole host" : "one domain at a time")}.");
        }

        if (verb is DoctorVerb doctor)
        {
            return Examination.Run(doctor);
        }

        var request = (verb as Verb)?.Request();
        if (!Environment.IsPrivilegedProcess && request is not { IsReadOnly: true })
        {
            return Terminal.Fail(ExitCode.Permission, "only root may do this");
        }

        return request is null ? Migration.Run((MigrateVerb)verb) : Ask((Verb)verb, request);
    }

    private static ExitCode Ask(Verb verb, ControlRequest request)
    {
        var watched = verb is StatusVerb { Watch: true };
        while (true)
        {
            var exitCode = ControlClient.CallAsync(ControlPaths.Socket, request, Deadline).GetAwaiter().GetResult() switch
            {
                Done done => Print(done.Notes),
                StatusReply status => Print(status.Domains, (StatusVerb)verb),
                HistoryReply history => Print(history.Moves, (HistoryVerb)verb),
                RecoverReply recovered => Print(recovered.Domains),
                Failed failed => Terminal.Fail(failed.ExitCode, failed.Error),
                _ => Terminal.Fail(ExitCode.AgentUnreachable, "kagemushad answered something else"),
            };
            if (!watched || exitCode != ExitCode.Done)
            {
                return exitCode;
            }

            Thread.Sleep(WatchInterval);
        }
    }

    private static ExitCode Print(IReadOnlyList<string> lines)
    {
        foreach (var line in lines)
        {
            Console.Out.WriteLine(line);
        }

        return ExitCode.Done;
    }

    /// <summary>Each domain's lines; the exit code is the first that is not right.</summary>
    private static ExitCode Print(IReadOnlyList<DomainRecovery> domains)
    {
        if (domains.Count == 0)
        {
            return Print(["no VM that is enrolled runs on this host"]);
        }

        foreach (var domain in domains)
        {
            Print(domain.Notes);
            if (domain.Error is { } error)
            {
                Terminal.Fail(domain.ExitCode, error);
            }
        }

        return domains.FirstOrDefault(domain => domain.Error is not null)?.ExitCode ?? ExitCode.Done;
    }

    private static ExitCode Print(IReadOnlyList<DomainStatus> domains, StatusVerb verb)
    {
        if (verb.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(domains, ControlJson.Default.IReadOnlyListDomainStatus));
            return ExitCode.Done;
        }

        if (verb.Watch && !Console.IsOutputRedirected)
        {
            Console.Out.Write(Terminal.Clear);
        }

        return Print([.. StatusTable.Lines(domains)]);
    }

    private static ExitCode Print(IReadOnlyList<Move> moves, HistoryVerb verb)
    {
        if (verb.Html is { } path)
        {
            var both = TwoEnds.Pair(moves, verb.With is { } other ? PageFile.Read(other) : []);
            PageFile.Write(path, HistoryPage.Create([.. both.Reverse()], Environment.MachineName, DateTimeOffset.UtcNow));
            return ExitCode.Done;
        }

        return Print(
            verb.Json
                ? [JsonSerializer.Serialize(moves, ControlJson.Default.IReadOnlyListMove)]
                : [.. HistoryTable.Lines(moves, withSteps: verb.Domain is not null)]);
    }
}
