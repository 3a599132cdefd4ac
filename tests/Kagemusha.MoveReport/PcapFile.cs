using System.Buffers.Binary;

namespace Kagemusha.MoveReport;

/// <summary>A packet as it was captured.</summary>
/// <param name="At">Nanoseconds since 1970.</param>
/// <param name="Data">Its first bytes, from the link layer's header on.</param>
internal readonly record struct CapturedPacket(long At, ReadOnlyMemory<byte> Data);

/// <summary>
/// Reads a capture of <c>tcpdump -w</c> (pcap-savefile(5)), in this machine's byte order, with micro- or nanoseconds:
/// <code>
/// file:   magic 4, version 4, reserved 8, snapshot length 4, link type 4      each packet: seconds 4, fraction 4, captured 4, length 4
/// </code>
/// </summary>
internal static class PcapFile
{
    /// <summary>DLT_LINUX_SLL2: the header that <see cref="ProbeDecoder"/> reads.</summary>
    public const uint LinuxCookedV2 = 276;

    /// <summary>DLT_EN10MB: whole Ethernet frames.</summary>
    public const uint Ethernet = 1;

    public const uint Nanoseconds = 0xa1b23c4d;
    public const uint Microseconds = 0xa1b2c3d4;
    public const int FileHeader = 24;
    public const int PacketHeader = 16;

    /// <summary>Reads a file of one link type.</summary>
    /// <exception cref="InvalidDataException">It is no such file, or it ends within a packet.</exception>
    public static IEnumerable<CapturedPacket> Read(string path, uint linkType = LinuxCookedV2)
    {
        var bytes = File.ReadAllBytes(path);
        var scale = bytes.Length < FileHeader ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(bytes) switch
        {
            Nanoseconds => 1,
            Microseconds => 1000,
            _ => 0,
        };
        if (scale == 0 || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(20)) != linkType)
        {
            throw new InvalidDataException($"{path}: no pcap file of link type {linkType}");
        }

        for (var offset = FileHeader; offset < bytes.Length;)
        {
            var rest = bytes.Length - offset - PacketHeader;
            var length = rest < 0 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset + 8));
            if (length > rest)
            {
                throw new InvalidDataException($"{path}: ends within the packet at byte {offset}");
            }

            var at = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset)) * 1_000_000_000L
                + BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset + 4)) * scale;
            yield return new(at, bytes.AsMemory(offset + PacketHeader, (int)length));
            offset += PacketHeader + (int)length;
        }
    }
}
