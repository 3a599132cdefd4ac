namespace Kagemusha.Wire.Tests;

public class NeighbourDiscoveryPacketTests
{
    private const byte Icmpv6 = 58;
    private const string HomeHex = "20010db8000100000000000000000075";
    private const string GroupHex = "ff020000000000000000000000000001";

    /// <summary>Source, destination, message with a right checksum; error and where in the message.</summary>
    public static TheoryData<string, string, string, string, int> Rejected => new()
    {
        { "fe80::2", "ff02::2", "", "ICMPv6 message is no neighbour discovery message", 0 },
        { "fe80::2", "ff02::2", "8000 0000 00000000", "ICMPv6 message is no neighbour discovery message", 0 },
        { "fe80::2", "ff02::2", "8900 0000 00000000" + HomeHex + HomeHex, "ICMPv6 message is no neighbour discovery message", 0 },
        { "fe80::2", "ff02::2", "8500 0000 000000", "neighbour discovery message is cut short", 7 },
        { "fe80::1", "ff02::1", "8600 0000 40000708 00000000 000000", "neighbour discovery message is cut short", 15 },
        { "fe80::2", "ff02::1", "8700 0000 00000000 2001", "neighbour discovery message is cut short", 10 },
        { "fe80::2", "ff02::2", "8501 0000 00000000", "neighbour discovery message has a code that is not zero", 1 },
        { "fe80::2", "ff02::2", "8500 0000 00000000 01", "option is longer than its message", 8 },
        { "fe80::2", "ff02::2", "8500 0000 00000000 0100 525400123456", "option has the length zero", 8 },
        { "fe80::2", "ff02::2", "8500 0000 00000000 0102 525400123456", "option is longer than its message", 8 },
        { "fe80::2", "ff02::2", "8500 0000 00000000 0101 525400123456 1901 0000 0000", "option is longer than its message", 16 },
        { "2001:db8:1::1", "ff02::1", "8600 0000 40000708 00000000 00000000", "router advertisement is not from a link-local address", 0 },
        { "::", "ff02::2", "8500 0000 00000000 0101 525400123456",
            "solicitation from the unspecified address has a source link-layer address", 0 },
        { "fe80::2", "ff02::1", "8700 0000 00000000" + GroupHex, "target is a multicast address", 0 },
        { "fe80::2", "ff02::1", "8800 0000 00000000" + GroupHex, "target is a multicast address", 0 },
        { "::", "ff02::1", "8700 0000 00000000" + HomeHex,
            "solicitation from the unspecified address is not to the target's solicited-node address", 0 },
        { "::", "ff02::1:ff00:75", "8700 0000 00000000" + HomeHex + "0101 525400123456",
            "solicitation from the unspecified address has a source link-layer address", 0 },
        { "::", "ff02::1:ff00:75", "8700 0000 00000000" + HomeHex + "0102 525400123456 0000000000000000",
            "solicitation from the unspecified address has a source link-layer address", 0 },
        { "fe80::2", "ff02::1", "8800 0000 40000000" + HomeHex, "advertisement to a multicast address says that it was solicited", 0 },
    };

    [Theory]
    [MemberData(nameof(Rejected))]
    public void What_is_wrong_is_said_with_its_place(string source, string destination, string message, string error, int offset)
    {
        Assert.False(NeighbourDiscoveryPacket.TryParse(Packet(255, source, destination, message), out var packet, out var actual));
        Assert.Null(packet);
        Assert.Equal(new WireError(error, 40 + offset), actual);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    [InlineData(254)]
    public void A_packet_that_was_forwarded_is_rejected(byte hopLimit)
    {
        Assert.False(NeighbourDiscoveryPacket.TryParse(Packet(hopLimit, "fe80::2", "ff02::2", "8500 0000 00000000"), out _, out var error));
        Assert.Equal(new WireError("hop limit is not 255", 7), error);
    }

    [Theory]
    [InlineData(44, "3a 00 0000 00000007")]
    [InlineData(60, "3a 02 01020000 c910" + HomeHex)]
    [InlineData(43, "3a 02 02 01 00000000" + HomeHex)]
    public void Headers_that_neighbour_discovery_may_not_have_are_rejected(byte first, string extension)
    {
        var (source, destination) = (Samples.Guest, Ipv6Address.AllRouters);
        var message = Raw.WithChecksum(Raw.Bytes("8500 0000 00000000"), 2, Icmpv6, source, destination);
        var bytes = Raw.Ipv6(255, first, source, destination, [.. Raw.Bytes(extension), .. message]);
        Assert.False(NeighbourDiscoveryPacket.TryParse(bytes, out _, out var error));
        Assert.Equal(new WireError("neighbour discovery behind a fragment header or a home address", 40), error);
    }

    [Fact]
    public void A_wrong_checksum_is_rejected()
    {
        var bytes = Samples.Named("overriding-advertisement").Bytes.ToArray();
        bytes[^1] ^= 1;
        Assert.False(NeighbourDiscoveryPacket.TryParse(bytes, out _, out var error));
        Assert.Equal(new WireError("ICMPv6 checksum is wrong", 42), error);
    }

    [Fact]
    public void Reserved_bits_are_ignored_and_flags_of_later_documents_kept()
    {
        var bytes = Packet(255, "fe80::1", "2001:db8:1::75", "8800 0000 1f abcdef" + HomeHex);
        Assert.True(NeighbourDiscoveryPacket.TryParse(bytes, out var packet, out _));
        Assert.Equal(new NeighbourAdvertisement(Samples.Home, (NeighbourAdvertisementFlags)0x1f, []), packet.Message);
    }

    [Fact]
    public void A_known_option_of_another_length_is_kept_as_it_is()
    {
        var bytes = Packet(
            255, "fe80::2", "ff02::2",
            "8500 0000 00000000 0102 0102030405060708 000000000000 0502 0000 000005dc 0000000000000000");
        Assert.True(NeighbourDiscoveryPacket.TryParse(bytes, out var packet, out _));
        Assert.Equal(
            [
                new UnknownNeighbourDiscoveryOption(1, [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0]),
                new UnknownNeighbourDiscoveryOption(5, [0, 0, 0, 0, 5, 0xdc, 0, 0, 0, 0, 0, 0, 0, 0]),
            ],
            packet.Message.Options);
        Assert.Equal(bytes, packet.ToArray());
    }

    private static byte[] Packet(byte hopLimit, string source, string destination, string message)
    {
        var (from, to) = (Ipv6Address.Parse(source), Ipv6Address.Parse(destination));
        var bytes = Raw.Bytes(message);
        return Raw.Ipv6(hopLimit, Icmpv6, from, to, bytes.Length < 4 ? bytes : Raw.WithChecksum(bytes, 2, Icmpv6, from, to));
    }
}
