using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>
/// What some node on the way says of a packet with a mobility message that it could do nothing with: an ICMPv6 error (RFC 4443, section 3). It is only read.
/// <code>
/// |     Type      |     Code      |          Checksum             |
/// |                  Depends on the type                          |
/// |   The packet, which has to be there as a whole ...
/// </code>
/// </summary>
/// <param name="Source">Who says so.</param>
/// <param name="Destination">The IPv6 header's destination.</param>
/// <param name="Type">What is wrong.</param>
/// <param name="Code">What exactly; each type has its own.</param>
/// <param name="Invoking">The packet.</param>
public sealed record MobilityErrorPacket(
    Ipv6Address Source, Ipv6Address Destination, IcmpErrorType Type, byte Code, MobilityPacket Invoking)
{
    private const int FixedLength = 8;
    private const int ChecksumOffset = 2;

    /// <summary>Reads a packet and checks its checksum, and that of the packet in it. Bytes behind it, such as a frame's padding, are ignored.</summary>
    public static bool TryParse(ReadOnlySpan<byte> ipv6Packet, [NotNullWhen(true)] out MobilityErrorPacket? packet, out WireError error)
    {
        packet = null;
        if (!Ipv6Headers.TryParseIcmpv6(ipv6Packet, out var headers, out var payload, out error))
        {
            return false;
        }

        if (payload.Length < FixedLength)
        {
            error = new("ICMPv6 message is cut short", headers.Length + payload.Length);
            return false;
        }

        if (payload[0] is < (byte)IcmpErrorType.DestinationUnreachable or > (byte)IcmpErrorType.ParameterProblem)
        {
            error = new("ICMPv6 message is no error", headers.Length);
            return false;
        }

        if (InternetChecksum.Compute(headers.Source, headers.Destination, NextHeader.Icmpv6, payload) != 0)
        {
            error = new("ICMPv6 checksum is wrong", headers.Length + ChecksumOffset);
            return false;
        }

        if (!MobilityPacket.TryParse(payload[FixedLength..], out var invoking, out error))
        {
            error = error.Shifted(headers.Length + FixedLength);
            return false;
        }

        packet = new(headers.Source, headers.Destination, (IcmpErrorType)payload[0], payload[1], invoking);
        return true;
    }
}

/// <summary>The type of an ICMPv6 error (RFC 4443, section 2.1).</summary>
public enum IcmpErrorType : byte
{
    /// <summary>Section 3.1.</summary>
    DestinationUnreachable = 1,

    /// <summary>Section 3.2.</summary>
    PacketTooBig = 2,

    /// <summary>Section 3.3.</summary>
    TimeExceeded = 3,

    /// <summary>Section 3.4.</summary>
    ParameterProblem = 4,
}
