using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>Whether SELinux may be in the hook's way.</summary>
internal static class SeLinux
{
    public const string Check = "SELinux";

    /// <param name="root">The directory that everything is in: / but for tests.</param>
    public static IEnumerable<Finding> Look(string root)
    {
        var enforce = Path.Combine(root, "sys/fs/selinux/enforce");
        yield return !File.Exists(enforce) ? Finding.Ok(Check, "is not on")
            : File.ReadAllText(enforce).Trim() != "1" ? Finding.Ok(Check, "is permissive")
            : Finding.Unknown(
                Check,
                "is enforcing, and what its policy lets libvirt start is not looked at",
                $"after a move 'ausearch -m avc -c kagemusha' should say nothing; if it does, 'restorecon -v {HookInstallation.Hook} {HookInstallation.Program} /usr/sbin/kagemushad'");
    }
}
