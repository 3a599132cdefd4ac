using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>
/// A message of mobile node, home agent or correspondent node: the Mobility Header (RFC 6275, section 6.1.1).
/// <code>
///  0               1               2               3
/// | Payload Proto |  Header Len   |   MH Type     |   Reserved    |
/// |           Checksum            |   Message Data ...
/// </code>
/// </summary>
public abstract record MobilityMessage
{
    /// <summary>Where the checksum stands: <see cref="MobilityPacket"/> makes it, for it covers the packet's addresses.</summary>
    internal const int ChecksumOffset = 4;

    private protected const int DataOffset = 6;

    private const int HeaderLengthUnit = 8;

    private protected MobilityMessage()
    {
    }

    internal abstract byte MessageType { get; }

    /// <summary>The whole header with options and padding, a multiple of eight bytes.</summary>
    internal abstract int Length { get; }

    private protected abstract void WriteData(Span<byte> header);

    /// <summary>Writes <see cref="Length"/> bytes; the checksum is left zero.</summary>
    internal void WriteTo(Span<byte> destination)
    {
        var header = destination[..Length];
        header.Clear();
        header[0] = (byte)NextHeader.None;
        header[1] = checked((byte)(Length / HeaderLengthUnit - 1));
        header[2] = MessageType;
        WriteData(header);
    }

    /// <summary>How long the mobility header at the start of these bytes says that it is.</summary>
    internal static bool TryReadLength(ReadOnlySpan<byte> bytes, out int length, out WireError error)
    {
        length = bytes.Length < HeaderLengthUnit ? HeaderLengthUnit : HeaderLengthUnit * (bytes[1] + 1);
        error = bytes.Length < length ? new("mobility header is cut short", bytes.Length) : default;
        return bytes.Length >= length;
    }

    /// <summary>Reads a header of exactly the length that it says. The checksum is the packet's affair.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> header, [NotNullWhen(true)] out MobilityMessage? message, out WireError error)
    {
        message = null;
        if (header[0] != (byte)NextHeader.None)
        {
            error = new("something follows the mobility header", 0) { NeedsParameterProblem = true }; // RFC 6275, section 9.2.
            return false;
        }

        var type = header[2];
        var fixedLength = type switch
        {
            BindingRefreshRequest.Type => BindingRefreshRequest.FixedLength,
            BindingUpdate.Type => BindingUpdate.FixedLength,
            BindingAcknowledgement.Type => BindingAcknowledgement.FixedLength,
            BindingError.Type => BindingError.FixedLength,
            BindingRevocation.Type => BindingRevocation.FixedLength,
            _ => header.Length,
        };
        if (header.Length < fixedLength)
        {
            error = new("mobility header is shorter than its type", 1) { NeedsParameterProblem = true };
            return false;
        }

        if (!MobilityOption.TryParseAll(header, fixedLength, out var options, out error))
        {
            return false;
        }

        message = type switch
        {
            BindingRefreshRequest.Type => new BindingRefreshRequest(options),
            BindingUpdate.Type => BindingUpdate.Read(header, options),
            BindingAcknowledgement.Type => BindingAcknowledgement.Read(header, options),
            BindingError.Type => BindingError.Read(header, options),
            BindingRevocation.Type when BindingRevocation.Read(header, options) is { } revocation => revocation,
            _ => new UnknownMobilityMessage(type, WireArray.Create(header[DataOffset..])),
        };
        return true;
    }
}

/// <summary>Asks a mobile node to refresh its binding (RFC 6275, section 6.1.2).</summary>
/// <param name="Options">The mobility options.</param>
public sealed record BindingRefreshRequest(WireArray<MobilityOption> Options) : MobilityMessage
{
    internal const byte Type = 0;
    internal const int FixedLength = 8;

    internal override byte MessageType => Type;

    internal override int Length => MobilityOption.End(FixedLength, Options);

    private protected override void WriteData(Span<byte> header) => MobilityOption.WriteAll(header, FixedLength, Options);
}

/// <summary>
/// Says that a home address has no binding, or that a message's type is not known (RFC 6275, section 6.1.9).
/// <code>
///  6               7
/// |     Status    |    Reserved   |
/// |                      Home Address (16)                        |
/// |   Mobility Options ...
/// </code>
/// </summary>
/// <param name="Status">What is wrong.</param>
/// <param name="HomeAddress">The home address of the packet that was wrong, unspecified if it had none.</param>
/// <param name="Options">The mobility options.</param>
public sealed record BindingError(BindingErrorStatus Status, Ipv6Address HomeAddress, WireArray<MobilityOption> Options) : MobilityMessage
{
    internal const byte Type = 7;
    internal const int FixedLength = 24;

    internal override byte MessageType => Type;

    internal override int Length => MobilityOption.End(FixedLength, Options);

    internal static BindingError Read(ReadOnlySpan<byte> header, WireArray<MobilityOption> options) =>
        new((BindingErrorStatus)header[6], Ipv6Address.Read(header[8..]), options);

    private protected override void WriteData(Span<byte> header)
    {
        header[6] = (byte)Status;
        HomeAddress.WriteTo(header[8..]);
        MobilityOption.WriteAll(header, FixedLength, Options);
    }
}

/// <summary>The status of a Binding Error (RFC 6275, section 6.1.9).</summary>
public enum BindingErrorStatus : byte
{
    /// <summary>Unknown binding for Home Address destination option.</summary>
    UnknownBinding = 1,

    /// <summary>Unrecognized MH Type value.</summary>
    UnrecognizedMobilityHeaderType = 2,
}

/// <summary>A message of any other type: answered with a Binding Error (RFC 6275, section 9.2), so kept as it is.</summary>
/// <param name="Type">The MH Type.</param>
/// <param name="Data">What follows the checksum; written with zeros behind it up to a multiple of eight bytes.</param>
public sealed record UnknownMobilityMessage(byte Type, WireArray<byte> Data) : MobilityMessage
{
    internal override byte MessageType => Type;

    internal override int Length => (DataOffset + Data.Count + 7) & ~7;

    private protected override void WriteData(Span<byte> header) => Data.Span.CopyTo(header[DataOffset..]);
}
