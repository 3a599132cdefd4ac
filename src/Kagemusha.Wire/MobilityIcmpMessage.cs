using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Kagemusha.Wire;

/// <summary>
/// An ICMPv6 message by which a mobile node finds its home agents and home prefixes (RFC 6275, sections 6.5 to 6.8).
/// <code>
///  0               1               2               3
/// |     Type      |   Code = 0    |          Checksum             |
/// |           Identifier          |        Flags, Reserved        |
/// |   Addresses or options ...
/// </code>
/// </summary>
/// <param name="Identifier">Matches an answer to its question.</param>
public abstract record MobilityIcmpMessage(ushort Identifier)
{
    internal const int ChecksumOffset = 2;

    private protected const int FixedLength = 8;

    internal abstract byte MessageType { get; }

    internal abstract int Length { get; }

    private protected abstract void WriteData(Span<byte> message);

    /// <summary>Writes <see cref="Length"/> bytes; the checksum, which covers the packet's addresses, is left zero.</summary>
    internal void WriteTo(Span<byte> destination)
    {
        var message = destination[..Length];
        message[..FixedLength].Clear();
        message[0] = MessageType;
        BinaryPrimitives.WriteUInt16BigEndian(message[4..], Identifier);
        WriteData(message);
    }

    /// <summary>Reads a message. The checksum is the packet's affair.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out MobilityIcmpMessage? message, out WireError error)
    {
        message = null;
        error = default;
        if (bytes.IsEmpty || bytes[0] is < HomeAgentAddressDiscoveryRequest.Type or > MobilePrefixAdvertisement.Type)
        {
            error = new("ICMPv6 message is none of mobility", 0);
            return false;
        }

        if (bytes.Length < FixedLength)
        {
            error = new("ICMPv6 message is cut short", bytes.Length);
            return false;
        }

        if (bytes[1] != 0)
        {
            error = new("ICMPv6 message has a code that is not zero", 1);
            return false;
        }

        var identifier = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        message = bytes[0] switch
        {
            HomeAgentAddressDiscoveryRequest.Type => new HomeAgentAddressDiscoveryRequest(identifier),
            HomeAgentAddressDiscoveryReply.Type => HomeAgentAddressDiscoveryReply.Read(identifier, bytes, out error),
            MobilePrefixSolicitation.Type => new MobilePrefixSolicitation(identifier),
            _ => MobilePrefixAdvertisement.Read(identifier, bytes, out error),
        };
        return message is not null;
    }
}

/// <summary>Asks any home agent on the home link for the list of all (RFC 6275, section 6.5).</summary>
/// <param name="Identifier">Matches the reply to it.</param>
public sealed record HomeAgentAddressDiscoveryRequest(ushort Identifier) : MobilityIcmpMessage(Identifier)
{
    internal const byte Type = 144;

    internal override byte MessageType => Type;

    internal override int Length => FixedLength;

    private protected override void WriteData(Span<byte> message)
    {
    }
}

/// <summary>The home agents on the home link (RFC 6275, section 6.6).</summary>
/// <param name="Identifier">The request's.</param>
/// <param name="HomeAgents">The most preferred first.</param>
public sealed record HomeAgentAddressDiscoveryReply(ushort Identifier, WireArray<Ipv6Address> HomeAgents) : MobilityIcmpMessage(Identifier)
{
    internal const byte Type = 145;

    internal override byte MessageType => Type;

    internal override int Length => FixedLength + HomeAgents.Count * Ipv6Address.Length;

    internal static HomeAgentAddressDiscoveryReply? Read(ushort identifier, ReadOnlySpan<byte> message, out WireError error)
    {
        var list = message[FixedLength..];
        if (list.Length % Ipv6Address.Length != 0)
        {
            error = new("list of home agents ends in the middle of an address", message.Length);
            return null;
        }

        var homeAgents = new Ipv6Address[list.Length / Ipv6Address.Length];
        for (var i = 0; i < homeAgents.Length; i++)
        {
            homeAgents[i] = Ipv6Address.Read(list[(i * Ipv6Address.Length)..]);
        }

        error = default;
        return new(identifier, new(homeAgents));
    }

    private protected override void WriteData(Span<byte> message)
    {
        var rest = message[FixedLength..];
        foreach (var homeAgent in HomeAgents.Span)
        {
            homeAgent.WriteTo(rest);
            rest = rest[Ipv6Address.Length..];
        }
    }
}

/// <summary>Asks the home agent for the prefixes of the home link (RFC 6275, section 6.7).</summary>
/// <param name="Identifier">Matches the advertisement to it.</param>
public sealed record MobilePrefixSolicitation(ushort Identifier) : MobilityIcmpMessage(Identifier)
{
    internal const byte Type = 146;

    internal override byte MessageType => Type;

    internal override int Length => FixedLength;

    private protected override void WriteData(Span<byte> message)
    {
    }
}

/// <summary>
/// The prefixes of the home link (RFC 6275, section 6.8).
/// <code>
///  4                               6
/// |           Identifier          |M|O|        Reserved           |
/// |   Options ...
/// </code>
/// </summary>
/// <param name="Identifier">The solicitation's; any where none was sent.</param>
/// <param name="Flags">The flags; unknown bits are kept.</param>
/// <param name="Options">Prefix informations, in the form of a Router Advertisement.</param>
public sealed record MobilePrefixAdvertisement(
    ushort Identifier, MobilePrefixFlags Flags, WireArray<NeighbourDiscoveryOption> Options) : MobilityIcmpMessage(Identifier)
{
    internal const byte Type = 147;

    internal override byte MessageType => Type;

    internal override int Length
    {
        get
        {
            var length = FixedLength;
            foreach (var option in Options.Span)
            {
                length += option.Length;
            }

            return length;
        }
    }

    internal static MobilePrefixAdvertisement? Read(ushort identifier, ReadOnlySpan<byte> message, out WireError error) =>
        NeighbourDiscoveryOption.TryParseAll(message, FixedLength, out var options, out error)
            ? new(identifier, (MobilePrefixFlags)BinaryPrimitives.ReadUInt16BigEndian(message[6..]), options)
            : null;

    private protected override void WriteData(Span<byte> message)
    {
        BinaryPrimitives.WriteUInt16BigEndian(message[6..], (ushort)Flags);
        var rest = message[FixedLength..];
        foreach (var option in Options.Span)
        {
            option.WriteTo(rest);
            rest = rest[option.Length..];
        }
    }
}

/// <summary>The flags of a Mobile Prefix Advertisement (RFC 6275, section 6.8).</summary>
[Flags]
public enum MobilePrefixFlags : ushort
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>M: addresses by DHCPv6.</summary>
    Managed = 0x8000,

    /// <summary>O: other configuration by DHCPv6.</summary>
    Other = 0x4000,
}
