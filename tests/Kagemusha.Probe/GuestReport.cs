using System.Buffers.Binary;

namespace Kagemusha.Probe;

/// <summary>
/// What the guest tells at the end, over a TCP connection of its own: asked with the line <c>report SESSION</c> it stops sending
/// probes, waits <see cref="Linger"/> for those on their way, answers in the bytes below (little endian) and closes.
/// <code>
/// 0 boot   8 probes sent   16 buffer drops   24 count   32 count times of 8 bytes, then count numbers of copies of 1 byte
/// </code>
/// </summary>
internal sealed record GuestReport(ulong Boot, int Sent, ProbesReceived Received)
{
    /// <summary>The TCP port that the guest listens on.</summary>
    public const int Port = 7102;

    /// <summary>How long probes may still come when none is sent any more.</summary>
    public const long Linger = Clock.Second;

    private const int Header = 32;

    public static byte[] Write(ulong boot, int sent, long bufferDrops, ReceivedProbes received)
    {
        var bytes = new byte[Header + received.Length * 9];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, boot);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), sent);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), bufferDrops);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), received.Length);
        for (var i = 0; i < received.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(Header + i * 8), received.At[i]);
        }

        received.Copies.CopyTo(bytes.AsSpan(Header + received.Length * 8));
        return bytes;
    }

    /// <summary>Reads a report; null if these bytes are no whole one.</summary>
    public static GuestReport? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Header)
        {
            return null;
        }

        var count = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]);
        if (count is < 0 or > ProbePacket.MaximumCount || bytes.Length != Header + count * 9)
        {
            return null;
        }

        var at = new long[count];
        var copies = new int[count];
        for (var i = 0; i < count; i++)
        {
            at[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(Header + i * 8)..]);
            copies[i] = bytes[Header + (int)count * 8 + i];
        }

        return new(BinaryPrimitives.ReadUInt64LittleEndian(bytes), (int)BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
            new(at, copies, BinaryPrimitives.ReadInt64LittleEndian(bytes[16..])));
    }
}
