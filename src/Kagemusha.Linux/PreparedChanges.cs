namespace Kagemusha.Linux;

/// <summary>
/// Objects that are ready to take the places of others: the indexes of their links are known. For a moment in which there is no time to look
/// first.
/// </summary>
public sealed class PreparedChanges
{
    private readonly Kernel _kernel;
    private readonly IReadOnlyList<Change> _changes;
    private readonly IReadOnlyDictionary<string, int> _links;
    private readonly byte _protocol;

    internal PreparedChanges(Kernel kernel, IReadOnlyList<Change> changes, IReadOnlyDictionary<string, int> links, byte protocol) =>
        (_kernel, _changes, _links, _protocol) = (kernel, changes, links, protocol);

    /// <summary>Puts them in their places, all in one send.</summary>
    /// <exception cref="KernelException">The kernel refused one; the others are done.</exception>
    public void Carry() => _kernel.Carry(_changes, _links, _protocol);
}
