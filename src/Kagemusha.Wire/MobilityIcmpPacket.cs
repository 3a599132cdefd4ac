using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>
/// A whole IPv6 packet with an ICMPv6 message of home agent or prefix discovery. When read, hop limit and other extension headers are not
/// kept; when written, the hop limit is 64.
/// </summary>
/// <param name="Source">The IPv6 header's source.</param>
/// <param name="Destination">The IPv6 header's destination.</param>
/// <param name="HomeAddressOption">The sender's home address (RFC 6275, section 6.3): in a solicitation.</param>
/// <param name="Type2RoutingHeader">The receiver's home address (RFC 6275, section 6.4): in a prefix advertisement.</param>
/// <param name="Message">The message.</param>
public sealed record MobilityIcmpPacket(
    Ipv6Address Source, Ipv6Address Destination, Ipv6Address? HomeAddressOption, Ipv6Address? Type2RoutingHeader, MobilityIcmpMessage Message)
    : Ipv6Packet(Source, Destination)
{
    private const byte HopLimit = 64;

    /// <inheritdoc/>
    public override int Length => Ipv6Headers.FixedLength
        + (HomeAddressOption is null ? 0 : Ipv6Headers.HomeAddressHeaderLength)
        + (Type2RoutingHeader is null ? 0 : Ipv6Headers.HomeAddressHeaderLength)
        + Message.Length;

    /// <summary>Reads a packet and checks its checksum. Bytes behind the packet, such as a frame's padding, are ignored.</summary>
    public static bool TryParse(ReadOnlySpan<byte> ipv6Packet, [NotNullWhen(true)] out MobilityIcmpPacket? packet, out WireError error)
    {
        packet = null;
        if (!Ipv6Headers.TryParseIcmpv6(ipv6Packet, out var headers, out var payload, out error))
        {
            return false;
        }

        if (!MobilityIcmpMessage.TryParse(payload, out var message, out error))
        {
            error = error.Shifted(headers.Length);
            return false;
        }

        packet = new(headers.Source, headers.Destination, headers.HomeAddressOption, headers.Type2RoutingHeader, message);
        if (packet.Checksum(payload) != 0)
        {
            packet = null;
            error = new("ICMPv6 checksum is wrong", headers.Length + MobilityIcmpMessage.ChecksumOffset);
            return false;
        }

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
            UpperLayer = NextHeader.Icmpv6,
        };
        var packet = destination[..Length];
        var message = packet[headers.WriteTo(packet)..];
        Message.WriteTo(message);
        BinaryPrimitives.WriteUInt16BigEndian(message[MobilityIcmpMessage.ChecksumOffset..], Checksum(message));
    }

    // As with the mobility header, the home address stands for the care-of address (RFC 6275, sections 6.3 and 6.4).
    private ushort Checksum(ReadOnlySpan<byte> message) =>
        InternetChecksum.Compute(HomeAddressOption ?? Source, Type2RoutingHeader ?? Destination, NextHeader.Icmpv6, message);
}
