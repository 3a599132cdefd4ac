using Kagemusha.Control;
using LibvirtSharp;

namespace Kagemusha.Hook;

/// <summary>Whether libvirt answers, and is new enough.</summary>
internal static class LibvirtDaemon
{
    public const string Check = "libvirt";

    private const string Uri = "qemu:///system";

    // The first that looks into qemu.d.
    private static readonly Version Oldest = new(6, 5, 0);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public static IEnumerable<Finding> Look()
    {
        try
        {
            // A call into the library cannot be given up: its thread ends with this program.
            var asked = Task.Factory.StartNew(Ask, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return [asked.Wait(Deadline) ? Judge(asked.Result) : Failed($"does not answer within {Deadline.TotalSeconds:0} s", Environment.IsPrivilegedProcess)];
        }
        catch (AggregateException e) when (e.InnerException is LibvirtException failure)
        {
            return [Failed($"does not answer at {Uri}: {failure.Message}", Environment.IsPrivilegedProcess)];
        }
        catch (AggregateException e) when (e.InnerException is DllNotFoundException)
        {
            return [Finding.Error(Check, "its library, libvirt.so.0, is not there", "install libvirt")];
        }
    }

    /// <summary>Whether a version will do.</summary>
    public static Finding Judge(Version version) => version >= Oldest
        ? Finding.Ok(Check, $"{version} answers at {Uri}")
        : Finding.Error(Check, $"{version} is older than {Oldest} and does not look into hooks/qemu.d", $"upgrade it to {Oldest} or later");

    /// <summary>What it means that it does not answer.</summary>
    public static Finding Failed(string what, bool isRoot) => isRoot
        ? Finding.Error(Check, what, "'systemctl start libvirtd' (virtqemud, where libvirt is split); 'journalctl -u libvirtd' says why it ended")
        : Finding.Unknown(Check, what, "run it as root");

    private static Version Ask()
    {
        using var connection = LibvirtConnection.Open(Uri);
        return connection.GetLibraryVersion();
    }
}
