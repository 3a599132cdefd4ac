using System.Globalization;

namespace Kagemusha.Agent;

/// <summary>Whether the kernel itself (vhost-net) reads a domain's taps, in QEMU's place: its threads have QEMU's number in their names.</summary>
internal static class VhostThreads
{
    private const string Processes = "/proc";

    /// <param name="domain">The domain's name.</param>
    public static bool Serve(string domain)
    {
        try
        {
            var qemu = File.ReadAllText($"/run/libvirt/qemu/{domain}.pid").Trim();
            var name = $"vhost-{int.Parse(qemu, CultureInfo.InvariantCulture)}";
            // Since Linux 6.4 they are threads of QEMU's, before that processes of the kernel's.
            return Directory.EnumerateDirectories($"{Processes}/{qemu}/task").Concat(Directory.EnumerateDirectories(Processes))
                .Any(thread => NameOf(thread) == name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return false;
        }
    }

    private static string? NameOf(string thread)
    {
        try
        {
            var name = Path.Combine(thread, "comm");
            return File.Exists(name) ? File.ReadAllText(name).Trim() : null;
        }
        catch (IOException)
        {
            // It has ended.
            return null;
        }
    }
}
