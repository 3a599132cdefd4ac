using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>Whether systemd starts the agent.</summary>
internal static class AgentUnit
{
    public const string Check = "unit";

    private const string Unit = "kagemushad.service";

    // What is found first counts (systemd.unit(5)).
    private static readonly string[] Directories = ["etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"];

    /// <param name="root">The directory that everything is in: / but for tests.</param>
    public static IEnumerable<Finding> Look(string root)
    {
        var unit = Directories.Select(directory => new FileInfo(Path.Combine(root, directory, Unit))).FirstOrDefault(file => file.Exists || file.LinkTarget is not null);
        var place = unit is null ? "" : $"/{Path.GetRelativePath(root, unit.FullName)}";
        yield return unit is null ? Finding.Warning(Check, $"systemd has no {Unit}: nobody starts the agent", "run scripts/install")
            : unit.LinkTarget == "/dev/null" ? Finding.Warning(Check, $"{Unit} is masked: nobody starts the agent", $"systemctl unmask {Unit}")
            : !IsWanted(root) ? Finding.Warning(Check, $"{place} is not enabled: the agent is not there after a reboot", "systemctl enable --now kagemushad")
            : Finding.Ok(Check, $"{place} is enabled");
    }

    private static bool IsWanted(string root) => Directories
        .Select(directory => Path.Combine(root, directory)).Where(Directory.Exists)
        .SelectMany(directory => Directory.GetDirectories(directory, "*.wants").Concat(Directory.GetDirectories(directory, "*.requires")))
        .Any(wants => new FileInfo(Path.Combine(wants, Unit)) is var link && (link.Exists || link.LinkTarget is not null));
}
