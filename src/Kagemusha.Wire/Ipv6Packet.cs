namespace Kagemusha.Wire;

/// <summary>A whole IPv6 packet.</summary>
/// <param name="Source">The IPv6 header's source.</param>
/// <param name="Destination">The IPv6 header's destination.</param>
public abstract record Ipv6Packet(Ipv6Address Source, Ipv6Address Destination)
{
    /// <summary>What every link carries (RFC 8200, section 5), in bytes.</summary>
    public const int MinimumMtu = 1280;

    /// <summary>The length on the wire, in bytes.</summary>
    public abstract int Length { get; }

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public abstract void WriteTo(Span<byte> destination);

    /// <summary>Source and destination of any IPv6 packet; null if it is too short to have them.</summary>
    public static (Ipv6Address Source, Ipv6Address Destination)? ReadAddresses(ReadOnlySpan<byte> packet) =>
        packet.Length < Ipv6Headers.FixedLength ? null : (Ipv6Address.Read(packet[8..]), Ipv6Address.Read(packet[24..]));

    /// <summary>The packet as <see cref="Length"/> bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        WriteTo(bytes);
        return bytes;
    }
}
