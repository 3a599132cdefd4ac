using System.Buffers.Binary;
using Kagemusha.Intruder;

namespace Kagemusha.Lab.Tests;

/// <summary>What became of an attack: which of its frames were seen where.</summary>
/// <param name="Attack">The attack.</param>
/// <param name="Count">How many frames it has.</param>
internal sealed record Outcome(Attack Attack, int Count)
{
    /// <summary>At home, by the host's bridge.</summary>
    public required IReadOnlySet<int> AtBridge { get; init; }

    /// <summary>At home, by the home link's switch.</summary>
    public required IReadOnlySet<int> OnHomeLink { get; init; }

    /// <summary>Away, at its own tap.</summary>
    public required IReadOnlySet<int> AtTap { get; init; }

    /// <summary>Away, in the tunnel to its home agent.</summary>
    public required IReadOnlySet<int> InTunnel { get; init; }

    /// <summary>Away, on the foreign link otherwise.</summary>
    public required IReadOnlySet<int> OnForeignLink { get; init; }

    /// <summary>Away, by the other guest.</summary>
    public required IReadOnlySet<int> AtOther { get; init; }

    /// <summary>All of them, as they have left the guest.</summary>
    public IEnumerable<int> All => Enumerable.Range(0, Count);

    /// <summary>Those that were carried to somebody.</summary>
    public IEnumerable<int> Carried => InTunnel.Union(AtOther).Order();

    /// <summary>Where the control has seen it: a bridge keeps some frames to itself.</summary>
    public string Control => OnHomeLink.Count > 0 ? "at its bridge and on the home link" : "at its bridge";

    /// <summary>How it ended.</summary>
    public string Result => (Carried.Count(), Count) switch
    {
        _ when OnForeignLink.Count > 0 => "seen on the foreign link",
        (0, _) => "ends at its tap",
        var (carried, count) when carried < count => $"{carried} of them, any guest's packets, carried; the others end at its tap",
        _ => AtOther.Count > 0 ? "carried: to the correspondent in the tunnel, to the other guest directly" : "carried in the tunnel, as any guest's packets",
    };
}

/// <summary>Looks for marks in what was recorded.</summary>
internal static class Marks
{
    private const ushort Ipv6 = 0x86dd;
    private const byte Ipv6InIpv6 = 41;
    private const int NetworkHeader = 14;

    /// <summary>Which frames of which attack are among these.</summary>
    public static ILookup<byte, int> In(IEnumerable<ReadOnlyMemory<byte>> frames) => frames
        .Select(frame => Marker.Find(frame.Span))
        .OfType<(byte Attack, byte Frame)>()
        .ToLookup(mark => mark.Attack, mark => (int)mark.Frame);

    /// <summary>Whether a frame is a packet in the tunnel between two addresses.</summary>
    public static bool IsTunnelled(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) =>
        IsIpv6(frame) && frame[NetworkHeader + 6] == Ipv6InIpv6 && Source(frame).SequenceEqual(from) && Destination(frame).SequenceEqual(to);

    /// <summary>Whether a frame has a whole IPv6 header.</summary>
    public static bool IsIpv6(ReadOnlySpan<byte> frame) =>
        frame.Length >= NetworkHeader + 40 && BinaryPrimitives.ReadUInt16BigEndian(frame[(NetworkHeader - 2)..]) == Ipv6;

    /// <summary>The source of an IPv6 packet.</summary>
    public static ReadOnlySpan<byte> Source(ReadOnlySpan<byte> frame) => frame.Slice(NetworkHeader + 8, 16);

    /// <summary>The destination of an IPv6 packet.</summary>
    public static ReadOnlySpan<byte> Destination(ReadOnlySpan<byte> frame) => frame.Slice(NetworkHeader + 24, 16);

    /// <summary>The type of an ICMPv6 message right behind the IPv6 header.</summary>
    public static byte? Icmpv6Type(ReadOnlySpan<byte> frame) => frame[NetworkHeader + 6] == 58 && frame.Length > NetworkHeader + 40 ? frame[NetworkHeader + 40] : null;
}
