using System.Net.Sockets;
using System.Text;
using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>Programs run by the kernel's own machine, on a socket that needs no privilege.</summary>
public sealed class PacketFilterTests
{
    private static readonly Ipv6Address Source = Ipv6Address.Parse("2001:db8::1");
    private static readonly Ipv6Address Destination = Ipv6Address.Parse("2001:db8::2");

    public static TheoryData<string, bool, byte[]> MobilityFrames => new()
    {
        { "right behind the IPv6 header", true, Frame(135, Packets.MobilityHeader) },
        { "behind a home address option", true, Frame(60, Packets.HomeAddressOption(Source, 135, Packets.MobilityHeader)) },
        { "behind a type 2 routing header", true, Frame(43, Packets.Type2Routing(Source, 135, Packets.MobilityHeader)) },
        { "behind three headers", true, Frame(0, Packets.Extension(60, Packets.Extension(43, Packets.Type2Routing(Source, 135, Packets.MobilityHeader)))) },
        { "behind four headers", false, Frame(0, Packets.Extension(60, Packets.Extension(60, Packets.Extension(60, Packets.Extension(135, Packets.MobilityHeader))))) },
        { "in a tunnel", false, Frame(41, Packets.Ipv6(Source, Destination, 135, Packets.MobilityHeader)) },
        { "UDP", false, Frame(17, new byte[8]) },
        { "UDP behind options", false, Frame(60, Packets.Extension(17, new byte[8])) },
        { "cut off in an extension header", false, Frame(60, [135]) },
        { "another EtherType", false, Packets.Frame(default, default, EtherType.Ipv4, Packets.Ipv6(Source, Destination, 135, Packets.MobilityHeader)) },
        { "an empty frame", false, [0] },
    };

    public static TheoryData<string, bool, byte[]> NeighbourDiscoveryFrames => new()
    {
        { "router solicitation", true, Icmp(133) },
        { "redirect", true, Icmp(137) },
        { "echo request", false, Icmp(128) },
        { "below router solicitation", false, Icmp(132) },
        { "above redirect", false, Icmp(138) },
        { "from another link", false, Icmp(135, hopLimit: 254) },
        { "another protocol", false, Frame(17, [135, 0, 0, 0, 0, 0, 0, 0]) },
        { "cut off", false, Frame(58, []) },
    };

    public static TheoryData<string, bool, byte[]> AddressFrames => new()
    {
        { "to it", true, Frame(17, new byte[8]) },
        { "to another that ends in the same way", false, To(Ipv6Address.Parse("2001:db9::2")) },
        { "to another that begins in the same way", false, To(Ipv6Address.Parse("2001:db8::3")) },
        { "from it", false, Packets.Frame(default, default, EtherType.Ipv6, Packets.Ipv6(Destination, Source, 17, new byte[8])) },
        { "another EtherType", false, Packets.Frame(default, default, EtherType.Ipv4, Packets.Ipv6(Source, Destination, 17, new byte[8])) },
        { "cut off", false, Frame(17, [])[..^3] },
        { "an empty frame", false, [0] },
    };

    [Theory]
    [MemberData(nameof(MobilityFrames))]
    public void NextHeader_finds_a_header_behind_extension_headers(string what, bool passes, byte[] frame) =>
        Assert.True(passes == Passes(PacketFilter.NextHeader(135), frame), what);

    public static TheoryData<string, bool, byte[]> MobilityIcmpFrames => new()
    {
        { "home agent discovery's reply", true, Icmp(145) },
        { "a prefix advertisement behind a type 2 routing header", true, Frame(43, Packets.Type2Routing(Source, 58, [147, 0, 0, 0, 0, 0, 0, 0])) },
        { "a request", true, Icmp(144) },
        { "below them", false, Icmp(143) },
        { "above them", false, Icmp(148) },
        { "an echo request behind options", false, Frame(60, Packets.Extension(58, [128, 0, 0, 0, 0, 0, 0, 0])) },
        { "a mobility header", false, Frame(135, Packets.MobilityHeader) },
        { "cut off", false, Frame(58, []) },
    };

    [Theory]
    [MemberData(nameof(MobilityIcmpFrames))]
    public void MobilityIcmp_takes_its_four_types(string what, bool passes, byte[] frame) =>
        Assert.True(passes == Passes(PacketFilter.MobilityIcmp, frame), what);

    public static TheoryData<string, bool, byte[]> ErrorFrames => new()
    {
        { "no way to the home agent", true, Error(1, 60) },
        { "an option that is not known", true, Error(4, 60) },
        { "an echo request", false, Error(128, 60) },
        { "an error about a packet in a tunnel", false, Error(1, 41) },
        { "behind options", true, Frame(60, Packets.Extension(58, ErrorMessage(3, 60))) },
        { "cut off in the packet that it is about", false, Frame(58, ErrorMessage(1, 60)[..14]) },
        { "a mobility header", false, Frame(135, Packets.MobilityHeader) },
    };

    [Theory]
    [MemberData(nameof(ErrorFrames))]
    public void ErrorsAboutDestinationOptions_are_told_from_all_else(string what, bool passes, byte[] frame) =>
        Assert.True(passes == Passes(PacketFilter.ErrorsAboutDestinationOptions, frame), what);

    [Theory]
    [InlineData(135, 0, true)]
    [InlineData(17, 0, false)]
    [InlineData(60, 135, true)]
    [InlineData(60, 17, false)]
    public void NextHeader_finds_it_without_a_link_layer_header(byte first, byte second, bool passes) => Assert.Equal(
        passes,
        Passes(
            PacketFilter.NextHeader(135, headerLength: 0),
            Packets.Ipv6(Source, Destination, first, first == 60 ? Packets.Extension(second, Packets.MobilityHeader) : Packets.MobilityHeader)));

    [Theory]
    [InlineData(58, 143, false)]
    [InlineData(58, 144, true)]
    [InlineData(58, 147, true)]
    [InlineData(58, 148, false)]
    [InlineData(60, 17, true)]
    [InlineData(17, 144, false)]
    [InlineData(43, 144, false)]
    public void Destination_options_and_some_ICMPv6_types_are_told_from_all_else(byte nextHeader, byte first, bool passes) => Assert.Equal(
        passes,
        Passes(PacketFilter.DestinationOptionsOrIcmp(144, 147), Packets.Ipv6(Source, Destination, nextHeader, [first, 0, 0, 0, 0, 0, 0, 0])));

    [Theory]
    [MemberData(nameof(NeighbourDiscoveryFrames))]
    public void NeighbourDiscovery_takes_its_five_types_from_the_link(string what, bool passes, byte[] frame) =>
        Assert.True(passes == Passes(PacketFilter.NeighbourDiscovery, frame), what);

    [Theory]
    [InlineData(134, 255, true)]
    [InlineData(133, 255, false)]
    [InlineData(135, 255, false)]
    [InlineData(134, 64, false)]
    public void Router_advertisements_of_the_link_are_told_from_all_else(byte type, byte hopLimit, bool passes)
    {
        Assert.Equal(passes, Passes(PacketFilter.RouterAdvertisements, Icmp(type, hopLimit)));
        Assert.False(Passes(PacketFilter.RouterAdvertisements, Frame(17, [type, 0, 0, 0, 0, 0, 0, 0], hopLimit)));
    }

    [Theory]
    [InlineData("2001:db8::2", true)]
    [InlineData("2001:db8::3", false)]
    [InlineData("2001:db9::2", false)]
    public void Solicitations_of_one_address_are_told_from_all_other_neighbour_discovery(string target, bool isOfIt)
    {
        var frame = Frame(58, [135, 0, 0, 0, 0, 0, 0, 0, .. Ipv6Address.Parse(target).ToArray()], hopLimit: 255);
        Assert.Equal(isOfIt, Passes(PacketFilter.SolicitationsOf(Destination), frame));
        Assert.Equal(!isOfIt, Passes(PacketFilter.NeighbourDiscoveryBut(Destination), frame));
    }

    [Theory]
    [MemberData(nameof(NeighbourDiscoveryFrames))]
    public void Without_the_solicitations_of_one_address_it_is_neighbour_discovery_still(string what, bool passes, byte[] frame)
    {
        Assert.True(passes == Passes(PacketFilter.NeighbourDiscoveryBut(Destination), frame), what);
        Assert.False(Passes(PacketFilter.SolicitationsOf(Destination), frame), what);
    }

    [Theory]
    [MemberData(nameof(AddressFrames))]
    public void An_address_is_found_where_it_belongs(string what, bool passes, byte[] frame)
    {
        Assert.True(passes == Passes(PacketFilter.To([Destination], PacketDirection.Received), frame), what);
        Assert.False(Passes(PacketFilter.To([Destination], PacketDirection.Sent), frame), $"{what}, sent");
        Assert.True((what == "from it") == Passes(PacketFilter.From([Destination], PacketDirection.Received), frame), $"{what}, as its source");
    }

    [Fact]
    public void An_address_is_found_where_there_is_no_link_layer_header()
    {
        var packet = Packets.Ipv6(Source, Destination, 17, new byte[8]);
        Assert.True(Passes(PacketFilter.To([Destination], PacketDirection.Received, headerLength: 0), packet));
        Assert.True(Passes(PacketFilter.From([Source], PacketDirection.Received, headerLength: 0), packet));
        Assert.False(Passes(PacketFilter.To([Source], PacketDirection.Received, headerLength: 0), packet));
    }

    [Fact]
    public void Any_of_a_hundred_addresses_is_found()
    {
        var addresses = Enumerable.Range(1, 100).Select(number => Ipv6Address.Parse($"2001:db8::{number:x}")).ToList();
        var filter = PacketFilter.To(addresses, PacketDirection.Received);
        Assert.All([addresses[0], addresses[50], addresses[^1]], address => Assert.True(Passes(filter, To(address)), $"{address}"));
        Assert.False(Passes(filter, To(Ipv6Address.Parse("2001:db8::101"))));
        Assert.False(Passes(PacketFilter.To([], PacketDirection.Received), To(Destination)));
    }

    [Fact]
    public void Claims_to_an_address_are_not_taken_where_they_are_received()
    {
        // A socket of this kind gets no frame that was sent; in the lab a tap does.
        var claim = Frame(58, [136, 0, 0, 0, 0, 0, 0, 0, .. Destination.ToArray()], hopLimit: 255);
        Assert.True(Passes(PacketFilter.NeighbourDiscovery, claim));
        Assert.False(Passes(PacketFilter.SentAddressClaims, claim));
    }

    [Fact]
    public void Nothing_takes_nothing() => Assert.False(Passes(PacketFilter.Nothing, Frame(135, Packets.MobilityHeader)));

    [Fact]
    public void Words_and_jumps_do_what_they_say()
    {
        var builder = new PacketFilterBuilder();
        var drop = builder.NewLabel();
        var filter = builder.LoadWord(0).JumpIfLess(0x01020304, drop).JumpIfGreater(0x01020304, drop).Accept().Mark(drop).Drop().Build();
        Assert.True(Passes(filter, [1, 2, 3, 4]));
        Assert.False(Passes(filter, [1, 2, 3, 3]));
        Assert.False(Passes(filter, [1, 2, 3, 5]));
        Assert.False(Passes(filter, [1, 2, 3]));
    }

    [Fact]
    public void A_jump_backwards_too_far_or_nowhere_is_refused()
    {
        var nowhere = new PacketFilterBuilder();
        nowhere.JumpIfEqual(1, nowhere.NewLabel());
        Assert.Throws<InvalidOperationException>(nowhere.Build);

        var backwards = new PacketFilterBuilder();
        var before = backwards.NewLabel();
        backwards.Mark(before).JumpIfEqual(1, before);
        Assert.Throws<InvalidOperationException>(backwards.Build);

        var far = new PacketFilterBuilder();
        var there = far.NewLabel();
        far.JumpIfEqual(1, there);
        for (var i = 0; i < 256; i++)
        {
            far.LoadByte(0);
        }

        Assert.Throws<InvalidOperationException>(far.Mark(there).Drop().Build);
    }

    private static byte[] Error(byte type, byte about) => Frame(58, ErrorMessage(type, about));

    private static byte[] ErrorMessage(byte type, byte about) =>
        [type, 0, 0, 0, 0, 0, 0, 0, .. Packets.Ipv6(Destination, Source, about, Packets.Extension(135, Packets.MobilityHeader))];

    private static byte[] Frame(byte nextHeader, byte[] payload, byte hopLimit = 64) =>
        Packets.Frame(default, default, EtherType.Ipv6, Packets.Ipv6(Source, Destination, nextHeader, payload, hopLimit));

    private static byte[] To(Ipv6Address destination) =>
        Packets.Frame(default, default, EtherType.Ipv6, Packets.Ipv6(Source, destination, 17, new byte[8]));

    private static byte[] Icmp(byte type, byte hopLimit = 255) =>
        Packets.Frame(default, default, EtherType.Ipv6, Packets.Ipv6(Source, Destination, 58, [type, 0, 0, 0, 0, 0, 0, 0], hopLimit));

    /// <summary>A datagram that the filter drops is not there when one that passes has come.</summary>
    private static bool Passes(PacketFilter filter, byte[] frame)
    {
        using var receiver = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        using var sender = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var name = new UnixDomainSocketEndPoint($"\0kagemusha-{Guid.NewGuid()}");
        receiver.Bind(name);
        receiver.ReceiveTimeout = 10_000;
        SocketCalls.AttachFilter(receiver.SafeHandle, filter);
        sender.SendTo(frame, name);
        SocketCalls.AttachFilter(receiver.SafeHandle, new PacketFilterBuilder().Accept().Build());
        var end = Encoding.ASCII.GetBytes("end");
        sender.SendTo(end, name);
        var buffer = new byte[2048];
        return !buffer.AsSpan(0, receiver.Receive(buffer)).SequenceEqual(end);
    }
}
