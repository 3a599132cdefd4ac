using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>A whole IPv6 packet with a neighbour discovery message that is valid by RFC 4861, sections 6.1 and 7.1.</summary>
/// <param name="Source">The IPv6 header's source.</param>
/// <param name="Destination">The IPv6 header's destination.</param>
/// <param name="Message">The message.</param>
public sealed record NeighbourDiscoveryPacket(Ipv6Address Source, Ipv6Address Destination, NeighbourDiscoveryMessage Message)
    : Ipv6Packet(Source, Destination)
{
    // No router has forwarded the packet: it comes from the link.
    private const byte HopLimit = 255;

    /// <inheritdoc/>
    public override int Length => Ipv6Headers.FixedLength + Message.Length;

    /// <summary>Reads a packet and checks what RFC 4861 asks. Bytes behind the packet, such as a frame's padding, are ignored.</summary>
    public static bool TryParse(
        ReadOnlySpan<byte> ipv6Packet, [NotNullWhen(true)] out NeighbourDiscoveryPacket? packet, out WireError error)
    {
        packet = null;
        if (!Ipv6Headers.TryParseIcmpv6(ipv6Packet, out var headers, out var payload, out error))
        {
            return false;
        }

        if (headers.HopLimit != HopLimit)
        {
            error = new("hop limit is not 255", 7);
            return false;
        }

        // RFC 6980, section 5: not even a whole one. What a home address would mean here, no RFC says.
        if (headers.IsFragment || headers.HomeAddressOption is not null || headers.Type2RoutingHeader is not null)
        {
            error = new("neighbour discovery behind a fragment header or a home address", Ipv6Headers.FixedLength);
            return false;
        }

        if (!NeighbourDiscoveryMessage.TryParse(payload, out var message, out error))
        {
            error = error.Shifted(headers.Length);
            return false;
        }

        if (InternetChecksum.Compute(headers.Source, headers.Destination, NextHeader.Icmpv6, payload) != 0)
        {
            error = new("ICMPv6 checksum is wrong", headers.Length + NeighbourDiscoveryMessage.ChecksumOffset);
            return false;
        }

        if (WhyNotValid(headers.Source, headers.Destination, message) is { } why)
        {
            error = new(why, headers.Length);
            return false;
        }

        packet = new(headers.Source, headers.Destination, message);
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
            UpperLayer = NextHeader.Icmpv6,
        };
        var packet = destination[..Length];
        var message = packet[headers.WriteTo(packet)..];
        Message.WriteTo(message);
        BinaryPrimitives.WriteUInt16BigEndian(
            message[NeighbourDiscoveryMessage.ChecksumOffset..],
            InternetChecksum.Compute(Source, Destination, NextHeader.Icmpv6, message));
    }

    private static string? WhyNotValid(Ipv6Address source, Ipv6Address destination, NeighbourDiscoveryMessage message) => message switch
    {
        RouterSolicitation { Options: var options } when source.IsUnspecified && HasSourceLinkLayerAddress(options) =>
            "solicitation from the unspecified address has a source link-layer address",
        RouterAdvertisement when !source.IsLinkLocal => "router advertisement is not from a link-local address",
        NeighbourSolicitation { Target.IsMulticast: true } or NeighbourAdvertisement { Target.IsMulticast: true } =>
            "target is a multicast address",
        NeighbourSolicitation { Target: var target } when source.IsUnspecified && destination != target.SolicitedNode =>
            "solicitation from the unspecified address is not to the target's solicited-node address",
        NeighbourSolicitation { Options: var options } when source.IsUnspecified && HasSourceLinkLayerAddress(options) =>
            "solicitation from the unspecified address has a source link-layer address",
        NeighbourAdvertisement { Flags: var flags } when destination.IsMulticast && flags.HasFlag(NeighbourAdvertisementFlags.Solicited) =>
            "advertisement to a multicast address says that it was solicited",
        _ => null,
    };

    private static bool HasSourceLinkLayerAddress(WireArray<NeighbourDiscoveryOption> options) =>
        options.Any(option => option.OptionType == SourceLinkLayerAddress.Type);
}
