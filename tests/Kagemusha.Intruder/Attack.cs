namespace Kagemusha.Intruder;

/// <summary>Something that a guest may try.</summary>
/// <param name="What">What it sends.</param>
/// <param name="Build">Makes its frames, each with one mark.</param>
internal sealed record Attack(string What, Func<Scene, Marker, IEnumerable<byte[]>> Build)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Attack> All { get; } =
        [.. Sources.All.Concat(Headers.All).Concat(Hosts.All).Concat(Links.All).Concat(Ethernet.All).Select((attack, at) => attack with { Number = (byte)at })];

    /// <summary>Its place among all, by which its marks are known.</summary>
    public byte Number { get; private init; }

    /// <summary>How many of its frames, the first ones, are packets that any guest may send: they are carried to where they are addressed.</summary>
    public int Ordinary { get; init; }

    /// <summary>Its frames.</summary>
    public IReadOnlyList<byte[]> Frames(Scene scene) => [.. Build(scene, new(Number))];
}
