using CsCheck;

namespace Kagemusha.Wire.Tests;

public sealed class MobilityErrorPacketTests
{
    private const byte Icmpv6 = 58;

    private static readonly Sample Update = Samples.Named("binding-update");

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 0)]
    [InlineData(3, 0)]
    [InlineData(4, 2)]
    [InlineData(4, 200)]
    public void It_is_read_with_the_packet_that_it_is_about(byte type, byte code)
    {
        Assert.True(MobilityErrorPacket.TryParse(Packet(type, code, Update.Bytes), out var packet, out var error));
        Assert.Equal(default, error);
        Assert.Equal(new(Samples.Peer, Samples.CareOf, (IcmpErrorType)type, code, (MobilityPacket)Update.Packet), packet);
    }

    [Theory]
    [InlineData(0, "ICMPv6 message is no error")]
    [InlineData(5, "ICMPv6 message is no error")]
    [InlineData(128, "ICMPv6 message is no error")]
    public void Other_messages_are_none(byte type, string what)
    {
        Assert.False(MobilityErrorPacket.TryParse(Packet(type, 0, Update.Bytes), out var packet, out var error));
        Assert.Null(packet);
        Assert.Equal(new WireError(what, 40), error);
    }

    [Fact]
    public void What_it_is_about_is_a_mobility_message_and_there_as_a_whole()
    {
        var bytes = Packet(1, 0, Update.Bytes[..^1]);
        Assert.False(MobilityErrorPacket.TryParse(bytes, out _, out var error));
        Assert.Equal(new WireError("packet is shorter than its payload length says", bytes.Length), error);

        Assert.False(MobilityErrorPacket.TryParse(Packet(1, 0, Samples.Named("router-solicitation").Bytes), out _, out error));
        Assert.Equal(new WireError("packet has no mobility header", 88), error);
    }

    [Fact]
    public void Every_shorter_prefix_and_every_changed_bit_of_the_message_is_rejected()
    {
        var whole = Packet(4, 1, Update.Bytes);
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.False(MobilityErrorPacket.TryParse(whole.AsSpan(0, length), out _, out var error));
            Assert.InRange(error.Offset, 0, length);
        }

        for (var bit = 8 * 40; bit < 8 * whole.Length; bit++)
        {
            var bytes = whole.ToArray();
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(MobilityErrorPacket.TryParse(bytes, out _, out _));
        }
    }

    [Fact]
    public void Random_bytes_behind_it_never_throw() => Gen.Select(Gen.Byte[1, 4], Gen.Byte, Gen.Byte.Array[0, 120]).Sample((type, code, about) =>
        Assert.Equal(
            MobilityErrorPacket.TryParse(Packet(type, code, about), out var packet, out _), packet is not null), iter: 20_000);

    private static byte[] Packet(byte type, byte code, byte[] about) => Raw.Ipv6(
        64, Icmpv6, Samples.Peer, Samples.CareOf,
        Raw.WithChecksum([type, code, 0, 0, 0, 0, 0, 0, .. about], 2, Icmpv6, Samples.Peer, Samples.CareOf));
}
