using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>
/// An option of a mobility message (RFC 6275, section 6.2). Padding is no option here: it is dropped when read, and made when written
/// as each option's alignment needs it.
/// <code>
/// |  Option Type  | Option Length |   Option Data...
/// </code>
/// </summary>
public abstract record MobilityOption
{
    private const int HeaderLength = 2;
    private const byte Pad1 = 0;
    private const byte PadN = 1;

    private protected MobilityOption()
    {
    }

    internal abstract byte OptionType { get; }

    internal abstract int DataLength { get; }

    /// <summary>"xn+y": the type stands at a multiple of x, plus y, from the start of the mobility header.</summary>
    private protected virtual (int X, int Y) Alignment => (1, 0);

    private protected abstract void WriteData(Span<byte> data);

    /// <summary>Where options that begin at <paramref name="start"/> end, padded so that the header is a multiple of eight bytes.</summary>
    internal static int End(int start, WireArray<MobilityOption> options)
    {
        var offset = start;
        foreach (var option in options.Span)
        {
            offset = option.Aligned(offset) + HeaderLength + option.DataLength;
        }

        return (offset + 7) & ~7;
    }

    /// <summary>Writes options and padding from <paramref name="start"/> to the end of the mobility header.</summary>
    internal static void WriteAll(Span<byte> header, int start, WireArray<MobilityOption> options)
    {
        var offset = start;
        foreach (var option in options.Span)
        {
            var aligned = option.Aligned(offset);
            Pad(header[offset..aligned]);
            header[aligned] = option.OptionType;
            header[aligned + 1] = checked((byte)option.DataLength);
            offset = aligned + HeaderLength + option.DataLength;
            option.WriteData(header[(aligned + HeaderLength)..offset]);
        }

        Pad(header[offset..]);
    }

    /// <summary>Reads the options from <paramref name="start"/> to the end of the mobility header.</summary>
    internal static bool TryParseAll(ReadOnlySpan<byte> header, int start, out WireArray<MobilityOption> options, out WireError error)
    {
        options = default;
        error = default;
        var found = new List<MobilityOption>();
        for (var offset = start; offset < header.Length;)
        {
            if (header[offset] == Pad1)
            {
                offset++;
                continue;
            }

            var data = offset + HeaderLength;
            if (data > header.Length || data + header[offset + 1] > header.Length)
            {
                error = new("mobility option is longer than its message", offset);
                return false;
            }

            var end = data + header[offset + 1];
            if (header[offset] != PadN)
            {
                if (Parse(header[offset], header[data..end]) is not { } option)
                {
                    error = new("mobility option has another length than its type", offset + 1);
                    return false;
                }

                found.Add(option);
            }

            offset = end;
        }

        options = new([.. found]);
        return true;
    }

    private static MobilityOption? Parse(byte type, ReadOnlySpan<byte> data) => (type, data.Length) switch
    {
        (BindingRefreshAdvice.Type, 2) => new BindingRefreshAdvice(BinaryPrimitives.ReadUInt16BigEndian(data)),
        (AlternateCareOfAddress.Type, Ipv6Address.Length) => new AlternateCareOfAddress(Ipv6Address.Read(data)),
        (BindingRefreshAdvice.Type or AlternateCareOfAddress.Type, _) => null,
        _ => new UnknownMobilityOption(type, WireArray.Create(data)),
    };

    private static void Pad(Span<byte> gap)
    {
        gap.Clear(); // One byte is Pad1.
        if (gap.Length >= 2)
        {
            gap[0] = PadN;
            gap[1] = checked((byte)(gap.Length - HeaderLength));
        }
    }

    private int Aligned(int offset)
    {
        var (x, y) = Alignment;
        return offset + ((y - offset) % x + x) % x;
    }
}

/// <summary>How soon the home agent wants the binding to be refreshed (RFC 6275, section 6.2.4).</summary>
/// <param name="Interval">In units of four seconds.</param>
public sealed record BindingRefreshAdvice(ushort Interval) : MobilityOption
{
    internal const byte Type = 2;

    /// <summary>The interval as a duration.</summary>
    public TimeSpan Duration => TimeSpan.FromSeconds(4 * Interval);

    internal override byte OptionType => Type;

    internal override int DataLength => 2;

    private protected override (int X, int Y) Alignment => (2, 0);

    private protected override void WriteData(Span<byte> data) => BinaryPrimitives.WriteUInt16BigEndian(data, Interval);
}

/// <summary>The address to bind, where the packet's source is not to be taken for it (RFC 6275, section 6.2.5).</summary>
/// <param name="Address">The care-of address.</param>
public sealed record AlternateCareOfAddress(Ipv6Address Address) : MobilityOption
{
    internal const byte Type = 3;

    internal override byte OptionType => Type;

    internal override int DataLength => Ipv6Address.Length;

    private protected override (int X, int Y) Alignment => (8, 6);

    private protected override void WriteData(Span<byte> data) => Address.WriteTo(data);
}

/// <summary>Any other option: skipped by who does not know it (RFC 6275, section 6.2.1), so kept as it is.</summary>
/// <param name="Type">The option's number.</param>
/// <param name="Data">The option's data.</param>
public sealed record UnknownMobilityOption(byte Type, WireArray<byte> Data) : MobilityOption
{
    internal override byte OptionType => Type;

    internal override int DataLength => Data.Count;

    private protected override void WriteData(Span<byte> data) => Data.Span.CopyTo(data);
}
