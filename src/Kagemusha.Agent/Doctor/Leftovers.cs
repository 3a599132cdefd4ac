using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>What is still there of guests that are not here.</summary>
/// <param name="Links">Links with names of ours that no guest needs.</param>
/// <param name="Files">State files and markers that are no VM's.</param>
internal sealed record Leftovers(IReadOnlyList<string> Links, IReadOnlyList<string> Files)
{
    public const string Check = "leftovers";

    // Their names are a list of what to look at; more would be no line any more.
    private const int MostNames = 8;

    /// <summary>The files of no VM, and those that were set aside.</summary>
    /// <param name="known">The VMs that libvirt or this agent knows.</param>
    /// <param name="coming">Those that are coming here.</param>
    /// <param name="stateDirectory">Where state files are.</param>
    /// <param name="markerDirectory">Where markers of incoming migrations are.</param>
    public static IEnumerable<string> FilesOfNobody(
        IReadOnlySet<Guid> known, IReadOnlySet<Guid> coming, string stateDirectory, string markerDirectory) =>
    [
        .. In(stateDirectory).Where(file => Path.GetExtension(file) switch
        {
            ".json" => Guid.TryParse(Path.GetFileNameWithoutExtension(file), out var uuid) && !known.Contains(uuid),
            ".damaged" => true,
            _ => false,
        }),
        .. In(markerDirectory).Where(file => Guid.TryParse(Path.GetFileName(file), out var uuid) && !coming.Contains(uuid)),
    ];

    /// <summary>Whether there is anything.</summary>
    public IEnumerable<Finding> Judge()
    {
        if (Links.Count > 0)
        {
            yield return Finding.Warning(
                Check, $"links that no enrolled VM needs: {Names(Links)}", "if they are no other program's: 'ip link delete NAME' for each, or 'systemctl restart kagemushad'");
        }

        if (Files.Count > 0)
        {
            yield return Finding.Warning(Check, $"files of VMs that libvirt does not know: {Names(Files)}", "remove them");
        }

        if (Links.Count == 0 && Files.Count == 0)
        {
            yield return Finding.Ok(Check, "none");
        }
    }

    private static string Names(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(MostNames)) + (names.Count > MostNames ? $" and {names.Count - MostNames} more" : "");

    private static IEnumerable<string> In(string directory) =>
        Directory.Exists(directory) ? Directory.GetFiles(directory).Order(StringComparer.Ordinal) : [];
}
