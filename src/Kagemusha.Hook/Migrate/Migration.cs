using System.Runtime.InteropServices;
using System.Text.Json;
using Kagemusha.Control;
using LibvirtSharp;

namespace Kagemusha.Hook;

/// <summary>
/// <c>migrate</c>: looks at both ends, moves the VM and shows how far it is, and in the end what the agent here has seen of the move. What a
/// move needs at the destination its own agent checks, by libvirt's hook, before a byte is copied.
/// </summary>
internal sealed class Migration : IDisposable
{
    private const string LocalUri = "qemu:///system";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly MigrateVerb _verb;
    private readonly LibvirtConnection _there;
    private readonly LibvirtConnection _here;
    private readonly LibvirtDomain _domain;
    private readonly ProgressBar _bar = new();
    private volatile bool _isGivenUp;

    private Migration(MigrateVerb verb, Guid uuid)
    {
        _verb = verb;
        _here = Open(LocalUri);
        try
        {
            _domain = _here.FindByUuid(uuid) ?? throw new ControlException(ExitCode.NotFound, $"libvirt has no domain {verb.Domain} any more");
            _there = Open(verb.Destination);
            using var twin = _there.FindByUuid(uuid);
            if (twin is { IsActive: true })
            {
                throw new ControlException(ExitCode.Refused, $"{verb.Domain} is running at {verb.Destination} already: it is this host's libvirt, or there are two");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Does all of it.</summary>
    /// <exception cref="ControlException">The agent does not answer, or one end is not as it has to be.</exception>
    public static ExitCode Run(MigrateVerb verb)
    {
        // By its name, the domain may be another one by the end.
        var uuid = Ask<StatusReply>(new StatusRequest(verb.Domain)).Domains is [var first, ..] domains
            ? Look(domains, first)
            : throw new ControlException(ExitCode.NotFound, $"{verb.Domain} is not enrolled: virsh migrate moves it as any other VM");
        try
        {
            using var migration = new Migration(verb, uuid);
            return migration.Run() is var exitCode and not ExitCode.Done ? exitCode : Report(verb, uuid);
        }
        catch (LibvirtException e)
        {
            return Terminal.Fail(ExitCode.Libvirt, e.Message);
        }
    }

    public void Dispose()
    {
        _bar.Dispose();
        _domain?.Dispose();
        _there?.Dispose();
        _here?.Dispose();
    }

    /// <summary>What is wrong already is said before the move: it does not get better by it.</summary>
    private static Guid Look(IReadOnlyList<DomainStatus> addresses, DomainStatus first)
    {
        foreach (var problem in addresses.SelectMany(address => address.Problems).Distinct())
        {
            Console.Error.WriteLine($"kagemusha-hook: {first.Name}: {problem}");
        }

        return first.Uuid;
    }

    private ExitCode Run()
    {
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, GiveUp);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, GiveUp);
        var flags = MigrateFlags.Live
            | (_verb.PostCopy ? MigrateFlags.PostCopy : 0)
            | (_verb.Persistent ? MigrateFlags.PersistDestination : 0)
            | (_verb.UndefineSource ? MigrateFlags.UndefineSource : 0);
        var moving = Task.Factory.StartNew(
            () => _domain.Migrate(_there, flags, _verb.Bandwidth), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var convergence = new Convergence();
        while (Task.WaitAny([moving], Interval) < 0)
        {
            Follow(convergence);
        }

        _bar.Dispose();
        return moving.Exception?.InnerException is { } failure ? Explain(failure) : ExitCode.Done;
    }

    private void Follow(Convergence convergence)
    {
        try
        {
            if (_domain.GetJob() is not { Operation: DomainJobOperation.MigrationOut } job)
            {
                return;
            }

            _bar.Show(job);
            if (_verb.PostCopy && convergence.HasStalled(job))
            {
                _domain.StartPostCopy();
                _bar.Say("its memory is written faster than it can be copied: it runs there from now on, and the rest follows");
            }
        }
        catch (LibvirtException)
        {
            // The migration is at its end, or has not begun: what becomes of it is told by itself.
        }
    }

    private void GiveUp(PosixSignalContext signal)
    {
        signal.Cancel = true;
        try
        {
            _isGivenUp = true;
            _domain.AbortJob();
        }
        catch (LibvirtException e)
        {
            _bar.Say($"kagemusha-hook: it cannot be given up now: {e.Message}");
        }
    }

    private ExitCode Explain(Exception failure)
    {
        var what = failure.Message;
        if (_isGivenUp)
        {
            return Terminal.Fail(ExitCode.Failed, $"given up; {Place()}");
        }

        var exitCode = (failure as LibvirtException)?.Code == LibvirtErrorCode.HookScriptFailed ? ExitCode.Refused : ExitCode.Libvirt;
        return Terminal.Fail(exitCode, $"{what}; {Place()}");
    }

    private string Place()
    {
        try
        {
            return _domain.GetState().State is DomainState.Running ? $"{_domain.Name} goes on here" : $"{_domain.Name} does not run here";
        }
        catch (LibvirtException e)
        {
            return e.Message;
        }
    }

    private static ExitCode Report(MigrateVerb verb, Guid uuid)
    {
        var move = Ask<HistoryReply>(new HistoryRequest($"{uuid}")).Moves[^1];
        foreach (var line in verb.Json ? [JsonSerializer.Serialize(move, ControlJson.Default.Move)] : HistoryTable.Lines([move], withSteps: true))
        {
            Console.Out.WriteLine(line);
        }

        return ExitCode.Done;
    }

    private static T Ask<T>(ControlRequest request)
        where T : ControlReply => ControlClient.CallAsync(ControlPaths.Socket, request, CommandLine.Deadline).GetAwaiter().GetResult() switch
        {
            T reply => reply,
            Failed failed => throw new ControlException(failed.ExitCode, failed.Error),
            _ => throw new ControlException(ExitCode.AgentUnreachable, "kagemushad answered something else"),
        };

    private static LibvirtConnection Open(string uri)
    {
        try
        {
            return LibvirtConnection.Open(uri);
        }
        catch (LibvirtException e)
        {
            throw new ControlException(ExitCode.Libvirt, $"libvirt at {uri}: {e.Message}");
        }
    }
}
