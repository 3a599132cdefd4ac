using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>Whether AppArmor lets libvirt start the hook. What is loaded cannot be read: the profile's file is.</summary>
internal static class AppArmor
{
    public const string Check = "AppArmor";

    // The monolithic daemon's profile and the split one's, by name and file.
    private static readonly (string Name, string File)[] Profiles = [("libvirtd", "usr.sbin.libvirtd"), ("virtqemud", "usr.sbin.virtqemud")];

    /// <param name="root">The directory that everything is in: / but for tests.</param>
    public static IEnumerable<Finding> Look(string root)
    {
        if (!IsOn(root))
        {
            return [Finding.Ok(Check, "is not on")];
        }

        var loaded = Path.Combine(root, "sys/kernel/security/apparmor/profiles");
        if (!File.Exists(loaded))
        {
            return [Finding.Unknown(Check, "is on, and /sys/kernel/security is not mounted: which profiles are enforced is not known")];
        }

        var enforced = File.ReadLines(loaded).Where(line => line.EndsWith(" (enforce)", StringComparison.Ordinal)).ToHashSet();
        var found = Profiles.Where(profile => enforced.Contains($"{profile.Name} (enforce)")).Select(profile => Judge(root, profile.Name, profile.File)).ToList();
        return found.Count > 0 ? found : [Finding.Ok(Check, "does not confine libvirt")];
    }

    private static Finding Judge(string root, string name, string file)
    {
        var path = Path.Combine(root, "etc/apparmor.d", file);
        if (!File.Exists(path))
        {
            return Finding.Unknown(Check, $"profile {name} is enforced, and /etc/apparmor.d/{file}, which would say what it allows, is not there");
        }

        var local = Path.Combine(root, "etc/apparmor.d/local", file);
        var profile = AppArmorProfile.Parse(File.ReadLines(path), File.Exists(local) ? File.ReadLines(local) : []);
        var refused = new[] { HookInstallation.Hook, HookInstallation.Program }.Where(program => !profile.MayExecute(program)).ToList();
        return refused.Count == 0
            ? Finding.Ok(Check, $"profile {name} lets libvirt start the hook")
            : Finding.Error(
                Check,
                $"profile {name} does not let libvirt start {string.Join(" and ", refused)}",
                $"add '/etc/libvirt/hooks/** rmix,' and '/usr/bin/kagemusha-hook PUx,' to /etc/apparmor.d/local/{file}, then 'apparmor_parser -r /etc/apparmor.d/{file}'");
    }

    private static bool IsOn(string root)
    {
        var parameter = Path.Combine(root, "sys/module/apparmor/parameters/enabled");
        return File.Exists(parameter) && File.ReadAllText(parameter).Trim() == "Y";
    }
}
