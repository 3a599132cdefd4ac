using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Kagemusha.Intruder;

/// <summary>A packet socket that sends whole frames by an interface, as they are.</summary>
internal sealed class Outlet : IDisposable
{
    private const int LongestHeader = 14 + 4; // with a VLAN tag

    private readonly Socket _socket = new(AddressFamily.Packet, SocketType.Raw, 0);
    private readonly string _mtu;
    private readonly string _ipv6Mtu;
    private readonly int _longest;

    /// <exception cref="IOException">No such interface.</exception>
    /// <exception cref="SocketException">Not root.</exception>
    public Outlet(string link)
    {
        _mtu = $"/sys/class/net/{link}/mtu";
        _ipv6Mtu = $"/proc/sys/net/ipv6/conf/{link}/mtu";
        _longest = Number(_mtu) + LongestHeader;
        _socket.Bind(new LinkEndPoint(Number($"/sys/class/net/{link}/ifindex")));
    }

    /// <summary>Sends a frame, and waits for room. For one that is longer than the interface takes, its MTU is greater meanwhile.</summary>
    public void Send(byte[] frame)
    {
        if (frame.Length <= _longest)
        {
            _socket.Send(frame);
            return;
        }

        var (mtu, ipv6Mtu) = (File.ReadAllText(_mtu), File.ReadAllText(_ipv6Mtu));
        File.WriteAllText(_mtu, frame.Length.ToString(CultureInfo.InvariantCulture));
        _socket.Send(frame);
        File.WriteAllText(_mtu, mtu);
        File.WriteAllText(_ipv6Mtu, ipv6Mtu); // what the router has advertised
    }

    public void Dispose() => _socket.Dispose();

    private static int Number(string file) => int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture);

    /// <summary>struct sockaddr_ll: u16 sll_family; u16 sll_protocol; s32 sll_ifindex; ...; with protocol 0 nothing is received.</summary>
    private sealed class LinkEndPoint(int index) : EndPoint
    {
        private const int Length = 20;
        private const int IndexOffset = 4;

        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            var address = new SocketAddress(AddressFamily.Packet, Length);
            BitConverter.TryWriteBytes(address.Buffer.Span[IndexOffset..], index);
            return address;
        }
    }
}
