using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>
/// Counts the packets of some addresses that pass an interface in one direction. Only the first is read: for those that follow the socket
/// has no room, and the kernel counts what it drops there, so that they cost their receiver nothing.
/// </summary>
public sealed class PacketCounter : IDisposable
{
    private readonly PacketSocket _socket;
    private long _count;

    private PacketCounter(NetworkInterface link, PacketFilter filter)
    {
        _socket = new(link.Index, filter);
        // The kernel's least, in which one frame always has room.
        _socket.SetReceiveBuffer(0);
    }

    /// <summary>How many have passed.</summary>
    public long Count => _count += _socket.TakeStatistics().Packets;

    /// <summary>Counts packets to any of these addresses.</summary>
    /// <exception cref="KernelException">No packet socket.</exception>
    public static PacketCounter To(IEnumerable<Ipv6Address> addresses, NetworkInterface link, PacketDirection direction) =>
        new(link, PacketFilter.To(addresses, direction, HeaderLength(link)));

    /// <summary>Counts packets from any of these addresses.</summary>
    /// <exception cref="KernelException">No packet socket.</exception>
    public static PacketCounter From(IEnumerable<Ipv6Address> addresses, NetworkInterface link, PacketDirection direction) =>
        new(link, PacketFilter.From(addresses, direction, HeaderLength(link)));

    /// <summary>Waits for the first one. Once.</summary>
    /// <returns>When the kernel got it, by the system's clock.</returns>
    /// <exception cref="ObjectDisposedException">The counter was disposed meanwhile.</exception>
    /// <exception cref="KernelException">Nothing more can be received.</exception>
    public async Task<DateTimeOffset> FirstAsync(CancellationToken cancellation) =>
        (await _socket.ReceiveAsync(new byte[EthernetFrame.HeaderLength], cancellation)).Timestamp;

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    // A tunnel's frames are packets.
    private static int HeaderLength(NetworkInterface link) => link.Kind == "ip6tnl" ? 0 : EthernetFrame.HeaderLength;
}
