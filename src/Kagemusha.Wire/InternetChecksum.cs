using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>The checksum of upper-layer protocols over their bytes and the pseudo-header of RFC 8200, section 8.1.</summary>
internal static class InternetChecksum
{
    /// <summary>What belongs in a checksum field that is zero now; zero over bytes whose checksum is right.</summary>
    public static ushort Compute(Ipv6Address source, Ipv6Address destination, NextHeader protocol, ReadOnlySpan<byte> bytes)
    {
        var sum = Sum(source) + Sum(destination) + (ulong)bytes.Length + (ulong)protocol;
        for (; bytes.Length >= 2; bytes = bytes[2..])
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        }

        if (!bytes.IsEmpty)
        {
            sum += (ulong)bytes[0] << 8;
        }

        while (sum > 0xffff)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    private static ulong Sum(Ipv6Address address)
    {
        ulong sum = 0;
        for (var bits = address.Bits; bits != 0; bits >>= 16)
        {
            sum += (ulong)(bits & 0xffff);
        }

        return sum;
    }
}
