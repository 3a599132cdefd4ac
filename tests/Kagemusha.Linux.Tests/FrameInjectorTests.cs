using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>
/// From a tap that nobody reads any more to where the guest has gone.
/// <code>
///     correspondent: end ==== end [ br0 ] tap0                          new: kgt
///                             old: kgt ------- ip6tnl over wan ------------'
/// </code>
/// The correspondent's veth leaves checksums to hardware, that is, partial.
/// </summary>
[Trait("Needs", "kernel")]
public sealed class FrameInjectorTests : IDisposable
{
    private const int EMSGSIZE = 90;
    private const byte VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
    private const byte VIRTIO_NET_HDR_GSO_TCPV6 = 4;
    private const int Mtu = 1452;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly Ipv6Address OldAddress = Ipv6Address.Parse("2001:db8:f3::1");
    private static readonly Ipv6Address NewAddress = Ipv6Address.Parse("2001:db8:f3::2");

    private readonly NetworkNamespace _correspondent = new();
    private readonly NetworkNamespace _old = new();
    private readonly NetworkNamespace _new = new();
    private readonly Kernel _kernel;
    private readonly NetworkInterfaceCollection _links;
    private readonly Tap _guest;
    private readonly FrameInjector _injector;

    public FrameInjectorTests()
    {
        _correspondent.Ip($"link add end type veth peer name end netns {_old.Name}");
        _correspondent.Ip("link set end addrgenmode none up");
        _correspondent.Ip($"address add {GuestSite.Correspondent}/64 dev end nodad");
        _correspondent.Ip($"route add {GuestSite.Home} dev end");
        _correspondent.Ip($"neigh replace {GuestSite.Home} lladdr {GuestSite.GuestLink} dev end nud permanent");

        _old.Ip($"link add wan address 02:00:00:00:00:01 type veth peer name wan address 02:00:00:00:00:02 netns {_new.Name}");
        foreach (var (host, here, there, link) in new[] { (_old, OldAddress, NewAddress, "02:00:00:00:00:02"), (_new, NewAddress, OldAddress, "02:00:00:00:00:01") })
        {
            host.Ip("link set wan addrgenmode none up");
            host.Ip($"address add {here}/64 dev wan nodad");
            host.Ip($"neigh replace {there} lladdr {link} dev wan nud permanent");
            host.Ip($"link add kgt type ip6tnl mode ip6ip6 local {here} remote {there} encaplimit none dev wan");
            host.Ip($"link set kgt addrgenmode none mtu {Mtu} up");
        }

        _new.Ip($"address add {GuestSite.Home}/128 dev lo nodad");
        _new.Ip($"route add {GuestSite.Correspondent} dev kgt");

        (_guest, _kernel, _links, _injector) = _old.Run(() =>
        {
            // Or the host itself would speak to the guest.
            _old.Execute("sysctl -q net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.end.disable_ipv6=1");
            var guest = new Tap("tap0", withOffloads: true);
            _old.Ip("link add br0 type bridge");
            _old.Ip("link set br0 up");
            _old.Ip("link set end master br0 up");
            _old.Ip("link set tap0 master br0 up");
            // And it would hear how the correspondent joins its groups.
            _old.Ip("link set tap0 type bridge_slave mcast_flood off");
            Assert.True(SpinWait.SpinUntil(() => IsForwarding("end") && IsForwarding("tap0"), Deadline));
            var kernel = new Kernel();
            var links = kernel.Interfaces();
            return (guest, kernel, links, new FrameInjector(links.Find("kgt")!.Index));
        });
    }

    public void Dispose()
    {
        _injector.Dispose();
        _guest.Dispose();
        _kernel.Dispose();
        _correspondent.Dispose();
        _old.Dispose();
        _new.Dispose();
    }

    [Fact]
    public void Datagrams_with_partial_checksums_arrive_whole_and_in_order_where_the_guest_has_gone()
    {
        using var tail = _old.Run(() => new TapTail(_kernel, _links.Find("tap0")!.Index, readsOneMore: false));
        Assert.True(SpinWait.SpinUntil(() => _guest.Read() is null && tail.IsEmpty, Deadline));
        using var sender = Datagrams(_correspondent, GuestSite.Correspondent);
        using var receiver = Datagrams(_new, GuestSite.Home);
        foreach (var number in Enumerable.Range(1, 10))
        {
            sender.SendTo(Encoding.ASCII.GetBytes($"datagram {number}"), receiver.LocalEndPoint!);
        }

        var read = 0;
        Assert.True(SpinWait.SpinUntil(() => (read += _guest.Read() is null ? 0 : 1) == 4, Deadline));

        tail.GuestStopped();
        var sent = 0;
        Assert.True(SpinWait.SpinUntil(() => (sent += Lead(tail.Take())) == 6, Deadline));

        var buffer = new byte[2048];
        foreach (var number in Enumerable.Range(5, 6))
        {
            EndPoint from = new IPEndPoint(IPAddress.IPv6Any, 0);
            Assert.Equal($"datagram {number}", Encoding.ASCII.GetString(buffer, 0, receiver.ReceiveFrom(buffer, ref from)));
            Assert.Equal(sender.LocalEndPoint, from);
        }

        Assert.Equal(0, receiver.Available);

        int Lead(Tail taken)
        {
            Assert.True(taken.IsExact);
            foreach (var frame in taken.Frames)
            {
                Assert.Equal(VIRTIO_NET_HDR_F_NEEDS_CSUM, frame.Span[0]);
                _injector.Send(frame);
            }

            return taken.Frames.Count;
        }
    }

    [Fact]
    public async Task A_packet_that_is_not_cut_yet_stays_whole()
    {
        using var receiver = _new.Run(() =>
        {
            using var kernel = new Kernel();
            return new PacketSocket(kernel.Interfaces().Find("kgt")!.Index, PacketFilter.Received, withOffloads: true);
        });
        // A TCP header of 20 bytes with more than two segments behind it; its checksum is the pseudo-header's only.
        var segment = new byte[20 + 3000];
        segment[12] = 5 << 4;
        var packet = Packets.Ipv6(GuestSite.Correspondent, GuestSite.Home, 6, segment);
        byte[] frame = [.. VirtioHeader(VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV6, 14 + 40 + 20, 1200, 14 + 40, 16), .. Ethernet(packet)];
        _injector.Send(frame);

        using var deadline = new CancellationTokenSource(Deadline);
        var buffer = new byte[70_000];
        var received = await receiver.ReceiveAsync(buffer, deadline.Token);
        // Apart from hdr_len, which is the kernel's own matter.
        Assert.Equal([VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV6], buffer[..2]);
        Assert.Equal(VirtioHeader(0, 0, 0, 1200, 40, 16)[4..], buffer[4..PacketSocket.VirtioHeaderLength]);
        Assert.Equal(packet, buffer[PacketSocket.VirtioHeaderLength..received.Length]);
    }

    [Fact]
    public void Anything_but_IPv6_is_left_out_and_what_does_not_fit_is_an_error()
    {
        using var receiver = Datagrams(_new, GuestSite.Home);
        var udp = Packets.Ipv6(GuestSite.Correspondent, GuestSite.Home, 17, Packets.Udp(GuestSite.Correspondent, GuestSite.Home, Port(receiver), "whole"u8.ToArray()));
        byte[] none = new byte[PacketSocket.VirtioHeaderLength];
        _injector.Send(Array.Empty<byte>());
        _injector.Send(none);
        _injector.Send((byte[])[.. none, .. Packets.Frame(GuestSite.GuestLink, GuestSite.RouterLink, EtherType.Ipv4, udp)]);
        _injector.Send((byte[])[.. none, .. Ethernet(udp)[..53]]);
        Assert.Equal(EMSGSIZE, Assert.Throws<KernelException>(() => _injector.Send((byte[])[.. none, .. Ethernet(new byte[Mtu + 100])])).Errno);

        _injector.Send((byte[])[.. none, .. Ethernet(udp)]);
        var buffer = new byte[2048];
        Assert.Equal("whole", Encoding.ASCII.GetString(buffer, 0, receiver.Receive(buffer)));
        Assert.Equal(0, receiver.Available);
    }

    private bool IsForwarding(string port) => Assert.Single(_old.Json($"-d link show dev {port}"))
        .GetProperty("linkinfo").GetProperty("info_slave_data").GetProperty("state").GetString() == "forwarding";

    private static byte[] Ethernet(byte[] packet) => Packets.Frame(GuestSite.GuestLink, GuestSite.RouterLink, EtherType.Ipv6, packet);

    private static ushort Port(Socket socket) => (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;

    // linux/virtio_net.h, struct virtio_net_hdr.
    private static byte[] VirtioHeader(byte flags, byte gsoType, params ushort[] numbers) => [flags, gsoType, .. MemoryMarshal.AsBytes(numbers.AsSpan())];

    private static Socket Datagrams(NetworkNamespace host, Ipv6Address address) => host.Run(() =>
    {
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)Deadline.TotalMilliseconds };
        socket.Bind(new IPEndPoint(IPAddress.Parse(address.ToString()), 0));
        return socket;
    });
}
