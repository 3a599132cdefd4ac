using System.Buffers.Binary;
using Kagemusha.Wire;
using static Kagemusha.Fuzz.BrokenPropertyException;

namespace Kagemusha.Fuzz;

/// <summary>What comes from the network: read or refused with a reason, and what was understood is understood again when we write it.</summary>
internal static class PacketTargets
{
    private const int IcmpChecksumOffset = 2;
    private const int MobilityChecksumOffset = 4;

    private delegate bool TryParse<T>(ReadOnlySpan<byte> bytes, out T? packet, out WireError error);

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("ethernet-frame", bytes => Check<EthernetFrame>(bytes, EthernetFrame.TryParse, frame => frame.ToArray())),
        new("mobility-packet", bytes => CheckBoth<MobilityPacket>(
            bytes, NextHeader.Mobility, MobilityChecksumOffset, MobilityPacket.TryParse, packet => packet.ToArray())),
        new("mobility-icmp-packet", bytes => CheckBoth<MobilityIcmpPacket>(
            bytes, NextHeader.Icmpv6, IcmpChecksumOffset, MobilityIcmpPacket.TryParse, packet => packet.ToArray())),
        new("mobility-error-packet", CheckError),
        new("neighbour-discovery-packet", bytes => CheckBoth<NeighbourDiscoveryPacket>(
            bytes, NextHeader.Icmpv6, IcmpChecksumOffset, NeighbourDiscoveryPacket.TryParse, packet => packet.ToArray())),
        new("neighbour-discovery-message", bytes => Check<NeighbourDiscoveryMessage>(
            bytes, NeighbourDiscoveryMessage.TryParse, message => message.ToArray())),
    ];

    // As it came, and with the checksum that it should have: no fuzzer finds that.
    private static void CheckBoth<T>(byte[] bytes, NextHeader protocol, int checksumOffset, TryParse<T> parse, Func<T, byte[]> write)
        where T : class
    {
        Check(bytes, parse, write);
        var isRead = Ipv6Headers.TryParse(bytes, out var headers, out var payload, out var error);
        RequireReason(isRead, error, bytes);
        var length = payload.Length;
        if (isRead && headers.UpperLayer == protocol && protocol == NextHeader.Mobility && length >= 2)
        {
            length = Math.Min(length, 8 * (payload[1] + 1));
        }

        if (isRead && headers.UpperLayer == protocol && length >= checksumOffset + 2)
        {
            Seal(headers, protocol, bytes.AsSpan(headers.Length, length), checksumOffset);
            Check(bytes, parse, write);
        }
    }

    // It is only read; and there is a packet in it, which has a checksum, too.
    private static void CheckError(byte[] bytes)
    {
        CheckReading();
        if (!Ipv6Headers.TryParse(bytes, out var headers, out var payload, out _) || headers.UpperLayer != NextHeader.Icmpv6 || payload.Length < 8)
        {
            return;
        }

        var message = bytes.AsSpan(headers.Length, payload.Length);
        if (Ipv6Headers.TryParse(message[8..], out var about, out var header, out _) && about.UpperLayer == NextHeader.Mobility && header.Length >= 6)
        {
            Seal(about, NextHeader.Mobility, message.Slice(8 + about.Length, Math.Min(header.Length, 8 * (header[1] + 1))), MobilityChecksumOffset);
        }

        headers.HomeAddressOption = headers.Type2RoutingHeader = null;
        Seal(headers, NextHeader.Icmpv6, message, IcmpChecksumOffset);
        CheckReading();

        void CheckReading()
        {
            var isRead = MobilityErrorPacket.TryParse(bytes, out var packet, out var error);
            RequireReason(isRead, error, bytes);
            Require(isRead == packet is not null, "read, and nothing is there, or the other way round");
        }
    }

    private static void Seal(in Ipv6Headers headers, NextHeader protocol, Span<byte> message, int checksumOffset)
    {
        message.Slice(checksumOffset, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(message[checksumOffset..], InternetChecksum.Compute(
            headers.HomeAddressOption ?? headers.Source, headers.Type2RoutingHeader ?? headers.Destination, protocol, message));
    }

    private static void Check<T>(byte[] bytes, TryParse<T> parse, Func<T, byte[]> write)
        where T : class
    {
        var isRead = parse(bytes, out var packet, out var error);
        RequireReason(isRead, error, bytes);
        Require(isRead == packet is not null, "read, and nothing is there, or the other way round");
        if (packet is not null)
        {
            var written = write(packet);
            Require(parse(written, out var again, out error), $"what we write we refuse: {error}");
            Require(packet.Equals(again), "what we write we read as something else");
            Require(written.AsSpan().SequenceEqual(write(again!)), "what we write differs from one time to the next");
        }
    }

    private static void RequireReason(bool isRead, WireError error, byte[] bytes)
    {
        Require(isRead == (error == default), isRead ? $"read, but an error is left: {error}" : "refused without an error");
        Require(isRead || (error.What is not null && error.Offset >= 0 && error.Offset <= bytes.Length), $"an error elsewhere: {error}");
    }
}
