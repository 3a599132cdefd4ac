namespace Kagemusha.Wire.Tests;

public class PacketTests
{
    public static TheoryData<string> Names => Samples.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Bytes_are_read_as_the_value(string name)
    {
        var sample = Samples.Named(name);
        var packet = sample.Parse(sample.Bytes, out var error);
        Assert.Equal(default, error);
        Assert.Equal(sample.Packet, packet);
        Assert.Equal(sample.Packet.GetHashCode(), packet!.GetHashCode());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_value_is_written_as_the_bytes_into_a_dirty_buffer(string name)
    {
        var sample = Samples.Named(name);
        var buffer = Enumerable.Repeat((byte)0xa5, sample.Packet.Length + 8).ToArray();
        sample.Packet.WriteTo(buffer);
        Assert.Equal(Convert.ToHexString(sample.Bytes), Convert.ToHexString(buffer[..^8]));
        Assert.All(buffer[^8..], b => Assert.Equal(0xa5, b));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_shorter_prefix_is_rejected(string name)
    {
        var sample = Samples.Named(name);
        for (var length = 0; length < sample.Bytes.Length; length++)
        {
            Assert.Null(sample.Parse(sample.Bytes.AsSpan(0, length), out var error));
            Assert.NotNull(error.What);
            Assert.InRange(error.Offset, 0, length);
        }
    }

    // The same with a payload length that fits, so that the headers behind it notice it themselves.
    [Theory]
    [MemberData(nameof(Names))]
    public void Every_shorter_payload_is_rejected(string name)
    {
        var sample = Samples.Named(name);
        for (var length = 40; length < sample.Bytes.Length; length++)
        {
            var bytes = sample.Bytes[..length];
            (bytes[4], bytes[5]) = ((byte)((length - 40) >> 8), (byte)(length - 40));
            Assert.Null(sample.Parse(bytes, out var error));
            Assert.NotNull(error.What);
            Assert.InRange(error.Offset, 0, length);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Headers_that_are_read_leave_no_error(string name)
    {
        Assert.True(Ipv6Headers.TryParse(Samples.Named(name).Bytes, out _, out _, out var error));
        Assert.Equal(default, error);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Padding_of_the_frame_is_ignored(string name)
    {
        var sample = Samples.Named(name);
        Assert.Equal(sample.Packet, sample.Parse([.. sample.Bytes, 0, 1, 2, 3], out _));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_changed_bit_of_the_message_is_noticed(string name)
    {
        var sample = Samples.Named(name);
        for (var bit = 8 * sample.MessageOffset; bit < 8 * sample.Packet.Length; bit++)
        {
            var bytes = sample.Bytes.ToArray();
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Null(sample.Parse(bytes, out _));
        }
    }

    [Fact]
    public void No_kind_of_packet_is_taken_for_another()
    {
        Type[] kinds = [typeof(MobilityPacket), typeof(MobilityIcmpPacket), typeof(NeighbourDiscoveryPacket)];
        foreach (var sample in Samples.All)
        {
            Assert.All(
                kinds, kind => Assert.Equal(kind == sample.Packet.GetType(), Sample.Parse(kind, sample.Bytes, out _) is not null));
        }
    }

    [Fact]
    public void A_frame_goes_both_ways()
    {
        var sample = Samples.Named("neighbour-solicitation");
        var packet = (NeighbourDiscoveryPacket)sample.Packet;
        var frame = EthernetFrame.Around(packet, Samples.GuestMac, Samples.RouterMac);
        byte[] bytes = [.. Raw.Bytes("020000000001 525400123456 86dd"), .. sample.Bytes];
        var buffer = Enumerable.Repeat((byte)0xa5, frame.Length).ToArray();
        frame.WriteTo(buffer);
        Assert.Equal(bytes, buffer);
        Assert.Equal(bytes, frame.ToArray());
        Assert.True(EthernetFrame.TryParse(bytes, out var read, out _));
        Assert.Equal(frame, read);
        Assert.True(NeighbourDiscoveryPacket.TryParse(read.Payload.Span, out var inner, out _));
        Assert.Equal(packet, inner);
        for (var length = 0; length < EthernetFrame.HeaderLength; length++)
        {
            Assert.False(EthernetFrame.TryParse(bytes.AsSpan(0, length), out _, out var error));
            Assert.Equal(length, error.Offset);
        }
    }
}
