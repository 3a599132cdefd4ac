using System.Text;
using Tmds.Linux;

namespace Kagemusha.Linux.Tests;

/// <summary>A tap and its reader, as QEMU is one: by /dev/net/tun. In the network namespace of the thread that makes it.</summary>
internal sealed unsafe class Tap : IDisposable
{
    // linux/if_tun.h
    private const int TUNSETIFF = 0x400454ca;
    private const int TUNSETOFFLOAD = 0x400454d0;
    private const short IFF_TAP = 0x0002;
    private const short IFF_NO_PI = 0x1000;
    private const short IFF_VNET_HDR = 0x4000;
    private const int TUN_F_CSUM_TSO4_TSO6 = 0x01 | 0x02 | 0x04;
    private const int InterfaceRequestLength = 40;
    private const int NameLength = 16;

    private readonly byte[] _buffer = new byte[70_000];
    private readonly int _fd;
    private readonly int _headerLength;

    /// <param name="name">The link's name.</param>
    /// <param name="withOffloads">Whether the reader takes checksums that are not made yet and packets that are not cut yet, as a guest with virtio does.</param>
    public Tap(string name, bool withOffloads)
    {
        fixed (byte* path = "/dev/net/tun\0"u8)
        {
            _fd = LibC.open(path, LibC.O_RDWR | LibC.O_CLOEXEC | LibC.O_NONBLOCK);
        }

        Assert.True(_fd >= 0, $"cannot open /dev/net/tun: {LibC.errno}");
        var request = stackalloc byte[InterfaceRequestLength];
        new Span<byte>(request, InterfaceRequestLength).Clear();
        Encoding.ASCII.GetBytes(name, new Span<byte>(request, NameLength));
        *(short*)(request + NameLength) = (short)(IFF_TAP | IFF_NO_PI | (withOffloads ? IFF_VNET_HDR : 0));
        Assert.True(LibC.ioctl(_fd, TUNSETIFF, request) == 0, $"cannot make {name}: {LibC.errno}");
        if (withOffloads)
        {
            Assert.Equal(0, LibC.ioctl(_fd, TUNSETOFFLOAD, TUN_F_CSUM_TSO4_TSO6));
            _headerLength = PacketSocket.VirtioHeaderLength;
        }
    }

    /// <summary>Waits until a frame waits in one of these, but not longer.</summary>
    public static void Wait(IReadOnlyList<Tap> taps, int milliseconds)
    {
        var polled = taps.Select(tap => new pollfd { fd = tap._fd, events = LibC.POLLIN }).ToArray();
        fixed (pollfd* start = polled)
        {
            _ = LibC.poll(start, (uint)polled.Length, milliseconds);
        }
    }

    /// <summary>Sends a frame, as its guest does.</summary>
    public void Write(byte[] frame)
    {
        byte[] written = [.. new byte[_headerLength], .. frame];
        fixed (byte* start = written)
        {
            Assert.Equal(written.Length, (long)LibC.write(_fd, start, written.Length));
        }
    }

    /// <summary>Reads a frame, without its virtio_net header; null if none waits.</summary>
    public byte[]? Read()
    {
        var length = ReadToBuffer();
        return length > 0 ? _buffer[_headerLength..length] : null;
    }

    /// <summary>Reads so many frames.</summary>
    public List<byte[]> Read(int count) => [.. Enumerable.Range(0, count).Select(_ => Read() ?? throw new InvalidOperationException("no frame waits"))];

    /// <summary>Reads so many frames and forgets them.</summary>
    public void Skip(int count)
    {
        for (; count > 0; count--)
        {
            Assert.True(ReadToBuffer() > 0, "no frame waits");
        }
    }

    public void Dispose() => _ = LibC.close(_fd);

    private int ReadToBuffer()
    {
        fixed (byte* start = _buffer)
        {
            return (int)LibC.read(_fd, start, _buffer.Length);
        }
    }
}
