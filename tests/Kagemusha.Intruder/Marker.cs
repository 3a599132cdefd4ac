namespace Kagemusha.Intruder;

/// <summary>
/// Six bytes that are in each frame of an attack, by which it is known wherever it is seen, tunnelled or quoted. They make a unicast link-layer address, too.
/// <code>
/// | 02 | 6b | 69 | 6e | attack | frame |
/// </code>
/// </summary>
internal sealed class Marker(byte attack)
{
    private static readonly byte[] Start = [0x02, 0x6b, 0x69, 0x6e];

    private byte _frame;

    /// <summary>The bytes for one more frame.</summary>
    public byte[] Next() => [.. Start, attack, _frame++];

    /// <summary>Looks for one.</summary>
    public static (byte Attack, byte Frame)? Find(ReadOnlySpan<byte> frame)
    {
        var at = frame.IndexOf(Start);
        return at < 0 || at + Start.Length + 2 > frame.Length ? null : (frame[at + Start.Length], frame[at + Start.Length + 1]);
    }
}
