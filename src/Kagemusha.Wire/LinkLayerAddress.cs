using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Kagemusha.Wire;

/// <summary>A 48-bit Ethernet address.</summary>
/// <param name="Bits">The address as a number, first byte most significant; at most 48 bits.</param>
public readonly record struct LinkLayerAddress(ulong Bits)
{
    /// <summary>The length on the wire, in bytes.</summary>
    public const int Length = 6;

    /// <summary>A group address (or broadcast), not one interface's.</summary>
    public bool IsMulticast => (Bits >> 40 & 1) != 0;

    /// <summary>The Ethernet group of an IPv6 multicast address (RFC 2464, section 7).</summary>
    public static LinkLayerAddress ForMulticast(Ipv6Address group) => new(0x3333UL << 32 | (ulong)(group.Bits & 0xffffffff));

    /// <summary>Reads the first <see cref="Length"/> bytes.</summary>
    public static LinkLayerAddress Read(ReadOnlySpan<byte> source)
    {
        ulong bits = 0;
        foreach (var b in source[..Length])
        {
            bits = bits << 8 | b;
        }

        return new(bits);
    }

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public void WriteTo(Span<byte> destination)
    {
        for (var i = 0; i < Length; i++)
        {
            destination[i] = (byte)(Bits >> (8 * (Length - 1 - i)));
        }
    }

    /// <summary>The address as <see cref="Length"/> bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        WriteTo(bytes);
        return bytes;
    }

    /// <summary>Parses six two-digit hexadecimal bytes parted by colons, as libvirt writes them.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out LinkLayerAddress address)
    {
        address = default;
        if (text is not { Length: 17 })
        {
            return false;
        }

        ulong bits = 0;
        for (var i = 0; i < Length; i++)
        {
            if ((i > 0 && text[3 * i - 1] != ':')
                || !byte.TryParse(text.AsSpan(3 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b))
            {
                return false;
            }

            bits = bits << 8 | b;
        }

        address = new(bits);
        return true;
    }

    /// <summary>Parses a constant of the program or of a test.</summary>
    /// <exception cref="FormatException">The text is no Ethernet address.</exception>
    public static LinkLayerAddress Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"'{text}' is not an Ethernet address");

    /// <summary>Six two-digit lower-case bytes parted by colons.</summary>
    public override string ToString() => string.Join(':', ToArray().Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
}
