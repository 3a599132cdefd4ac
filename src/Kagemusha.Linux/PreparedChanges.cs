namespace Kagemusha.Linux;

/// <summary>
/// Objects that are ready to take the places of others: the indexes of their links are known, and the messages are written. For a moment in
/// which there is no time to look first.
/// </summary>
public sealed class PreparedChanges
{
    private readonly Kernel _kernel;
    private readonly IReadOnlyList<Change> _changes;
    private readonly byte[] _messages;

    internal PreparedChanges(Kernel kernel, IReadOnlyList<Change> changes, byte[] messages) => (_kernel, _changes, _messages) = (kernel, changes, messages);

    /// <summary>Puts them in their places: one send and one receive, whatever else the kernel is asked meanwhile.</summary>
    /// <exception cref="KernelException">The kernel refused one, the first of those; the others are done.</exception>
    public void Carry() => _kernel.Carry(_changes, _messages);
}
