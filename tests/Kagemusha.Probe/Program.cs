using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Kagemusha.Probe;

/// <summary>
/// <code>
/// kagemusha-probe guest
/// kagemusha-probe correspondent --guest ADDRESS --interval-ms N [--duration SECONDS] --out FILE [--progress]
/// kagemusha-probe control --interval-ms N --out FILE
/// </code>
/// </summary>
internal static partial class Program
{
    private const int Failed = 1;
    private const int Usage = 2;
    private const int Priority = 50;

    // bits/sched.h
    private const int SCHED_FIFO = 1;

    private static volatile bool Ended;

    private static int Main(string[] arguments)
    {
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        try
        {
            return arguments switch
            {
                ["guest"] => RunGuest(),
                ["correspondent", .. var options] => RunCorrespondent(options),
                ["control", "--interval-ms", var text, "--out", { Length: > 0 } file]
                    when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var interval) && interval > 0
                    => RunControl(interval, file),
                _ => Refuse("guest | correspondent --guest ADDRESS --interval-ms N [--duration SECONDS] --out FILE [--progress]"
                    + " | control --interval-ms N --out FILE"),
            };
        }
        catch (Exception e) when (e is SocketException or IOException or System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine($"kagemusha-probe: {e.Message}");
            return Failed;
        }

        static void End(PosixSignalContext context)
        {
            context.Cancel = true;
            Ended = true;
        }
    }

    private static int RunGuest()
    {
        using var guest = new Guest();
        Console.WriteLine($"kagemusha-probe: at {guest.WaitForAddress()}");
        TakeRealTimePriority();
        guest.Run(() => Ended);
        return 0;
    }

    private static int RunCorrespondent(string[] options)
    {
        IPAddress? guest = null;
        string? file = null;
        var interval = 0;
        TimeSpan? duration = null;
        var progress = false;
        for (var i = 0; i < options.Length; i++)
        {
            var value = i + 1 < options.Length ? options[i + 1] : "";
            switch (options[i])
            {
                case "--guest" when IPAddress.TryParse(value, out guest) && guest.AddressFamily == AddressFamily.InterNetworkV6:
                case "--interval-ms"
                    when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out interval) && interval > 0:
                    i++;
                    break;
                case "--duration"
                    when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0:
                    duration = TimeSpan.FromSeconds(seconds);
                    i++;
                    break;
                case "--out" when value.Length > 0:
                    file = value;
                    i++;
                    break;
                case "--progress":
                    progress = true;
                    break;
                default:
                    return Refuse($"{options[i]} {value}: no such option, or no value that it takes");
            }
        }

        if (guest is null || interval == 0 || file is null)
        {
            return Refuse("--guest, --interval-ms and --out are needed");
        }

        if (duration is { } time && time.TotalMilliseconds / interval > ProbePacket.MaximumCount)
        {
            return Refuse($"a run has at most {ProbePacket.MaximumCount} probes");
        }

        TakeRealTimePriority();
        using var correspondent = new Correspondent(guest, interval, duration, progress);
        if (correspondent.Run(() => Ended) is not { } record)
        {
            Console.Error.WriteLine($"kagemusha-probe: {guest} never answered");
            return Failed;
        }

        File.WriteAllBytes(file, JsonSerializer.SerializeToUtf8Bytes(record, ProbeRecordJson.Default.ProbeRecord));
        if (record.ReceivedByGuest is null)
        {
            Console.Error.WriteLine($"kagemusha-probe: {guest} gave no report");
            return Failed;
        }

        return 0;
    }

    private static int RunControl(int intervalMs, string file)
    {
        TakeRealTimePriority();
        var record = Control.Run(intervalMs, () => Ended);
        File.WriteAllBytes(file, JsonSerializer.SerializeToUtf8Bytes(record, ControlRecordJson.Default.ControlRecord));
        return 0;
    }

    private static int Refuse(string line)
    {
        Console.Error.WriteLine($"kagemusha-probe: {line}");
        return Usage;
    }

    private static void TakeRealTimePriority()
    {
        // struct sched_param: int sched_priority
        if (sched_setscheduler(0, SCHED_FIFO, Priority) != 0)
        {
            Console.Error.WriteLine($"kagemusha-probe: no real-time priority: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    // Tmds.LibC has none.
    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int sched_setscheduler(int thread, int policy, in int priority);
}
