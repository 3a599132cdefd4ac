using System.Buffers.Binary;
using CsCheck;

namespace Kagemusha.Wire.Tests;

public class ValueTests
{
    [Theory]
    [InlineData("::", "00000000000000000000000000000000")]
    [InlineData("::1", "00000000000000000000000000000001")]
    [InlineData("2001:db8:1::75", "20010db8000100000000000000000075")]
    [InlineData("fe80::5054:ff:fe12:3456", "fe80000000000000505400fffe123456")]
    [InlineData("ff02::1:ff00:75", "ff0200000000000000000001ff000075")]
    [InlineData("2001:db8:0:1:1:1:1:1", "20010db8000000010001000100010001")]
    public void Address_text_and_bytes_go_both_ways(string text, string hex)
    {
        var address = Ipv6Address.Parse(text);
        Assert.Equal(Raw.Bytes(hex), address.ToArray());
        Assert.Equal(address, Ipv6Address.Read(Raw.Bytes(hex)));
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("192.0.2.1")]
    [InlineData("fe80::1%eth0")]
    [InlineData("fe80::1%2")]
    [InlineData("[::1]")]
    [InlineData("[::1]:80")]
    [InlineData("2001:db8::/32")]
    [InlineData("2001:db8::1::2")]
    [InlineData(" ::1")]
    [InlineData("example.org")]
    public void What_is_no_address_is_refused(string? text)
    {
        Assert.False(Ipv6Address.TryParse(text, out _));
        Assert.Throws<FormatException>(() => Ipv6Address.Parse(text!));
    }

    [Theory]
    [InlineData("2001:db8::1", true)]
    [InlineData("fd00::1", true)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("febf::1", false)]
    [InlineData("ff0e::1", false)]
    [InlineData("::ffff:192.0.2.1", false)]
    [InlineData("::1:0:0", true)]
    public void Only_routable_unicast_addresses_are_home_or_care_of_addresses(string text, bool routable) =>
        Assert.Equal(routable, Ipv6Address.Parse(text).IsRoutableUnicast);

    [Theory]
    [InlineData(0x08, 1)]
    [InlineData(0x00, 0)]
    [InlineData(0x18, -1)]
    [InlineData(0x10, 0)] // Reserved, to be taken for medium.
    [InlineData(0xe7, 0)]
    [InlineData(0xef, 1)]
    [InlineData(0xff, -1)]
    public void A_routers_preference_is_two_bits_of_its_flags(byte flags, int preference) =>
        Assert.Equal(preference, new RouterAdvertisement(64, (RouterAdvertisementFlags)flags, 1800, 0, 0, []).Preference);

    [Theory]
    [InlineData("2001:db8:1::/64", "52:54:00:12:34:56", "2001:db8:1:0:5054:ff:fe12:3456")]
    [InlineData("2001:db8:1::/64", "02:00:00:00:00:01", "2001:db8:1::ff:fe00:1")]
    [InlineData("fe80::/64", "00:aa:00:3f:2a:1c", "fe80::2aa:ff:fe3f:2a1c")]
    public void A_node_makes_its_address_from_its_link_layer_address(string prefix, string node, string address) =>
        Assert.Equal(address, Ipv6Prefix.Parse(prefix).AddressOf(LinkLayerAddress.Parse(node)).ToString());

    [Fact]
    public void An_echo_request_is_icmpv6()
    {
        var source = Ipv6Address.Parse("2001:db8:1::");
        var message = Raw.WithChecksum([128, 0, 0, 0, 0, 0, 0, 0], 2, 58, source, Ipv6Address.AllNodes);

        Assert.Equal(Raw.Ipv6(64, 58, source, Ipv6Address.AllNodes, message), new EchoRequestPacket(source, Ipv6Address.AllNodes).ToArray());
    }

    [Fact]
    public void An_echo_request_knows_its_answer()
    {
        var (one, other) = (Ipv6Address.Parse("2001:db8:1::a"), Ipv6Address.Parse("2001:db8:1::1"));
        var request = new EchoRequestPacket(one, other) { Identifier = 0x1234 };
        byte[] Reply(byte type = 129, byte identifier = 0x34) =>
            Raw.Ipv6(64, 58, other, one, Raw.WithChecksum([type, 0, 0, 0, 0x12, identifier, 0, 0], 2, 58, other, one));

        var reply = Reply();
        Assert.True(request.IsAnsweredBy(reply));
        Assert.True(request.IsAnsweredBy([.. reply, 0]));
        Assert.False(request.IsAnsweredBy(request.ToArray()));
        Assert.False(request.IsAnsweredBy(Reply(type: 128)));
        Assert.False(request.IsAnsweredBy(Reply(identifier: 0x35)));
        Assert.False(request.IsAnsweredBy(Raw.Ipv6(64, 58, one, one, reply[40..])));
        for (var length = 0; length < reply.Length; length++)
        {
            Assert.False(request.IsAnsweredBy(reply.AsSpan(0, length)));
        }

        reply[42] ^= 1;
        Assert.False(request.IsAnsweredBy(reply));
    }

    [Theory]
    [InlineData("2001:db8:1::/64", "2001:db8:1:0:fdff:ffff:ffff:fffe")]
    [InlineData("2001:db8:1::/48", "2001:db8:1:ffff:ffff:ffff:ffff:fffe")]
    [InlineData("2001:db8::/120", "2001:db8::fe")]
    public void The_home_agents_have_a_reserved_anycast_address(string prefix, string address) =>
        Assert.Equal(address, Ipv6Prefix.Parse(prefix).HomeAgentsAnycast.ToString());

    [Fact]
    public void Groups_have_their_addresses()
    {
        Assert.Equal("ff02::1", Ipv6Address.AllNodes.ToString());
        Assert.Equal("ff02::2", Ipv6Address.AllRouters.ToString());
        Assert.Equal("ff02::1:ff28:9c5a", Ipv6Address.Parse("2001:db8::2aa:ff:fe28:9c5a").SolicitedNode.ToString());
        Assert.Equal("33:33:ff:28:9c:5a", LinkLayerAddress.ForMulticast(Ipv6Address.Parse("ff02::1:ff28:9c5a")).ToString());
        Assert.True(LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes).IsMulticast);
        Assert.False(Samples.GuestMac.IsMulticast);
    }

    [Theory]
    [InlineData("2001:db8::/32", "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::")]
    [InlineData("2001:db8:1::75/64", "2001:db8:1::/64", "2001:db8:1:0:ffff::", "2001:db8:1:1::")]
    [InlineData("2001:db8::1/128", "2001:db8::1/128", "2001:db8::1", "2001:db8::2")]
    [InlineData("fe80::1/10", "fe80::/10", "febf::", "fec0::")]
    public void Prefixes_hold_what_they_hold(string text, string canonical, string inside, string outside)
    {
        var prefix = Ipv6Prefix.Parse(text);
        Assert.Equal(canonical, prefix.ToString());
        Assert.Equal(prefix, Ipv6Prefix.Parse(canonical));
        Assert.True(prefix.Contains(Ipv6Address.Parse(inside)));
        Assert.False(prefix.Contains(Ipv6Address.Parse(outside)));
    }

    [Fact]
    public void The_empty_prefix_holds_all()
    {
        Assert.True(Ipv6Prefix.Parse("::/0").Contains(Ipv6Address.AllNodes));
        Assert.Equal(Ipv6Prefix.Parse("::/0"), Ipv6Prefix.Parse("2001:db8::/0"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("2001:db8::")]
    [InlineData("2001:db8::/")]
    [InlineData("2001:db8::/129")]
    [InlineData("2001:db8::/-1")]
    [InlineData("2001:db8::/ 64")]
    [InlineData("/64")]
    [InlineData("2001:db8::/64/64")]
    public void What_is_no_prefix_is_refused(string? text)
    {
        Assert.False(Ipv6Prefix.TryParse(text, out _));
        Assert.Throws<FormatException>(() => Ipv6Prefix.Parse(text!));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("52:54:00:12:34")]
    [InlineData("52-54-00-12-34-56")]
    [InlineData("52:54:00:12:34:5g")]
    [InlineData("52:54:00:12:34: 6")]
    [InlineData("52:54:00:12:34:56:78")]
    public void What_is_no_link_layer_address_is_refused(string? text)
    {
        Assert.False(LinkLayerAddress.TryParse(text, out _));
        Assert.Throws<FormatException>(() => LinkLayerAddress.Parse(text!));
    }

    [Fact]
    public void Text_of_any_value_is_read_as_the_value() => Gen.Select(Gen.ULong, Gen.ULong, Gen.Int[0, 128]).Sample((high, low, length) =>
    {
        var address = new Ipv6Address(new(high, low));
        var prefix = new Ipv6Prefix(address, length);
        var linkLayer = new LinkLayerAddress(low >> 16);
        Assert.Equal(address, Ipv6Address.Parse(address.ToString()));
        Assert.Equal(prefix, Ipv6Prefix.Parse(prefix.ToString()));
        Assert.Equal(linkLayer, LinkLayerAddress.Parse(linkLayer.ToString()));
        Assert.Equal(linkLayer, LinkLayerAddress.Read(linkLayer.ToArray()));
        Assert.Equal(BinaryPrimitives.ReadUInt64BigEndian(address.ToArray()), high);
    });

    [Fact]
    public void Random_text_never_throws() => Gen.OneOf(Gen.String, Gen.String["0123456789abcdef:./%[] "]).Sample(text =>
    {
        _ = Ipv6Address.TryParse(text, out _);
        _ = Ipv6Prefix.TryParse(text, out _);
        _ = LinkLayerAddress.TryParse(text, out _);
    });

    [Fact]
    public void Lists_are_equal_by_their_elements()
    {
        WireArray<byte> empty = [];
        WireArray<byte> two = [1, 2];
        Assert.Equal(default, empty);
        Assert.True(two == [1, 2]);
        Assert.True(two != [2, 1]);
        Assert.NotEqual(two, empty);
        Assert.Equal(two.GetHashCode(), ((WireArray<byte>)[1, 2]).GetHashCode());
        Assert.Equal(2, two.Count);
        Assert.Equal(2, two[1]);
        Assert.Equal([1, 2], two.ToArray());
        Assert.Equal("0102", two.ToString());
        Assert.Equal("[1, 2]", ((WireArray<int>)[1, 2]).ToString());
    }
}
