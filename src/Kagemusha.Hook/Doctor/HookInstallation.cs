using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>Whether libvirt calls the hook, and once.</summary>
internal static class HookInstallation
{
    public const string Check = "hook";

    /// <summary>Where libvirt looks for it, and what it starts.</summary>
    public const string Hook = "/etc/libvirt/hooks/qemu.d/kagemusha";

    public const string Program = "/usr/bin/kagemusha-hook";

    // libvirt calls this one, too, and before those in qemu.d.
    private const string OldHook = "/etc/libvirt/hooks/qemu";
    private const string Install = "run scripts/install, then 'systemctl reload libvirtd' (virtqemud, where libvirt is split)";
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    // No script that calls another is longer.
    private const int LongestHook = 1 << 16;

    /// <param name="root">The directory that everything is in: / but for tests.</param>
    public static IEnumerable<Finding> Look(string root)
    {
        var found = Look(root, Hook, mentions: Program).Concat(Look(root, Program, mentions: null)).Concat(Seconds(root)).ToList();
        return found.Count > 0 ? found : [Finding.Ok(Check, $"{Hook} is executable, and the only one")];
    }

    private static IEnumerable<Finding> Look(string root, string path, string? mentions)
    {
        if (ModeOf(root, path) is not { } mode)
        {
            yield return Finding.Error(Check, $"{path} is not there", Install);
        }
        else if ((mode & Executable) == 0)
        {
            yield return Finding.Error(Check, $"{path} is not executable", $"chmod 755 {path}, then 'systemctl reload libvirtd'");
        }
        else if (mentions is not null && !Read(root, path).Contains(mentions, StringComparison.Ordinal))
        {
            yield return Finding.Error(Check, $"{path} does not start {mentions}", Install);
        }
    }

    // Whatever the name: libvirt starts every executable file there, an old copy too.
    private static IEnumerable<Finding> Seconds(string root)
    {
        var directory = Place(root, Path.GetDirectoryName(Hook)!);
        IEnumerable<string> others = Directory.Exists(directory) ? Directory.GetFiles(directory).Order(StringComparer.Ordinal).Select(file => $"{Path.GetDirectoryName(Hook)}/{Path.GetFileName(file)}") : [];
        foreach (var other in others.Where(other => other != Hook).Prepend(OldHook))
        {
            if (ModeOf(root, other) is { } mode && (mode & Executable) != 0 && Read(root, other).Contains("kagemusha", StringComparison.Ordinal))
            {
                yield return Finding.Error(
                    Check, $"{other} is a second copy: the agent is told everything twice", $"remove it, then 'systemctl reload libvirtd'");
            }
        }
    }

    private static UnixFileMode? ModeOf(string root, string path)
    {
        try
        {
            var place = Place(root, path);
            return Directory.Exists(place) ? null : File.GetUnixFileMode(place);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static string Read(string root, string path)
    {
        using var file = new StreamReader(Place(root, path));
        var text = new char[LongestHook];
        return new(text, 0, file.ReadBlock(text));
    }

    private static string Place(string root, string path) => Path.Combine(root, path[1..]);
}
