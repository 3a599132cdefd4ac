using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class CapturedPacketTests
{
    private const int VirtioHeader = 10;

    private static readonly Ipv6Address Correspondent = Ipv6Address.Parse("2001:db8:2::2");

    [Fact]
    public void A_packet_is_for_its_destination_and_nobody_else()
    {
        var frame = Frame(Correspondent, Guests.Home);
        Assert.True(CapturedPacket.IsFor(frame, Guests.Home));
        Assert.False(CapturedPacket.IsFor(frame, Correspondent));
        Assert.False(CapturedPacket.IsFor(Frame(Guests.Home, Correspondent), Guests.Home));
    }

    [Theory]
    [InlineData(EtherType.Arp)]
    [InlineData((EtherType)0x0800)]
    public void What_is_not_IPv6_is_for_nobody(EtherType etherType) => Assert.False(CapturedPacket.IsFor(Frame(Correspondent, Guests.Home, etherType), Guests.Home));

    [Fact]
    public void What_is_cut_is_for_nobody()
    {
        var frame = Frame(Correspondent, Guests.Home);
        for (var length = 0; length < frame.Length; length++)
        {
            Assert.False(CapturedPacket.IsFor(frame.AsSpan(0, length), Guests.Home));
        }
    }

    /// <summary>A frame with an IPv6 header and nothing behind it (RFC 8200, section 3), under a virtio_net header that is not empty.</summary>
    private static byte[] Frame(Ipv6Address source, Ipv6Address destination, EtherType etherType = EtherType.Ipv6) =>
    [
        .. Enumerable.Repeat((byte)0xff, VirtioHeader),
        .. new EthernetFrame(Guests.Mac, Guests.Enrolled.Link.RouterLinkLayerAddress, etherType, [0x60, 0, 0, 0, 0, 0, 59, 64, .. source.ToArray(), .. destination.ToArray()]).ToArray(),
    ];
}
