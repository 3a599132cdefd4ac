using System.Diagnostics;
using System.Text;
using Kagemusha.Control;
using Microsoft.Win32.SafeHandles;

namespace Kagemusha.Hook;

/// <summary>
/// One call by libvirt. It ends by its own deadline whatever hangs, starts no process and calls no libvirt: for most operations
/// libvirt holds the domain's lock, and waits for this program's end without a limit.
/// </summary>
internal sealed class QemuHook
{
    /// <summary>The agent's own work at <c>migrate begin</c> asks other hosts.</summary>
    private static readonly TimeSpan MigrateDeadline = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    /// <summary>Of a guest that comes: without an answer its migration, which may have copied much by then, fails, and a busy host is late.</summary>
    private static readonly TimeSpan IncomingDeadline = TimeSpan.FromSeconds(10);

    /// <summary>For what follows an agent that used up the deadline.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);

    /// <summary>More than a domain's XML ever has; what comes after it is not read.</summary>
    private const int MaximumXmlLength = 4 << 20;

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly HookArguments _arguments;
    private long _deadline; // Ticks of a TimeSpan: two threads use it.
    private volatile ExitCode _exitCode = ExitCode.Done;

    private QemuHook(HookArguments arguments)
    {
        _arguments = arguments;
        _deadline = (arguments.IsMigrateBegin ? MigrateDeadline : Deadline).Ticks;
    }

    /// <summary>Does it.</summary>
    /// <param name="call">What libvirt gives: GUEST OP SUBOP EXTRA.</param>
    public static ExitCode Run(ReadOnlySpan<string> call)
    {
        if (call.Length < 3)
        {
            return Terminal.Fail(ExitCode.Usage, "libvirt calls it as: kagemusha-hook qemu GUEST OPERATION SUB-OPERATION EXTRA");
        }

        var hook = new QemuHook(new(call[0], call[1], call[2], call.Length > 3 ? call[3] : "-"));

        // A read of standard input has no deadline of its own. Whatever this thread still does then ends with the process.
        var thread = new Thread(hook.Answer, maxStackSize: 1 << 20) { IsBackground = true };
        thread.Start();
        while (hook.Left + Grace is var left && left > TimeSpan.Zero && !thread.Join(left))
        {
            // It may have become longer meanwhile.
        }

        return hook._exitCode;
    }

    private TimeSpan Left => TimeSpan.FromTicks(Interlocked.Read(ref _deadline)) - Stopwatch.GetElapsedTime(_started);

    private void Answer()
    {
#pragma warning disable CA1031 // A program that dies of an exception fails where it must not, and a failed reconnect kills the VM.
        var ours = false;
        try
        {
            // Most VMs are not ours, and their XML is not even parsed: without our namespace there is no metadata of ours.
            var xml = ReadStandardInput();
            ours = xml.IndexOf("urn:kagemusha:mobility:"u8) >= 0;
            if (ours)
            {
                Answer(Encoding.UTF8.GetString(xml));
            }
        }
        catch (Exception e)
        {
            Refuse(ours && _arguments.IsMigrateBegin, e.Message);
        }
#pragma warning restore CA1031
    }

    private void Answer(string xml)
    {
        var domain = DomainXml.Parse(xml);
        if (!domain.IsEnrolled)
        {
            return;
        }

        // A start may be refused without the agent only if it is a migration's, which the agent noted while it lived.
        var isMigration = _arguments.IsMigrateBegin;
        if (!isMigration && _arguments.MayRefuse && File.Exists(ControlPaths.IncomingMarker(domain.Uuid)))
        {
            isMigration = true;
            Interlocked.Exchange(ref _deadline, IncomingDeadline.Ticks);
        }

        try
        {
            var call = new HookCall(_arguments.Guest, _arguments.Operation, _arguments.SubOperation, _arguments.Extra, xml);
            Carry(ControlClient.CallAsync(ControlPaths.Socket, call, Left).GetAwaiter().GetResult(), isMigration);
        }
        catch (ControlException e)
        {
            Refuse(isMigration, e.Message);
        }
    }

    private void Carry(ControlReply reply, bool isMigration)
    {
        switch (reply)
        {
            case HookReply { Error: { } error }:
                Refuse(_arguments.MayRefuse, error);
                break;
            case HookReply { Xml: { } changed }:
                using (var output = Console.OpenStandardOutput())
                {
                    output.Write(Encoding.UTF8.GetBytes(changed));
                }

                break;
            case HookReply:
                break;
            case Failed failed:
                Refuse(isMigration, failed.Error);
                break;
            default:
                Refuse(isMigration, "kagemushad answered something else");
                break;
        }
    }

    private void Refuse(bool refused, string error)
    {
        // First of all: what comes after it may hang.
        _exitCode = refused ? ExitCode.Failed : ExitCode.Done;
        if (refused)
        {
            Terminal.Fail(_exitCode, error);
        }

        DomainLog.Write(_arguments, $"{(refused ? "refused" : "went on")}: {error}", Stopwatch.GetElapsedTime(_started));
    }

    private static ReadOnlySpan<byte> ReadStandardInput()
    {
        using var handle = new SafeFileHandle(0, ownsHandle: false);
        using var input = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        var buffer = new byte[64 << 10];
        var length = 0;
        int read;
        while ((read = input.Read(buffer.AsSpan(length))) > 0)
        {
            length += read;
            if (length == buffer.Length && length < MaximumXmlLength)
            {
                Array.Resize(ref buffer, 4 * length);
            }
        }

        return buffer.AsSpan(0, length);
    }
}

/// <summary>What libvirt calls the hook with.</summary>
internal sealed record HookArguments(string Guest, string Operation, string SubOperation, string Extra)
{
    /// <summary>The one operation that asks before anything has happened.</summary>
    public bool IsMigrateBegin => (Operation, SubOperation) is ("migrate", "begin");

    /// <summary>
    /// Whether a refusal can be meant. That of <c>reconnect</c> kills the VM, those of <c>stopped</c> and <c>release</c> are ignored.
    /// </summary>
    public bool MayRefuse => (Operation, SubOperation) is ("migrate" or "prepare" or "start" or "started", "begin");

    /// <inheritdoc/>
    public override string ToString() => $"{Guest} {Operation} {SubOperation} {Extra}";
}
