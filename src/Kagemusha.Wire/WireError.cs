namespace Kagemusha.Wire;

/// <summary>Why bytes are not what they should be: a peer's fault, so a value and no exception.</summary>
/// <param name="What">What is wrong, in one sentence without a full stop.</param>
/// <param name="Offset">Where, in bytes from the start of what was parsed.</param>
public readonly record struct WireError(string What, int Offset)
{
    /// <summary>Whether the sender is to be told by an ICMPv6 parameter problem that points there (RFC 6275, section 9.2).</summary>
    public bool NeedsParameterProblem { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{What} (at byte {Offset})";

    internal WireError Shifted(int by) => this with { Offset = Offset + by };
}
