using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>
/// The IPv6 header (RFC 8200, section 3) and the extension headers behind it, up to the upper-layer header.
/// <code>
/// |Version| Traffic Class |           Flow Label                  |
/// |         Payload Length        |  Next Header  |   Hop Limit   |
/// |                        Source Address (16)                    |
/// |                      Destination Address (16)                 |
/// </code>
/// </summary>
internal struct Ipv6Headers
{
    /// <summary>The fixed header's length.</summary>
    public const int FixedLength = 40;

    /// <summary>A destination options header with nothing but the home address option; the type 2 routing header as well.</summary>
    public const int HomeAddressHeaderLength = 24;

    private const byte Pad1 = 0;
    private const byte PadN = 1;
    private const byte HomeAddressOptionType = 0xc9;

    public Ipv6Address Source;
    public Ipv6Address Destination;
    public byte HopLimit;
    public bool IsFragment;
    public Ipv6Address? HomeAddressOption;
    public Ipv6Address? Type2RoutingHeader;
    public NextHeader UpperLayer;

    /// <summary>Where the upper-layer header begins.</summary>
    public int Length;

    /// <summary>The upper-layer header and what follows it; a frame's padding behind the packet is left out.</summary>
    public static bool TryParse(ReadOnlySpan<byte> packet, out Ipv6Headers headers, out ReadOnlySpan<byte> payload, out WireError error)
    {
        headers = default;
        payload = default;
        if (packet.Length < FixedLength)
        {
            error = new("IPv6 header is cut short", packet.Length);
            return false;
        }

        if (packet[0] >> 4 != 6)
        {
            error = new("IP version is not 6", 0);
            return false;
        }

        var length = FixedLength + BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (packet.Length < length)
        {
            error = new("packet is shorter than its payload length says", packet.Length);
            return false;
        }

        packet = packet[..length];
        headers.UpperLayer = (NextHeader)packet[6];
        headers.HopLimit = packet[7];
        headers.Source = Ipv6Address.Read(packet[8..]);
        headers.Destination = Ipv6Address.Read(packet[24..]);
        headers.Length = FixedLength;
        error = default;
        while (headers.UpperLayer
            is NextHeader.HopByHopOptions or NextHeader.Routing or NextHeader.Fragment or NextHeader.DestinationOptions)
        {
            if (!headers.TryStepOver(packet, out error))
            {
                return false;
            }
        }

        payload = packet[headers.Length..];
        return true;
    }

    /// <summary>As <see cref="TryParse"/>, of a packet that has to be ICMPv6.</summary>
    public static bool TryParseIcmpv6(ReadOnlySpan<byte> packet, out Ipv6Headers headers, out ReadOnlySpan<byte> payload, out WireError error)
    {
        if (!TryParse(packet, out headers, out payload, out error))
        {
            return false;
        }

        if (headers.UpperLayer != NextHeader.Icmpv6)
        {
            error = new("packet is not ICMPv6", headers.Length);
            return false;
        }

        return true;
    }

    /// <summary>Writes the fixed header and the headers that carry the home address; returns where the upper-layer header goes.</summary>
    public readonly int WriteTo(Span<byte> packet)
    {
        // The home address option comes behind the routing header (RFC 6275, section 6.3).
        var afterOption = HomeAddressOption is null ? UpperLayer : NextHeader.DestinationOptions;
        var first = Type2RoutingHeader is null ? afterOption : NextHeader.Routing;
        BinaryPrimitives.WriteUInt32BigEndian(packet, 0x6000_0000);
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], checked((ushort)(packet.Length - FixedLength)));
        packet[6] = (byte)first;
        packet[7] = HopLimit;
        Source.WriteTo(packet[8..]);
        Destination.WriteTo(packet[24..]);
        var offset = FixedLength;
        if (Type2RoutingHeader is { } home)
        {
            // Next, Hdr Ext Len = 2, Routing Type = 2, Segments Left = 1, Reserved (RFC 6275, section 6.4.1).
            ReadOnlySpan<byte> start = [(byte)afterOption, 2, 2, 1, 0, 0, 0, 0];
            start.CopyTo(packet[offset..]);
            home.WriteTo(packet[(offset + 8)..]);
            offset += HomeAddressHeaderLength;
        }

        if (HomeAddressOption is { } address)
        {
            // Next, Hdr Ext Len = 2, PadN of 4 bytes for the option's alignment 8n+6 (RFC 6275, section 6.3).
            ReadOnlySpan<byte> start = [(byte)UpperLayer, 2, PadN, 2, 0, 0, HomeAddressOptionType, Ipv6Address.Length];
            start.CopyTo(packet[offset..]);
            address.WriteTo(packet[(offset + 8)..]);
            offset += HomeAddressHeaderLength;
        }

        return offset;
    }

    // Every one of these headers begins with the next one's number, and is a multiple of eight bytes long.
    private bool TryStepOver(ReadOnlySpan<byte> packet, out WireError error)
    {
        var start = Length;
        var header = packet[start..];
        var length = header.Length < 8 ? 8 : UpperLayer == NextHeader.Fragment ? 8 : 8 * (header[1] + 1);
        if (header.Length < length)
        {
            error = new("extension header is cut short", start);
            return false;
        }

        header = header[..length];
        var valid = UpperLayer switch
        {
            NextHeader.Fragment => TryReadFragment(header, out error),
            NextHeader.Routing => TryReadRouting(header, out error),
            _ => TryReadOptions(header, out error),
        };
        UpperLayer = (NextHeader)header[0];
        Length += length;
        if (!valid)
        {
            error = error.Shifted(start);
        }
        else if (UpperLayer == NextHeader.HopByHopOptions)
        {
            error = new("hop-by-hop options are not the first extension header", start);
            valid = false;
        }

        return valid;
    }

    // RFC 8200, section 4.5: | Next Header | Reserved | Fragment Offset (13), Res (2), M | Identification |
    private bool TryReadFragment(ReadOnlySpan<byte> header, out WireError error)
    {
        const int OffsetAndMore = 0xfff9;
        IsFragment = true;
        var whole = (BinaryPrimitives.ReadUInt16BigEndian(header[2..]) & OffsetAndMore) == 0;
        error = whole ? default : new("packet is a part of a fragmented one", 2);
        return whole;
    }

    private bool TryReadRouting(ReadOnlySpan<byte> header, out WireError error)
    {
        error = default;
        if (header[3] == 0)
        {
            return true; // Nothing is left to do: the header is ignored (RFC 8200, section 4.4).
        }

        if (header[2] != 2)
        {
            error = new("routing header of an unknown type", 2);
        }
        else if (header.Length != HomeAddressHeaderLength)
        {
            error = new("type 2 routing header does not hold one address", 1);
        }
        else if (header[3] != 1)
        {
            error = new("type 2 routing header has more than one segment left", 3);
        }
        else if (Type2RoutingHeader is not null)
        {
            error = new("second type 2 routing header", 0);
        }
        else
        {
            Type2RoutingHeader = Ipv6Address.Read(header[8..]);
            return true;
        }

        return false;
    }

    private bool TryReadOptions(ReadOnlySpan<byte> header, out WireError error)
    {
        for (var offset = 2; offset < header.Length;)
        {
            if (header[offset] == Pad1)
            {
                offset++;
                continue;
            }

            if (offset + 2 > header.Length || offset + 2 + header[offset + 1] > header.Length)
            {
                error = new("option is longer than its header", offset);
                return false;
            }

            var data = header.Slice(offset + 2, header[offset + 1]);
            if (header[offset] == HomeAddressOptionType && UpperLayer == NextHeader.DestinationOptions)
            {
                if (data.Length != Ipv6Address.Length)
                {
                    error = new("home address option does not hold one address", offset);
                    return false;
                }

                if (HomeAddressOption is not null)
                {
                    error = new("second home address option", offset);
                    return false;
                }

                HomeAddressOption = Ipv6Address.Read(data);
            }
            else if (header[offset] >> 6 != 0)
            {
                // The two highest bits ask a node that does not know the option to discard the packet (RFC 8200, section 4.2).
                error = new("unknown option that may not be skipped", offset);
                return false;
            }

            offset += 2 + data.Length;
        }

        error = default;
        return true;
    }
}
