using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>One instruction of the kernel's classic packet filter machine, struct sock_filter.</summary>
/// <param name="Code">What to do.</param>
/// <param name="JumpTrue">How many instructions to skip if a comparison holds.</param>
/// <param name="JumpFalse">How many to skip if it does not.</param>
/// <param name="Operand">A constant or an offset.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FilterInstruction(ushort Code, byte JumpTrue, byte JumpFalse, uint Operand);

/// <summary>A program that runs in the kernel and says which Ethernet frames a packet socket gets.</summary>
public sealed class PacketFilter
{
    private const int NextHeaderOffset = EthernetFrame.HeaderLength + NextHeaderPlace;
    private const int HopLimitOffset = EthernetFrame.HeaderLength + 7;
    private const int PayloadOffset = EthernetFrame.HeaderLength + Ipv6HeaderLength;

    // In the IPv6 header (RFC 8200, section 3).
    private const int NextHeaderPlace = 6;
    private const int Ipv6HeaderLength = 40;
    private const int SourceOffset = 8;
    private const int DestinationOffset = SourceOffset + Ipv6Address.Length;

    // In the ICMPv6 message (RFC 4861, section 4.3).
    private const int TargetOffset = PayloadOffset + 8;
    private const int NeighbourSolicitation = 135;

    internal PacketFilter(FilterInstruction[] instructions) => Instructions = instructions;

    /// <summary>Neighbour discovery (RFC 4861) that was received, not sent: types 133 to 137 right behind the IPv6 header, hop limit 255.</summary>
    public static PacketFilter NeighbourDiscovery { get; } = BuildNeighbourDiscovery((builder, _) => builder);

    /// <summary>Router advertisements (RFC 4861, section 4.2), received and sent: a router may run on this host.</summary>
    public static PacketFilter RouterAdvertisements { get; } = BuildRouterAdvertisements();

    /// <summary>
    /// Neighbour discovery that was sent, not received, and contradicts whoever is about to take an address (RFC 4862, section 5.4): advertisements to
    /// all, and duplicate address detection.
    /// </summary>
    public static PacketFilter SentAddressClaims { get; } = BuildSentAddressClaims();

    /// <summary>Of <see cref="NextHeader"/> the ICMPv6 messages of mobility (RFC 6275, sections 6.5 to 6.8): types 144 to 147.</summary>
    public static PacketFilter MobilityIcmp { get; } =
        BuildNextHeader(58, (builder, drop) => builder.LoadByteAtIndex(0).JumpIfLess(144, drop).JumpIfGreater(147, drop));

    /// <summary>Of <see cref="NextHeader"/> the ICMPv6 errors (RFC 4443) about packets whose first header is that of destination options, as a Binding Update's is.</summary>
    public static PacketFilter ErrorsAboutDestinationOptions { get; } = BuildNextHeader(
        58, (builder, drop) => builder.LoadByteAtIndex(0).JumpIfGreater(4, drop).LoadByteAtIndex(8 + 6).JumpUnlessEqual(60, drop));

    /// <summary>All that was received, and nothing that was sent.</summary>
    public static PacketFilter Received { get; } = BuildDirection(PacketDirection.Received);

    /// <summary>All that was sent, and nothing that was received.</summary>
    public static PacketFilter Outgoing { get; } = BuildDirection(PacketDirection.Sent);

    /// <summary>No frame at all.</summary>
    public static PacketFilter Nothing { get; } = new PacketFilterBuilder().Drop().Build();

    internal FilterInstruction[] Instructions { get; }

    /// <summary>
    /// IPv6 packets that were received, not sent, and have this header: right behind the IPv6 header, or behind up to three hop-by-hop
    /// options, routing and destination options headers.
    /// </summary>
    /// <param name="protocol">The number of the header that is looked for.</param>
    /// <param name="headerLength">How long the link-layer header is: Ethernet's, or 0 where packets come without it.</param>
    public static PacketFilter NextHeader(byte protocol, int headerLength = EthernetFrame.HeaderLength) =>
        BuildNextHeader(protocol, (builder, _) => builder, headerLength);

    /// <summary>Netlink messages that follow from nobody's of these requests.</summary>
    /// <param name="ports">The requesters' addresses.</param>
    internal static PacketFilter NetlinkOfOthers(IEnumerable<uint> ports)
    {
        var builder = new PacketFilterBuilder();
        var drop = builder.NewLabel();
        // struct nlmsghdr: nlmsg_pid, in the host's order.
        builder.LoadWord(12);
        foreach (var port in ports)
        {
            builder.JumpIfEqual(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(port) : port, drop);
        }

        return builder.Accept().Mark(drop).Drop().Build();
    }

    // The index register points to what was found.
    private static PacketFilter BuildNextHeader(
        byte protocol, Func<PacketFilterBuilder, FilterLabel, PacketFilterBuilder> further, int headerLength = EthernetFrame.HeaderLength)
    {
        var builder = new PacketFilterBuilder();
        var accept = builder.NewLabel();
        var drop = builder.NewLabel();
        BeginReceivedIpv6(builder, drop, headerLength);
        builder.LoadIndex(headerLength + Ipv6HeaderLength).LoadByte(headerLength + NextHeaderPlace);
        for (var skipped = 0; skipped < 3; skipped++)
        {
            var skip = builder.NewLabel();
            builder.JumpIfEqual(protocol, accept)
                .JumpIfEqual(0, skip).JumpIfEqual(43, skip).JumpUnlessEqual(60, drop)
                .Mark(skip)
                .LoadByteAtIndex(0).Store(0)
                .LoadByteAtIndex(1).Add(1).ShiftLeft(3).AddIndex().MoveToIndex()
                .Load(0);
        }

        builder.JumpUnlessEqual(protocol, drop).Mark(accept);
        return further(builder, drop).Accept().Mark(drop).Drop().Build();
    }

    /// <summary>
    /// IPv6 packets without a link-layer header that were received, not sent, and have a destination options header or are ICMPv6 of these types, right behind
    /// the IPv6 header.
    /// </summary>
    /// <param name="firstType">The lowest type.</param>
    /// <param name="lastType">The highest type.</param>
    public static PacketFilter DestinationOptionsOrIcmp(byte firstType, byte lastType)
    {
        var builder = new PacketFilterBuilder();
        var accept = builder.NewLabel();
        var drop = builder.NewLabel();
        BeginReceivedIpv6(builder, drop, headerLength: 0);
        return builder
            .LoadByte(NextHeaderPlace).JumpIfEqual(60, accept).JumpUnlessEqual(58, drop)
            .LoadByte(Ipv6HeaderLength).JumpIfLess(firstType, drop).JumpIfGreater(lastType, drop)
            .Mark(accept).Accept().Mark(drop).Drop().Build();
    }

    /// <summary>Of <see cref="NeighbourDiscovery"/> the solicitations of one address.</summary>
    public static PacketFilter SolicitationsOf(Ipv6Address target) =>
        BuildNeighbourDiscovery((builder, drop) => JumpUnlessSolicitation(builder, target, drop));

    /// <summary>Of <see cref="NeighbourDiscovery"/> all but the solicitations of one address.</summary>
    public static PacketFilter NeighbourDiscoveryBut(Ipv6Address target) => BuildNeighbourDiscovery((builder, _) =>
    {
        var other = builder.NewLabel();
        return JumpUnlessSolicitation(builder, target, other).Drop().Mark(other);
    });

    /// <summary>IPv6 packets to any of these addresses.</summary>
    /// <param name="addresses">The addresses, a hundred at most: the kernel has little memory for a filter.</param>
    /// <param name="direction">Which way they pass the interface.</param>
    /// <param name="headerLength">How long the interface's link-layer header is: Ethernet's, or 0 in a tunnel of IPv6 alone.</param>
    public static PacketFilter To(IEnumerable<Ipv6Address> addresses, PacketDirection direction, int headerLength = EthernetFrame.HeaderLength) =>
        BuildAddresses(addresses, DestinationOffset, direction, headerLength);

    /// <summary>IPv6 packets from any of these addresses.</summary>
    /// <param name="addresses">The addresses, a hundred at most: the kernel has little memory for a filter.</param>
    /// <param name="direction">Which way they pass the interface.</param>
    /// <param name="headerLength">How long the interface's link-layer header is: Ethernet's, or 0 in a tunnel of IPv6 alone.</param>
    public static PacketFilter From(IEnumerable<Ipv6Address> addresses, PacketDirection direction, int headerLength = EthernetFrame.HeaderLength) =>
        BuildAddresses(addresses, SourceOffset, direction, headerLength);

    // Each address has its own end: a jump over all of them could be too far.
    private static PacketFilter BuildAddresses(IEnumerable<Ipv6Address> addresses, int offset, PacketDirection direction, int headerLength)
    {
        var builder = new PacketFilterBuilder();
        BeginDirection(builder, direction);
        if (headerLength > 0)
        {
            var ipv6 = builder.NewLabel();
            builder.LoadHalf(headerLength - sizeof(ushort)).JumpIfEqual(Netlink.ETH_P_IPV6, ipv6).Drop().Mark(ipv6);
        }

        foreach (var address in addresses)
        {
            var next = builder.NewLabel();
            JumpUnlessAddress(builder, headerLength + offset, address, next).Accept().Mark(next);
        }

        return builder.Drop().Build();
    }

    private static PacketFilter BuildNeighbourDiscovery(Func<PacketFilterBuilder, FilterLabel, PacketFilterBuilder> further)
    {
        var builder = new PacketFilterBuilder();
        var drop = builder.NewLabel();
        BeginReceivedIpv6(builder, drop);
        builder
            .LoadByte(NextHeaderOffset).JumpUnlessEqual(58, drop)
            .LoadByte(HopLimitOffset).JumpUnlessEqual(255, drop)
            .LoadByte(PayloadOffset).JumpIfLess(133, drop).JumpIfGreater(137, drop);
        return further(builder, drop).Accept().Mark(drop).Drop().Build();
    }

    private static PacketFilterBuilder JumpUnlessSolicitation(PacketFilterBuilder builder, Ipv6Address target, FilterLabel to) =>
        JumpUnlessAddress(builder.LoadByte(PayloadOffset).JumpUnlessEqual(NeighbourSolicitation, to), TargetOffset, target, to);

    private static PacketFilterBuilder JumpUnlessAddress(PacketFilterBuilder builder, int offset, Ipv6Address address, FilterLabel to)
    {
        var bytes = address.ToArray();
        // From the end, where addresses differ most.
        for (var word = bytes.Length - sizeof(uint); word >= 0; word -= sizeof(uint))
        {
            builder.LoadWord(offset + word).JumpUnlessEqual(BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(word)), to);
        }

        return builder;
    }

    private static PacketFilter BuildSentAddressClaims()
    {
        var builder = new PacketFilterBuilder();
        var advertisement = builder.NewLabel();
        var drop = builder.NewLabel();
        builder.LoadPacketType().JumpUnlessEqual((uint)PacketType.Outgoing, drop)
            .LoadHalf(2 * LinkLayerAddress.Length).JumpUnlessEqual(Netlink.ETH_P_IPV6, drop)
            .LoadByte(NextHeaderOffset).JumpUnlessEqual(58, drop)
            .LoadByte(HopLimitOffset).JumpUnlessEqual(255, drop)
            .LoadByte(PayloadOffset).JumpIfEqual(136, advertisement).JumpUnlessEqual(135, drop);
        for (var word = 0; word < Ipv6Address.Length; word += sizeof(uint))
        {
            builder.LoadWord(EthernetFrame.HeaderLength + SourceOffset + word).JumpUnlessEqual(0, drop);
        }

        return builder.Accept()
            .Mark(advertisement).LoadByte(EthernetFrame.HeaderLength + DestinationOffset).JumpUnlessEqual(0xff, drop)
            .Accept()
            .Mark(drop).Drop()
            .Build();
    }

    private static PacketFilter BuildRouterAdvertisements()
    {
        var builder = new PacketFilterBuilder();
        var drop = builder.NewLabel();
        return builder.LoadHalf(2 * LinkLayerAddress.Length).JumpUnlessEqual(Netlink.ETH_P_IPV6, drop)
            .LoadByte(NextHeaderOffset).JumpUnlessEqual(58, drop)
            .LoadByte(HopLimitOffset).JumpUnlessEqual(255, drop)
            .LoadByte(PayloadOffset).JumpUnlessEqual(134, drop)
            .Accept()
            .Mark(drop).Drop()
            .Build();
    }

    private static PacketFilter BuildDirection(PacketDirection direction)
    {
        var builder = new PacketFilterBuilder();
        BeginDirection(builder, direction);
        return builder.Accept().Build();
    }

    private static void BeginDirection(PacketFilterBuilder builder, PacketDirection direction)
    {
        var passes = builder.NewLabel();
        builder.LoadPacketType();
        _ = direction == PacketDirection.Sent
            ? builder.JumpIfEqual((uint)PacketType.Outgoing, passes)
            : builder.JumpUnlessEqual((uint)PacketType.Outgoing, passes);
        builder.Drop().Mark(passes);
    }

    // Without a link-layer header, the socket takes one EtherType only.
    private static void BeginReceivedIpv6(PacketFilterBuilder builder, FilterLabel drop, int headerLength = EthernetFrame.HeaderLength)
    {
        builder.LoadPacketType().JumpIfEqual((uint)PacketType.Outgoing, drop);
        if (headerLength > 0)
        {
            builder.LoadHalf(headerLength - sizeof(ushort)).JumpUnlessEqual(Netlink.ETH_P_IPV6, drop);
        }
    }
}

/// <summary>Which way a packet passes an interface of this host.</summary>
public enum PacketDirection
{
    /// <summary>It comes in by it.</summary>
    Received,

    /// <summary>It goes out by it.</summary>
    Sent,
}

/// <summary>A place in a program to jump to.</summary>
/// <param name="Id">Its number.</param>
public readonly record struct FilterLabel(int Id);

/// <summary>
/// Assembles a <see cref="PacketFilter"/>. The machine has an accumulator, which loads go to and comparisons look at, an index
/// register and 16 words of memory. A load behind the end of the frame drops it.
/// </summary>
public sealed class PacketFilterBuilder
{
    // linux/filter.h: SKF_AD_OFF + SKF_AD_PKTTYPE.
    private const int PacketTypeOffset = -0x1000 + 4;

    private readonly List<(FilterInstruction Instruction, FilterLabel? WhenTrue, FilterLabel? WhenFalse)> _instructions = [];
    private readonly List<int?> _marks = [];

    /// <summary>Makes a label, to be marked later than all jumps to it.</summary>
    public FilterLabel NewLabel()
    {
        _marks.Add(null);
        return new(_marks.Count - 1);
    }

    /// <summary>Jumps to the label come here.</summary>
    public PacketFilterBuilder Mark(FilterLabel label)
    {
        _marks[label.Id] = _instructions.Count;
        return this;
    }

    /// <summary>Loads a byte of the frame.</summary>
    public PacketFilterBuilder LoadByte(int offset) => Append(0x30, (uint)offset);

    /// <summary>Loads two bytes of the frame, most significant first.</summary>
    public PacketFilterBuilder LoadHalf(int offset) => Append(0x28, (uint)offset);

    /// <summary>Loads four bytes of the frame, most significant first.</summary>
    public PacketFilterBuilder LoadWord(int offset) => Append(0x20, (uint)offset);

    /// <summary>Loads the byte at the index register and an offset.</summary>
    public PacketFilterBuilder LoadByteAtIndex(int offset) => Append(0x50, (uint)offset);

    /// <summary>Loads the frame's <see cref="PacketType"/>.</summary>
    public PacketFilterBuilder LoadPacketType() => Append(0x28, unchecked((uint)PacketTypeOffset));

    /// <summary>Loads a word of memory.</summary>
    public PacketFilterBuilder Load(int word) => Append(0x60, (uint)word);

    /// <summary>Stores the accumulator to a word of memory.</summary>
    public PacketFilterBuilder Store(int word) => Append(0x02, (uint)word);

    /// <summary>Sets the index register.</summary>
    public PacketFilterBuilder LoadIndex(int value) => Append(0x01, (uint)value);

    /// <summary>Copies the accumulator to the index register.</summary>
    public PacketFilterBuilder MoveToIndex() => Append(0x07, 0);

    /// <summary>Adds a constant.</summary>
    public PacketFilterBuilder Add(uint value) => Append(0x04, value);

    /// <summary>Adds the index register.</summary>
    public PacketFilterBuilder AddIndex() => Append(0x0c, 0);

    /// <summary>Shifts to the left.</summary>
    public PacketFilterBuilder ShiftLeft(int bits) => Append(0x64, (uint)bits);

    /// <summary>Jumps if the accumulator is this.</summary>
    public PacketFilterBuilder JumpIfEqual(uint value, FilterLabel to) => Append(0x15, value, whenTrue: to);

    /// <summary>Jumps if the accumulator is something else.</summary>
    public PacketFilterBuilder JumpUnlessEqual(uint value, FilterLabel to) => Append(0x15, value, whenFalse: to);

    /// <summary>Jumps if the accumulator is greater.</summary>
    public PacketFilterBuilder JumpIfGreater(uint value, FilterLabel to) => Append(0x25, value, whenTrue: to);

    /// <summary>Jumps if the accumulator is less.</summary>
    public PacketFilterBuilder JumpIfLess(uint value, FilterLabel to) => Append(0x35, value, whenFalse: to);

    /// <summary>Ends the program: the socket gets the frame.</summary>
    public PacketFilterBuilder Accept() => Append(0x06, uint.MaxValue);

    /// <summary>Ends the program: the socket does not get the frame.</summary>
    public PacketFilterBuilder Drop() => Append(0x06, 0);

    /// <summary>Makes the program.</summary>
    /// <exception cref="InvalidOperationException">A jump goes backwards, too far (255 instructions) or to a label that is not marked.</exception>
    public PacketFilter Build() => new([.. _instructions.Select((one, at) => one.Instruction with
    {
        JumpTrue = Distance(at, one.WhenTrue),
        JumpFalse = Distance(at, one.WhenFalse),
    })]);

    private PacketFilterBuilder Append(ushort code, uint operand, FilterLabel? whenTrue = null, FilterLabel? whenFalse = null)
    {
        _instructions.Add((new(code, 0, 0, operand), whenTrue, whenFalse));
        return this;
    }

    private byte Distance(int from, FilterLabel? label)
    {
        if (label is not { } to)
        {
            return 0;
        }

        return _marks[to.Id] - from - 1 is { } distance and >= 0 and <= byte.MaxValue
            ? (byte)distance
            : throw new InvalidOperationException($"the jump at instruction {from} has nowhere to go");
    }
}
