namespace Kagemusha.Wire;

/// <summary>A whole IPv6 packet.</summary>
/// <param name="Source">The IPv6 header's source.</param>
/// <param name="Destination">The IPv6 header's destination.</param>
public abstract record Ipv6Packet(Ipv6Address Source, Ipv6Address Destination)
{
    /// <summary>The length on the wire, in bytes.</summary>
    public abstract int Length { get; }

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public abstract void WriteTo(Span<byte> destination);

    /// <summary>The packet as <see cref="Length"/> bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        WriteTo(bytes);
        return bytes;
    }
}
