using System.Buffers.Binary;

namespace Kagemusha.Wire.Tests;

/// <summary>Packets put together from bytes, without the code that is tested.</summary>
internal static class Raw
{
    public static byte[] Bytes(params string[] hex) =>
        Convert.FromHexString(string.Concat(hex).Replace(" ", "", StringComparison.Ordinal));

    /// <summary>An IPv6 header in front of the bytes.</summary>
    public static byte[] Ipv6(byte hopLimit, byte nextHeader, Ipv6Address source, Ipv6Address destination, byte[] payload) =>
        [0x60, 0, 0, 0, (byte)(payload.Length >> 8), (byte)payload.Length, nextHeader, hopLimit,
            .. source.ToArray(), .. destination.ToArray(), .. payload];

    /// <summary>The upper-layer bytes with the checksum at this offset put right (RFC 8200, section 8.1).</summary>
    public static byte[] WithChecksum(byte[] bytes, int offset, byte protocol, Ipv6Address source, Ipv6Address destination)
    {
        var sealedBytes = bytes.ToArray();
        sealedBytes.AsSpan(offset, 2).Clear();
        byte[] all = [.. source.ToArray(), .. destination.ToArray(), 0, 0, (byte)(bytes.Length >> 8), (byte)bytes.Length, 0, 0, 0, protocol,
            .. sealedBytes, .. new byte[bytes.Length % 2]];
        var sum = 0;
        for (var i = 0; i < all.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(all.AsSpan(i));
            sum = (sum & 0xffff) + (sum >> 16);
        }

        BinaryPrimitives.WriteUInt16BigEndian(sealedBytes.AsSpan(offset), (ushort)~sum);
        return sealedBytes;
    }
}
