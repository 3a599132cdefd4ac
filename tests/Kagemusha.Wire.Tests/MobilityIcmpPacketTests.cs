namespace Kagemusha.Wire.Tests;

public class MobilityIcmpPacketTests
{
    private const byte Icmpv6 = 58;

    /// <summary>A message with a right checksum; error and where in the message.</summary>
    public static TheoryData<string, string, int> Rejected => new()
    {
        { "", "ICMPv6 message is none of mobility", 0 },
        { "8f00 0000 1234 0000", "ICMPv6 message is none of mobility", 0 },
        { "9400 0000 1234 0000", "ICMPv6 message is none of mobility", 0 },
        { "9000 0000 1234 00", "ICMPv6 message is cut short", 7 },
        { "9001 0000 1234 0000", "ICMPv6 message has a code that is not zero", 1 },
        { "9100 0000 1234 0000 20010db8", "list of home agents ends in the middle of an address", 12 },
        { "9300 0000 1234 0000 0304", "option is longer than its message", 8 },
        { "9300 0000 1234 0000 0300 000000000000", "option has the length zero", 8 },
    };

    [Theory]
    [MemberData(nameof(Rejected))]
    public void What_is_wrong_is_said_with_its_place(string message, string error, int offset)
    {
        Assert.False(MobilityIcmpPacket.TryParse(Packet(message), out var packet, out var actual));
        Assert.Null(packet);
        Assert.Equal(new WireError(error, 40 + offset), actual);
    }

    [Fact]
    public void A_wrong_checksum_is_rejected()
    {
        var bytes = Packet("9000 0000 1234 0000");
        bytes[^1] ^= 1;
        Assert.False(MobilityIcmpPacket.TryParse(bytes, out _, out var error));
        Assert.Equal(new WireError("ICMPv6 checksum is wrong", 42), error);
    }

    [Fact]
    public void Reserved_bits_are_ignored_and_flags_of_later_documents_kept()
    {
        // R: mobile routers (RFC 3963, section 5.4.1).
        Assert.True(MobilityIcmpPacket.TryParse(Packet("9000 0000 1234 8000"), out var request, out _));
        Assert.Equal(new HomeAgentAddressDiscoveryRequest(0x1234), request.Message);
        Assert.True(MobilityIcmpPacket.TryParse(Packet("9300 0000 1234 a001"), out var advertisement, out _));
        Assert.Equal(new MobilePrefixAdvertisement(0x1234, (MobilePrefixFlags)0xa001, []), advertisement.Message);
    }

    // RFC 6275, section 6.7: options that later documents may define.
    [Fact]
    public void What_a_solicitation_brings_along_is_ignored()
    {
        Assert.True(MobilityIcmpPacket.TryParse(Packet("9200 0000 1234 ffff c801 0102 0304 0506"), out var packet, out _));
        Assert.Equal(new MobilePrefixSolicitation(0x1234), packet.Message);
    }

    [Fact]
    public void A_list_of_home_agents_may_be_empty()
    {
        Assert.True(MobilityIcmpPacket.TryParse(Packet("9100 0000 1234 0000"), out var packet, out _));
        Assert.Equal(new HomeAgentAddressDiscoveryReply(0x1234, []), packet.Message);
    }

    private static byte[] Packet(string message)
    {
        var bytes = Raw.Bytes(message);
        return Raw.Ipv6(
            64, Icmpv6, Samples.CareOf, Samples.HomeAgent,
            bytes.Length < 4 ? bytes : Raw.WithChecksum(bytes, 2, Icmpv6, Samples.CareOf, Samples.HomeAgent));
    }
}
