namespace Kagemusha.Linux;

/// <summary>What the kernel has, as far as it concerns us.</summary>
internal sealed record KernelSnapshot
{
    /// <summary>All links by their names.</summary>
    public required IReadOnlyDictionary<string, NetworkInterface> Interfaces { get; init; }

    /// <summary>
    /// All addresses and permanent neighbours; routes and rules of our protocol; classifiers, and filters where ours may be.
    /// </summary>
    public required IReadOnlyList<KernelObject> Objects { get; init; }

    /// <summary>Those neighbours and filters that carry our protocol.</summary>
    public required IReadOnlySet<KernelObject> Marked { get; init; }

    /// <summary>The values of those settings that are wanted and exist.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>The name behind an index, empty if there is none.</summary>
    public string NameOf(int index) => Interfaces.Values.FirstOrDefault(link => link.Index == index)?.Name ?? "";
}
