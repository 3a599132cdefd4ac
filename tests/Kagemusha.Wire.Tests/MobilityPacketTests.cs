namespace Kagemusha.Wire.Tests;

public class MobilityPacketTests
{
    private const byte DestinationOptions = 60;
    private const byte Fragment = 44;
    private const byte HopByHop = 0;
    private const byte Mobility = 135;
    private const byte Routing = 43;

    private const string HomeHex = "20010db8000100000000000000000075";
    private const string Refresh = "3b 00 00 00 0000 0000";
    private const string Update = "3b 01 05 00 0000 0001 c000 0001 01020000";

    /// <summary>What follows the IPv6 header, with the mobility header's checksum right: error and where, behind it.</summary>
    public static TheoryData<string, byte, string, string, string, int> Rejected => new()
    {
        { "ICMPv6", 58, "", "8000 0000 00000000", "packet has no mobility header", 0 },
        { "ESP", 50, "", "00000000 00000001", "packet has no mobility header", 0 },
        { "seven bytes", Mobility, "", "3b 00 00 00 0000 00", "mobility header is cut short", 7 },
        { "longer than the packet", Mobility, "", "3b 01 00 00 0000 0000", "mobility header is cut short", 8 },
        { "something follows", Mobility, "", "3a 00 00 00 0000 0000", "something follows the mobility header", 0 },
        { "update of 8 bytes", Mobility, "", "3b 00 05 00 0000 0001", "mobility header is shorter than its type", 1 },
        { "acknowledgement of 8 bytes", Mobility, "", "3b 00 06 00 0000 0001", "mobility header is shorter than its type", 1 },
        { "revocation of 8 bytes", Mobility, "", "3b 00 10 00 0000 0100", "mobility header is shorter than its type", 1 },
        { "error of 16 bytes", Mobility, "", "3b 01 07 00 0000 0100 2001000000000000", "mobility header is shorter than its type", 1 },
        { "option without a length", Mobility, "", "3b 01 05 00 0000 0001 c000 0001 000000 08",
            "mobility option is longer than its message", 15 },
        { "option past the end", Mobility, "", "3b 01 05 00 0000 0001 c000 0001 08030000",
            "mobility option is longer than its message", 12 },
        { "PadN past the end", Mobility, "", "3b 01 05 00 0000 0001 c000 0001 01030000", "mobility option is longer than its message", 12 },
        { "short care-of address", Mobility, "", "3b 01 05 00 0000 0001 c000 0001 03020000",
            "mobility option has another length than its type", 13 },
        { "long refresh advice", Mobility, "", "3b 02 06 00 0000 0000 0001 0001 0203 000000 010100 00 000000",
            "mobility option has another length than its type", 13 },
        { "extension header cut short", DestinationOptions, "87 00 0000", "", "extension header is cut short", 0 },
        { "extension header past the end", DestinationOptions, "87 01 01 04 00000000", "", "extension header is cut short", 0 },
        { "hop-by-hop options behind others", DestinationOptions, "00 00 01 04 00000000 87 00 01 04 00000000", Refresh,
            "hop-by-hop options are not the first extension header", 0 },
        { "first fragment", Fragment, "87 00 0001 00000007", Refresh, "packet is a part of a fragmented one", 2 },
        { "last fragment", Fragment, "87 00 0010 00000007", Refresh, "packet is a part of a fragmented one", 2 },
        { "type 0 routing header", Routing, "87 02 00 01 00000000" + HomeHex, Refresh, "routing header of an unknown type", 2 },
        { "type 2 routing header with two addresses", Routing, "87 04 02 01 00000000" + HomeHex + HomeHex, Refresh,
            "type 2 routing header does not hold one address", 1 },
        { "type 2 routing header with two segments left", Routing, "87 02 02 02 00000000" + HomeHex, Refresh,
            "type 2 routing header has more than one segment left", 3 },
        { "second type 2 routing header", Routing, "2b 02 02 01 00000000" + HomeHex + "87 02 02 01 00000000" + HomeHex, Refresh,
            "second type 2 routing header", 24 },
        { "second home address option", DestinationOptions, "3c 02 01020000 c910" + HomeHex + "87 02 01020000 c910" + HomeHex, Update,
            "second home address option", 30 },
        { "short home address option", DestinationOptions, "87 00 c904 20010db8", Update,
            "home address option does not hold one address", 2 },
        { "home address option among hop-by-hop options", HopByHop, "87 02 01020000 c910" + HomeHex, Update,
            "unknown option that may not be skipped", 6 },
        { "option to discard for", DestinationOptions, "87 00 4104 00000000", Update, "unknown option that may not be skipped", 2 },
        { "option past its header", DestinationOptions, "87 00 1e05 00000000", Update, "option is longer than its header", 2 },
        { "option header past its header", DestinationOptions, "87 00 01 03 000000 1e", Update, "option is longer than its header", 7 },
    };

    /// <summary>Extension headers that are skipped.</summary>
    public static TheoryData<string, byte, string> Skipped => new()
    {
        { "router alert", HopByHop, "87 00 0502 0000 0100" },
        { "encapsulation limit", DestinationOptions, "87 00 0401 04 010100" },
        { "unknown option", DestinationOptions, "87 00 1e02 aabb 0000" },
        { "whole fragment", Fragment, "87 ff 0006 00000007" },
        { "routing header that is used up", Routing, "87 02 02 00 00000000" + HomeHex },
        { "all of them", HopByHop, "3c 00 01 04 00000000 2c 00 01 04 00000000 2b 00 0000 00000001 87 00 04 00 00000000" },
    };

    [Theory]
    [MemberData(nameof(Rejected))]
    public void What_is_wrong_is_said_with_its_place(string what, byte first, string extensions, string header, string error, int offset)
    {
        _ = what;
        var bytes = Packet(first, Raw.Bytes(extensions), Raw.Bytes(header), Samples.Home, Samples.HomeAgent);
        Assert.False(MobilityPacket.TryParse(bytes, out var packet, out var actual));
        Assert.Null(packet);
        // RFC 6275, section 9.2: these two are answered.
        var needsParameterProblem = error is "something follows the mobility header" or "mobility header is shorter than its type";
        Assert.Equal(new WireError(error, 40 + offset) { NeedsParameterProblem = needsParameterProblem }, actual);
    }

    [Theory]
    [MemberData(nameof(Skipped))]
    public void Other_extension_headers_are_skipped(string what, byte first, string extensions)
    {
        _ = what;
        var bytes = Packet(first, Raw.Bytes(extensions), Raw.Bytes(Refresh), Samples.HomeAgent, Samples.CareOf);
        Assert.True(MobilityPacket.TryParse(bytes, out var packet, out _));
        Assert.Equal(new(Samples.HomeAgent, Samples.CareOf, null, null, new BindingRefreshRequest([])), packet);
    }

    // Reserved fields and what PadN holds; reserved flags are kept, since later documents give them meanings.
    [Theory]
    [InlineData("3b 00 00 00 0000 0000", "3b 00 00 ff 0000 ffff")]
    [InlineData("3b 01 05 00 0000 0001 c000 0001 0102 0000", "3b 01 05 ff 0000 0001 c000 0001 0102 aabb")]
    [InlineData("3b 01 06 00 0000 0080 0001 0001 0102 0000", "3b 01 06 ff 0000 0080 0001 0001 0102 aabb")]
    [InlineData("3b 02 07 00 0000 0100 " + HomeHex, "3b 02 07 ff 0000 01ff " + HomeHex)]
    [InlineData("3b 01 10 00 0000 0101 1234 0000 0102 0000", "3b 01 10 ff 0000 0101 1234 0000 0102 aabb")]
    public void What_is_reserved_is_ignored(string zero, string filled)
    {
        Assert.True(MobilityPacket.TryParse(Message(zero), out var expected, out _));
        Assert.True(MobilityPacket.TryParse(Message(filled), out var actual, out _));
        Assert.Equal(expected, actual);

        static byte[] Message(string header) => Packet(Mobility, [], Raw.Bytes(header), Samples.HomeAgent, Samples.CareOf);
    }

    [Fact]
    public void The_version_is_looked_at()
    {
        var bytes = Samples.Named("binding-update").Bytes.ToArray();
        bytes[0] = 0x40;
        Assert.False(MobilityPacket.TryParse(bytes, out _, out var error));
        Assert.Equal(new WireError("IP version is not 6", 0), error);
    }

    [Fact]
    public void Bytes_behind_the_mobility_header_are_ignored()
    {
        // RFC 8200, section 4.7: bytes behind a header whose next header is 59.
        var header = Raw.WithChecksum(Raw.Bytes(Refresh), 4, Mobility, Samples.HomeAgent, Samples.CareOf);
        var bytes = Raw.Ipv6(64, Mobility, Samples.HomeAgent, Samples.CareOf, [.. header, 1, 2, 3]);
        Assert.True(MobilityPacket.TryParse(bytes, out var packet, out _));
        Assert.Equal(new BindingRefreshRequest([]), packet.Message);
    }

    [Fact]
    public void The_checksum_covers_the_home_addresses_in_place_of_the_care_of_addresses()
    {
        var sample = Samples.Named("between-mobile-nodes");
        var packet = (MobilityPacket)sample.Packet;
        var bytes = sample.Bytes.ToArray();
        bytes[8 + 15] ^= 1; // Source.
        bytes[24 + 15] ^= 1; // Destination.
        Assert.True(MobilityPacket.TryParse(bytes, out var moved, out _));
        Assert.Equal(packet with { Source = Ipv6Address.Parse("2001:db8:2::a"), Destination = Ipv6Address.Parse("2001:db8:3::6") }, moved);
        foreach (var last in new[] { 40 + 23, 64 + 23 })
        {
            bytes = sample.Bytes.ToArray();
            bytes[last] ^= 1;
            Assert.False(MobilityPacket.TryParse(bytes, out _, out var error));
            Assert.Equal(new WireError("mobility header's checksum is wrong", sample.MessageOffset + 4), error);
        }
    }

    [Fact]
    public void Headers_are_taken_in_either_order()
    {
        // Our own order is the one of RFC 6275, section 6.3; a receiver has no reason to insist.
        var sample = Samples.Named("between-mobile-nodes");
        var bytes = sample.Bytes.ToArray();
        sample.Bytes.AsSpan(64, 24).CopyTo(bytes.AsSpan(40));
        sample.Bytes.AsSpan(40, 24).CopyTo(bytes.AsSpan(64));
        (bytes[6], bytes[40], bytes[64]) = (DestinationOptions, Routing, Mobility);
        Assert.True(MobilityPacket.TryParse(bytes, out var packet, out _));
        Assert.Equal(sample.Packet, packet);
    }

    [Fact]
    public void The_home_address_is_the_senders_or_else_the_receivers()
    {
        Assert.Equal(Samples.Home, ((MobilityPacket)Samples.Named("binding-update").Packet).HomeAddress);
        Assert.Equal(Samples.Home, ((MobilityPacket)Samples.Named("binding-acknowledgement").Packet).HomeAddress);
        Assert.Equal(Samples.Home, ((MobilityPacket)Samples.Named("between-mobile-nodes").Packet).HomeAddress);
        Assert.Null(((MobilityPacket)Samples.Named("de-registration").Packet).HomeAddress);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(127, true)]
    [InlineData(128, false)]
    [InlineData(135, false)]
    [InlineData(255, false)]
    public void A_status_below_128_is_accepted(byte status, bool accepted) => Assert.Equal(accepted, ((BindingStatus)status).IsAccepted);

    [Fact]
    public void A_message_that_is_too_long_for_its_length_is_the_callers_fault()
    {
        var option = new UnknownMobilityOption(200, [.. new byte[256]]);
        var packet = new MobilityPacket(Samples.Home, Samples.HomeAgent, null, null, new BindingRefreshRequest([option]));
        Assert.Throws<OverflowException>(packet.ToArray);
        WireArray<MobilityOption> tooMany = [.. Enumerable.Repeat<MobilityOption>(new UnknownMobilityOption(200, [.. new byte[253]]), 9)];
        Assert.Throws<OverflowException>((packet with { Message = new BindingRefreshRequest(tooMany) }).ToArray);
    }

    private static byte[] Packet(byte first, byte[] extensions, byte[] header, Ipv6Address source, Ipv6Address destination)
    {
        var home = extensions.AsSpan().IndexOf((byte)0xc9) >= 0 ? Samples.Home : source;
        return Raw.Ipv6(
            64, first, source, destination,
            [.. extensions, .. header.Length < 8 ? header : Raw.WithChecksum(header, 4, Mobility, home, destination)]);
    }
}
