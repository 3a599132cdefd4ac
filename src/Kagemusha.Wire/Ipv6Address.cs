using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Kagemusha.Wire;

/// <summary>An IPv6 address: 128 bits without a scope (RFC 4291), comparable in network order.</summary>
/// <param name="Bits">The address as a number, most significant bit first on the wire.</param>
public readonly record struct Ipv6Address(UInt128 Bits) : IComparable<Ipv6Address>
{
    /// <summary>The length on the wire, in bytes.</summary>
    public const int Length = 16;

    /// <summary>The unspecified address, <c>::</c>.</summary>
    public static Ipv6Address Unspecified => default;

    /// <summary>All nodes on the link, <c>ff02::1</c>.</summary>
    public static Ipv6Address AllNodes => new((UInt128)0xff02 << 112 | 1);

    /// <summary>All routers on the link, <c>ff02::2</c>.</summary>
    public static Ipv6Address AllRouters => new((UInt128)0xff02 << 112 | 2);

    /// <summary><c>::</c>.</summary>
    public bool IsUnspecified => Bits == 0;

    /// <summary><c>ff00::/8</c>.</summary>
    public bool IsMulticast => Bits >> 120 == 0xff;

    /// <summary><c>fe80::/10</c>.</summary>
    public bool IsLinkLocal => Bits >> 118 == 0xfe80 >> 6;

    /// <summary><c>::1</c>.</summary>
    public bool IsLoopback => Bits == 1;

    /// <summary><c>::ffff:0:0/96</c>.</summary>
    public bool IsIpv4Mapped => Bits >> 32 == 0xffff;

    /// <summary>Unicast and usable beyond its link: what a home or care-of address has to be (RFC 6275, sections 6.3 and 9.5.1).</summary>
    public bool IsRoutableUnicast => !IsMulticast && !IsLinkLocal && !IsIpv4Mapped && Bits > 1;

    /// <summary>The solicited-node multicast address of this address (RFC 4291, section 2.7.1).</summary>
    public Ipv6Address SolicitedNode => new((UInt128)0xff02 << 112 | (UInt128)0x1ff << 24 | Bits & 0xffffff);

    /// <summary>The link-local address with the interface identifier of this address (RFC 4291, section 2.5.6).</summary>
    public Ipv6Address LinkLocal => new((UInt128)0xfe80 << 112 | Bits & ulong.MaxValue);

    /// <summary>Reads the first <see cref="Length"/> bytes.</summary>
    public static Ipv6Address Read(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadUInt128BigEndian(source));

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public void WriteTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, Bits);

    /// <summary>The address as <see cref="Length"/> bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        WriteTo(bytes);
        return bytes;
    }

    /// <summary>Parses the text form of RFC 4291, section 2.2, without a scope.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Ipv6Address address)
    {
        address = default;
        if (text is null || text.AsSpan().ContainsAny('%', '[', ']') || text.Contains('/', StringComparison.Ordinal)
            || !System.Net.IPAddress.TryParse(text, out var parsed))
        {
            return false;
        }

        var bytes = parsed.GetAddressBytes();
        if (bytes.Length != Length)
        {
            return false;
        }

        address = Read(bytes);
        return true;
    }

    /// <summary>Parses a constant of the program or of a test.</summary>
    /// <exception cref="FormatException">The text is no IPv6 address.</exception>
    public static Ipv6Address Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"'{text}' is not an IPv6 address");

    /// <summary>The canonical text of RFC 5952.</summary>
    public override string ToString() => new System.Net.IPAddress(ToArray()).ToString();

    /// <inheritdoc/>
    public int CompareTo(Ipv6Address other) => Bits.CompareTo(other.Bits);
}

/// <summary>An IPv6 prefix; the bits behind the length are zero.</summary>
public readonly record struct Ipv6Prefix
{
    /// <summary>Takes the first <paramref name="length"/> bits of <paramref name="address"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is not 0 to 128.</exception>
    public Ipv6Prefix(Ipv6Address address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 128);
        Address = new(address.Bits & Mask(length));
        Length = length;
    }

    /// <summary>The prefix with zeros behind it.</summary>
    public Ipv6Address Address { get; }

    /// <summary>How many bits count, 0 to 128.</summary>
    public int Length { get; }

    private static UInt128 Mask(int length) => length == 0 ? 0 : UInt128.MaxValue << (128 - length);

    /// <summary>Whether the address lies in the prefix.</summary>
    public bool Contains(Ipv6Address address) => (address.Bits & Mask(Length)) == Address.Bits;

    /// <summary>
    /// The Mobile IPv6 home agents' anycast address of the subnet (RFC 2526, section 2): the last 128 addresses are reserved, this is number 126. Where
    /// interface identifiers have 64 bits, theirs says that it is local.
    /// </summary>
    public Ipv6Address HomeAgentsAnycast => new((Address.Bits | ~Mask(Length)) & ~((UInt128)1 | (Length == 64 ? (UInt128)1 << 57 : 0)));

    /// <summary>The address that a node with this link-layer address makes itself in a prefix of 64 bits (RFC 2464, section 4).</summary>
    public Ipv6Address AddressOf(LinkLayerAddress node) =>
        new(Address.Bits | ((node.Bits >> 24 << 40) | (0xfffeUL << 24) | (node.Bits & 0xffffff)) ^ (1UL << 57));

    /// <summary>Parses <c>address/length</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Ipv6Prefix prefix)
    {
        prefix = default;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash < 0 || !Ipv6Address.TryParse(text![..slash], out var address)
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length > 128)
        {
            return false;
        }

        prefix = new(address, length);
        return true;
    }

    /// <summary>Parses a constant of the program or of a test.</summary>
    /// <exception cref="FormatException">The text is no IPv6 prefix.</exception>
    public static Ipv6Prefix Parse(string text) =>
        TryParse(text, out var prefix) ? prefix : throw new FormatException($"'{text}' is not an IPv6 prefix");

    /// <inheritdoc/>
    public override string ToString() => $"{Address}/{Length}";
}
