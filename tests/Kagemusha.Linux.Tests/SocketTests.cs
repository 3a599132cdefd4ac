using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>Packet and raw sockets between two hosts on one link.</summary>
[Trait("Needs", "kernel")]
public sealed class SocketTests : IDisposable
{
    private static readonly LinkLayerAddress HereLink = LinkLayerAddress.Parse("02:00:00:00:00:01");
    private static readonly LinkLayerAddress ThereLink = LinkLayerAddress.Parse("02:00:00:00:00:02");
    private static readonly Ipv6Address HereAddress = Ipv6Address.Parse("2001:db8::1");
    private static readonly Ipv6Address ThereAddress = Ipv6Address.Parse("2001:db8::2");

    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private readonly NetworkNamespace _here = new();
    private readonly NetworkNamespace _there = new();
    private readonly NetworkInterface _hereEnd;
    private readonly NetworkInterface _thereEnd;

    public SocketTests()
    {
        _here.Ip($"link add end address {HereLink} type veth peer name end address {ThereLink} netns {_there.Name}");
        foreach (var (host, address, neighbour, link) in new[] { (_here, HereAddress, ThereAddress, ThereLink), (_there, ThereAddress, HereAddress, HereLink) })
        {
            host.Ip("link set end addrgenmode none");
            host.Ip("link set end up");
            host.Ip($"address add {address}/64 dev end nodad");
            host.Ip($"neigh replace {neighbour} lladdr {link} dev end nud permanent");
        }

        _hereEnd = End(_here);
        _thereEnd = End(_there);
    }

    public void Dispose()
    {
        _here.Dispose();
        _there.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task A_frame_is_received_whole_with_what_the_kernel_knows_of_it()
    {
        using var receiver = Open(_there, _thereEnd, Udp);
        using var sender = Open(_here, _hereEnd, PacketFilter.Nothing);
        var begin = DateTimeOffset.UtcNow;
        foreach (var (destination, type) in new[]
        {
            (ThereLink, PacketType.Host),
            (LinkLayerAddress.Parse("ff:ff:ff:ff:ff:ff"), PacketType.Broadcast),
            (LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes), PacketType.Multicast),
            (LinkLayerAddress.Parse("02:00:00:00:00:99"), PacketType.OtherHost),
        })
        {
            var buffer = new byte[2048];
            var waiting = receiver.ReceiveAsync(buffer, _deadline.Token);
            var sent = Packets.Frame(destination, HereLink, EtherType.Ipv6, UdpPacket("frame"));
            sender.Send(sent);
            var frame = await waiting;
            Assert.Equal(sent, buffer[..frame.Length]);
            Assert.Equal((type, HereLink, _thereEnd.Index, false), (frame.Type, frame.Source, frame.InterfaceIndex, frame.IsTruncated));
            Assert.InRange(frame.Timestamp, begin.AddSeconds(-1), DateTimeOffset.UtcNow.AddSeconds(1));
        }
    }

    [Fact]
    public async Task What_this_host_sends_is_outgoing()
    {
        using var receiver = Open(_here, _hereEnd, Udp);
        using var sender = Open(_here, _hereEnd, PacketFilter.Nothing);
        sender.Send(Packets.Frame(ThereLink, HereLink, EtherType.Ipv6, UdpPacket("frame")));
        Assert.Equal(PacketType.Outgoing, (await receiver.ReceiveAsync(new byte[2048], _deadline.Token)).Type);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_filter_tells_what_was_sent_from_what_was_received(bool isSent)
    {
        using var receiver = Open(_here, _hereEnd, isSent ? PacketFilter.Outgoing : PacketFilter.Received);
        using var sender = Open(_here, _hereEnd, PacketFilter.Nothing);
        using var answerer = Open(_there, _thereEnd, PacketFilter.Nothing);
        var outgoing = Packets.Frame(ThereLink, HereLink, EtherType.Ipv6, UdpPacket("sent"));
        var incoming = Packets.Frame(HereLink, ThereLink, EtherType.Ipv6, UdpPacket("received"));
        sender.Send(outgoing);
        answerer.Send(incoming);
        sender.Send(outgoing);
        answerer.Send(incoming);
        // Both hosts say things of their own in between, such as that nobody listens there.
        var buffer = new byte[2048];
        for (var found = 0; found < 2;)
        {
            var frame = await receiver.ReceiveAsync(buffer, _deadline.Token);
            Assert.Equal(isSent, frame.Type == PacketType.Outgoing);
            found += buffer.AsSpan(0, frame.Length).SequenceEqual(isSent ? outgoing : incoming) ? 1 : 0;
        }
    }

    [Fact]
    public void A_link_counts_what_it_sends_and_one_that_is_not_there_nothing()
    {
        using var sender = Open(_here, _hereEnd, PacketFilter.Nothing);
        using var kernel = _here.Run(() => new Kernel());
        var before = kernel.Statistics(_hereEnd.Index)!.Value;
        for (var i = 0; i < 10; i++)
        {
            sender.Send(Packets.Frame(ThereLink, HereLink, EtherType.Ipv6, UdpPacket("frame")));
        }

        // The host may say something of its own.
        Assert.InRange(kernel.Statistics(_hereEnd.Index)!.Value.TransmittedPackets - before.TransmittedPackets, 10, 19);
        Assert.Null(kernel.Statistics(999));
    }

    [Fact]
    public async Task A_frame_that_is_larger_than_the_buffer_is_truncated_and_says_so()
    {
        using var receiver = Open(_there, _thereEnd, Udp);
        using var sender = Open(_here, _hereEnd, PacketFilter.Nothing);
        var sent = Packets.Frame(ThereLink, HereLink, EtherType.Ipv6, UdpPacket("frame"));
        sender.Send(sent);
        var buffer = new byte[20];
        var frame = await receiver.ReceiveAsync(buffer, _deadline.Token);
        Assert.Equal((20, true), (frame.Length, frame.IsTruncated));
        Assert.Equal(sent[..20], buffer);
    }

    [Fact]
    public async Task Frames_that_have_no_room_are_counted_and_the_socket_goes_on()
    {
        using var receiver = Open(_there, _thereEnd, Udp);
        using var sender = Open(_here, _hereEnd, PacketFilter.Nothing);
        var sent = Packets.Frame(ThereLink, HereLink, EtherType.Ipv6, UdpPacket(new('x', 200)));
        for (var i = 0; i < 2000; i++)
        {
            sender.Send(sent);
        }

        var statistics = receiver.TakeStatistics();
        Assert.Equal(2000u, statistics.Packets);
        Assert.InRange(statistics.Drops, 1u, 1999u);
        var buffer = new byte[2048];
        var received = 0u;
        while (receiver.TryReceive(buffer, out _))
        {
            received++;
        }

        Assert.Equal(2000u, received + statistics.Drops);
        Assert.Equal(default, receiver.TakeStatistics());
        sender.Send(sent);
        Assert.Equal(sent.Length, (await receiver.ReceiveAsync(buffer, _deadline.Token)).Length);
    }

    [Fact]
    public async Task A_counter_reads_the_first_packet_and_counts_all()
    {
        using var received = _there.Run(() => PacketCounter.To([GuestSite.Home, ThereAddress], _thereEnd, PacketDirection.Received));
        using var back = _there.Run(() => PacketCounter.To([ThereAddress], _thereEnd, PacketDirection.Sent));
        using var sent = _here.Run(() => PacketCounter.From([HereAddress], _hereEnd, PacketDirection.Sent));
        using var others = _there.Run(() => PacketCounter.From([ThereAddress], _thereEnd, PacketDirection.Received));
        var begin = DateTimeOffset.UtcNow;
        var first = received.FirstAsync(_deadline.Token);
        using var sender = Open(_here, _hereEnd, PacketFilter.Nothing);
        sender.Send(Packets.Frame(ThereLink, HereLink, EtherType.Ipv6, UdpPacket("first")));
        Assert.InRange(await first, begin.AddSeconds(-1), DateTimeOffset.UtcNow.AddSeconds(1));
        Assert.Equal((1, 1), (received.Count, sent.Count));

        for (var i = 1; i < 2000; i++)
        {
            sender.Send(Packets.Frame(ThereLink, HereLink, EtherType.Ipv6, UdpPacket(new('x', 1000))));
        }

        Assert.Equal((2000, 2000, 2000), (received.Count, received.Count, sent.Count));
        Assert.Equal((0, 0), (back.Count, others.Count));
    }

    [Fact]
    public void A_counter_counts_what_is_inside_a_tunnel()
    {
        foreach (var (host, local, remote) in new[] { (_here, HereAddress, ThereAddress), (_there, ThereAddress, HereAddress) })
        {
            host.Ip($"link add tunnel type ip6tnl mode ip6ip6 local {local} remote {remote} encaplimit none");
            host.Ip("link set tunnel up");
            host.Ip($"-6 route add {GuestSite.Home} dev tunnel");
        }

        using var sent = _here.Run(() => PacketCounter.To([GuestSite.Home], Link("tunnel"), PacketDirection.Sent));
        using var received = _there.Run(() => PacketCounter.To([GuestSite.Home], Link("tunnel"), PacketDirection.Received));
        using var from = _there.Run(() => PacketCounter.From([HereAddress], Link("tunnel"), PacketDirection.Received));
        using var sender = _here.Run(() => new RawIpv6Sender());
        for (var i = 0; i < 3; i++)
        {
            sender.Send(Packets.Ipv6(HereAddress, GuestSite.Home, 59, []));
        }

        Assert.Equal((3, 3, 3), (sent.Count, received.Count, from.Count));
    }

    [Fact]
    public async Task Waiting_ends_when_it_is_cancelled_or_the_socket_is_closed()
    {
        var receiver = Open(_there, _thereEnd, Udp);
        using var cancel = new CancellationTokenSource();
        var cancelled = receiver.ReceiveAsync(new byte[64], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);

        var closed = receiver.ReceiveAsync(new byte[64], _deadline.Token).AsTask();
        receiver.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => closed);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => receiver.ReceiveAsync(new byte[64], _deadline.Token).AsTask());
    }

    [Fact]
    public async Task An_interface_that_was_down_goes_on_to_be_heard()
    {
        using var receiver = Open(_there, _thereEnd, Udp);
        using var sender = Open(_here, _hereEnd, PacketFilter.Nothing);
        var waiting = receiver.ReceiveAsync(new byte[2048], _deadline.Token);
        _there.Ip("link set end down");
        _there.Ip("link set end up");
        sender.Send(Packets.Frame(ThereLink, HereLink, EtherType.Ipv6, UdpPacket("frame")));
        Assert.Equal(HereLink, (await waiting).Source);
    }

    [Fact]
    public void An_interface_that_is_not_there_is_an_error() => _here.Run(() =>
        Assert.Equal(19, Assert.Throws<KernelException>(() => new PacketSocket(999, PacketFilter.Nothing)).Errno));

    [Fact]
    public void A_socket_that_listens_to_all_groups_says_so_to_the_interface()
    {
        using var receiver = Open(_there, _thereEnd, Udp);
        Assert.Equal(0, Allmulti());
        receiver.ListenToAllGroups();
        Assert.Equal(1, Allmulti());

        int Allmulti() => Assert.Single(_there.Json("-d link show dev end")).GetProperty("allmulti").GetInt32();
    }

    [Fact]
    public async Task A_raw_packet_leaves_as_it_is_with_its_routing_header()
    {
        using var receiver = Open(_there, _thereEnd, PacketFilter.NextHeader(135));
        var packet = Packets.Ipv6(HereAddress, ThereAddress, 43, Packets.Type2Routing(GuestSite.Home, 135, Packets.MobilityHeader));
        foreach (var bound in new[] { null, _hereEnd })
        {
            using var sender = _here.Run(() => new RawIpv6Sender(bound));
            sender.Send(packet);
            var buffer = new byte[2048];
            var frame = await receiver.ReceiveAsync(buffer, _deadline.Token);
            Assert.Equal(packet, buffer[EthernetFrame.HeaderLength..frame.Length]);
        }
    }

    [Fact]
    public void A_raw_packet_that_has_no_way_is_an_error()
    {
        using var sender = _here.Run(() => new RawIpv6Sender());
        var error = Assert.Throws<KernelException>(() => sender.Send(Packets.Ipv6(HereAddress, GuestSite.Home, 59, [])));
        Assert.Equal(("send to 2001:db8:1::10", 101), (error.Operation, error.Errno));
        Assert.Equal(90, Assert.Throws<KernelException>(() => sender.Send(Packets.Ipv6(HereAddress, ThereAddress, 59, new byte[1500]))).Errno);
        Assert.Throws<ArgumentOutOfRangeException>(() => sender.Send(new byte[39]));
    }

    [Theory]
    [InlineData(135)]
    [InlineData(50)]
    public async Task A_protocol_that_is_held_is_not_answered_and_one_that_is_not_is(byte protocol)
    {
        _there.Execute("sh -c \"echo 0 > /proc/sys/net/ipv6/icmp/ratelimit\"");
        using var sender = _here.Run(() => new RawIpv6Sender());
        using var receiver = Open(_here, _hereEnd, PacketFilter.NextHeader(58));
        var held = Packets.Ipv6(HereAddress, ThereAddress, protocol, Packets.MobilityHeader);
        var closed = Packets.Ipv6(HereAddress, ThereAddress, 17, Packets.Udp(HereAddress, ThereAddress, 9, "port"u8.ToArray()));

        sender.Send(held);
        Assert.Equal((4, 1), await Error());

        using (_there.Run(() => new ProtocolHolder(protocol)))
        {
            sender.Send(held);
            sender.Send(closed);
            Assert.Equal((1, 4), await Error());
        }

        sender.Send(held);
        Assert.Equal((4, 1), await Error());

        // RFC 4443: parameter problem, unrecognized next header, is 4 and 1; destination unreachable, port, is 1 and 4.
        async Task<(int Type, int Code)> Error()
        {
            var buffer = new byte[2048];
            do
            {
                await receiver.ReceiveAsync(buffer, _deadline.Token);
            }
            // What is behind hop-by-hop options says which groups the host listens to (RFC 3810, section 5).
            while (buffer[20] != 58);

            return (buffer[54], buffer[55]);
        }
    }

    private static PacketFilter Udp { get; } = OfUdp();

    private static PacketFilter OfUdp()
    {
        var builder = new PacketFilterBuilder();
        var drop = builder.NewLabel();
        return builder.LoadHalf(12).JumpUnlessEqual((uint)EtherType.Ipv6, drop).LoadByte(20).JumpUnlessEqual(17, drop).Accept().Mark(drop).Drop().Build();
    }

    private static byte[] UdpPacket(string text) =>
        Packets.Ipv6(HereAddress, ThereAddress, 17, Packets.Udp(HereAddress, ThereAddress, 9, System.Text.Encoding.ASCII.GetBytes(text)));

    private static NetworkInterface End(NetworkNamespace host) => host.Run(() => Link("end"));

    private static NetworkInterface Link(string name)
    {
        using var kernel = new Kernel();
        return kernel.Interfaces().Find(name)!;
    }

    private static PacketSocket Open(NetworkNamespace host, NetworkInterface link, PacketFilter filter) => host.Run(() => new PacketSocket(link.Index, filter));
}
