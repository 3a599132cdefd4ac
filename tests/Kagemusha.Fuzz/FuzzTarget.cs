namespace Kagemusha.Fuzz;

/// <summary>A parser, and what holds of it for any bytes.</summary>
/// <param name="Name">As the corpus's directory is called.</param>
/// <param name="Check">Throws where it does not hold.</param>
internal sealed record FuzzTarget(string Name, Action<byte[]> Check)
{
    /// <summary>All parsers that read what somebody else wrote.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
        [.. PacketTargets.All, .. MessageTargets.All, .. XmlTargets.All, .. FileTargets.All, .. NetlinkTargets.All];

    public override string ToString() => Name;
}

/// <summary>Something does not hold.</summary>
internal sealed class BrokenPropertyException(string message) : Exception(message)
{
    /// <summary>What has to be true.</summary>
    public static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new BrokenPropertyException(message);
        }
    }
}
