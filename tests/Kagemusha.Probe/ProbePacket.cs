using System.Buffers.Binary;

namespace Kagemusha.Probe;

/// <summary>Which way a probe goes.</summary>
internal enum ProbeDirection : byte
{
    /// <summary>From the correspondent to the guest.</summary>
    ToGuest = 0,

    /// <summary>From the guest to the correspondent.</summary>
    FromGuest = 1,
}

/// <summary>
/// A numbered probe, the payload of a UDP packet between the ports <see cref="Port"/> of both sides:
/// <code>
///  0                   4                   8
/// |  "kgpr"           | way | 0   0   0   |
/// |  session                              |   the correspondent's, random: a guest lives longer than one run
/// |  boot                                 |   the guest's, random at each start; 0 in a probe to it
/// |  sequence         | 0   0   0   0     |
/// </code>
/// </summary>
/// <param name="Direction">Which way it goes.</param>
/// <param name="Session">The correspondent's run.</param>
/// <param name="Boot">The guest's boot.</param>
/// <param name="Sequence">Counts from 0 in each direction.</param>
internal readonly record struct ProbePacket(ProbeDirection Direction, ulong Session, ulong Boot, int Sequence)
{
    /// <summary>The UDP port of both sides.</summary>
    public const int Port = 7100;

    /// <summary>The payload's length.</summary>
    public const int Length = 32;

    /// <summary>How many probes a run may have in each direction: what both sides keep room for.</summary>
    public const int MaximumCount = 1 << 18;

    private const uint Magic = 0x6b677072;

    /// <summary>Reads a payload; false where it is none of ours.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out ProbePacket packet)
    {
        packet = default;
        if (payload.Length < Length || BinaryPrimitives.ReadUInt32BigEndian(payload) != Magic
            || payload[4] > (byte)ProbeDirection.FromGuest)
        {
            return false;
        }

        var sequence = BinaryPrimitives.ReadUInt32BigEndian(payload[24..]);
        if (sequence >= MaximumCount)
        {
            return false;
        }

        packet = new((ProbeDirection)payload[4], BinaryPrimitives.ReadUInt64BigEndian(payload[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(payload[16..]), (int)sequence);
        return true;
    }

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public void WriteTo(Span<byte> payload)
    {
        payload[..Length].Clear();
        BinaryPrimitives.WriteUInt32BigEndian(payload, Magic);
        payload[4] = (byte)Direction;
        BinaryPrimitives.WriteUInt64BigEndian(payload[8..], Session);
        BinaryPrimitives.WriteUInt64BigEndian(payload[16..], Boot);
        BinaryPrimitives.WriteInt32BigEndian(payload[24..], Sequence);
    }
}
