using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>
/// A whole IPv6 packet with a mobility message. When read, hop limit and other extension headers are not kept; when written, the hop
/// limit is 64.
/// <code>
/// IPv6 header / [type 2 routing header] / [destination options with the home address option] / mobility header
/// </code>
/// </summary>
/// <param name="Source">The IPv6 header's source: the care-of address of a mobile node that is away.</param>
/// <param name="Destination">The IPv6 header's destination.</param>
/// <param name="HomeAddressOption">The sender's home address (RFC 6275, section 6.3).</param>
/// <param name="Type2RoutingHeader">The receiver's home address (RFC 6275, section 6.4).</param>
/// <param name="Message">The message.</param>
public sealed record MobilityPacket(
    Ipv6Address Source, Ipv6Address Destination, Ipv6Address? HomeAddressOption, Ipv6Address? Type2RoutingHeader, MobilityMessage Message)
    : Ipv6Packet(Source, Destination)
{
    private const byte HopLimit = 64;

    /// <summary>The home address that the packet carries: the sender's, else the receiver's, else none.</summary>
    public Ipv6Address? HomeAddress => HomeAddressOption ?? Type2RoutingHeader;

    /// <inheritdoc/>
    public override int Length => HeadersLength + Message.Length;

    private int HeadersLength => Ipv6Headers.FixedLength
        + (HomeAddressOption is null ? 0 : Ipv6Headers.HomeAddressHeaderLength)
        + (Type2RoutingHeader is null ? 0 : Ipv6Headers.HomeAddressHeaderLength);

    /// <summary>Reads a packet and checks its checksum. Bytes behind the packet, such as a frame's padding, are ignored.</summary>
    public static bool TryParse(ReadOnlySpan<byte> ipv6Packet, [NotNullWhen(true)] out MobilityPacket? packet, out WireError error)
    {
        packet = null;
        if (!Ipv6Headers.TryParse(ipv6Packet, out var headers, out var payload, out error))
        {
            return false;
        }

        if (headers.UpperLayer != NextHeader.Mobility)
        {
            error = new("packet has no mobility header", headers.Length);
            return false;
        }

        if (!MobilityMessage.TryReadLength(payload, out var length, out error))
        {
            error = error.Shifted(headers.Length);
            return false;
        }

        var header = payload[..length];
        if (Checksum(headers.Source, headers.Destination, headers.HomeAddressOption, headers.Type2RoutingHeader, header) != 0)
        {
            error = new("mobility header's checksum is wrong", headers.Length + MobilityMessage.ChecksumOffset);
            return false;
        }

        if (!MobilityMessage.TryParse(header, out var message, out error))
        {
            error = error.Shifted(headers.Length);
            return false;
        }

        packet = new(headers.Source, headers.Destination, headers.HomeAddressOption, headers.Type2RoutingHeader, message);
        return true;
    }

    /// <inheritdoc/>
    public override void WriteTo(Span<byte> destination)
    {
        var headers = new Ipv6Headers
        {
            Source = Source,
            Destination = Destination,
            HopLimit = HopLimit,
            HomeAddressOption = HomeAddressOption,
            Type2RoutingHeader = Type2RoutingHeader,
            UpperLayer = NextHeader.Mobility,
        };
        var packet = destination[..Length];
        var header = packet[headers.WriteTo(packet)..];
        Message.WriteTo(header);
        BinaryPrimitives.WriteUInt16BigEndian(
            header[MobilityMessage.ChecksumOffset..], Checksum(Source, Destination, HomeAddressOption, Type2RoutingHeader, header));
    }

    // The pseudo-header has the home address as source or final destination (RFC 6275, section 6.1.1).
    private static ushort Checksum(
        Ipv6Address source,
        Ipv6Address destination,
        Ipv6Address? homeAddressOption,
        Ipv6Address? type2RoutingHeader,
        ReadOnlySpan<byte> header) =>
        InternetChecksum.Compute(homeAddressOption ?? source, type2RoutingHeader ?? destination, NextHeader.Mobility, header);
}
