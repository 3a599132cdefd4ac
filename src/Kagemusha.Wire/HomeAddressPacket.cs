using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>What is known of any IPv6 packet with a home address option (RFC 6275, section 6.3) before its content is looked at. It is only ever read.</summary>
/// <param name="Source">The IPv6 header's source: the care-of address.</param>
/// <param name="Destination">The IPv6 header's destination.</param>
/// <param name="HomeAddress">The sender's home address.</param>
/// <param name="UpperLayer">What is in the packet.</param>
public sealed record HomeAddressPacket(Ipv6Address Source, Ipv6Address Destination, Ipv6Address HomeAddress, NextHeader UpperLayer)
{
    /// <summary>Reads the headers.</summary>
    public static bool TryParse(ReadOnlySpan<byte> ipv6Packet, [NotNullWhen(true)] out HomeAddressPacket? packet, out WireError error)
    {
        packet = null;
        if (!Ipv6Headers.TryParse(ipv6Packet, out var headers, out _, out error))
        {
            return false;
        }

        if (headers.HomeAddressOption is not { } homeAddress)
        {
            error = new("packet has no home address option", headers.Length);
            return false;
        }

        packet = new(headers.Source, headers.Destination, homeAddress, headers.UpperLayer);
        return true;
    }
}
