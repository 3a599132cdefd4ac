using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// Keeps what guests send that have just come from another foreign host, in order, for the moment in which their home agent would still drop
/// it: it takes tunnelled packets from the care-of address that it knows only (RFC 6275, section 10.4.5). Their routes lead to a pair of
/// links, at whose other end the packets are read.
/// </summary>
internal sealed class HeldPackets : IDisposable
{
    /// <summary>Where the routes lead.</summary>
    public const string Entrance = "kghold";

    /// <summary>Where the packets are read.</summary>
    public const string Exit = "kgheld";

    // Of one home address: no guest sends more in the longest hold.
    private const int MostFrames = 4096;

    // With what is not cut yet (GSO).
    private const int LargestPacket = 65535;

    // What the agent has not read yet: a whole hold of a fast guest.
    private const int ReceiveBuffer = 8 << 20;

    private readonly Dictionary<Ipv6Address, Queue<ReadOnlyMemory<byte>>> _held = [];
    private readonly Dictionary<Ipv6Address, FrameInjector> _released = [];
    private readonly byte[] _buffer = new byte[CapturedPacket.HeaderLength + LargestPacket];
    private readonly AgentLog _log;
    private readonly PacketSocket _socket;
    private readonly CancellationTokenSource _closing = new();
    private long _dropped;

    /// <param name="exit">The index of the link at which the packets are read.</param>
    /// <param name="log">Where failures are told.</param>
    /// <exception cref="KernelException">No packet socket.</exception>
    public HeldPackets(int exit, AgentLog log)
    {
        ExitIndex = exit;
        _log = log;
        _socket = new(exit, PacketFilter.Received, withOffloads: true);
        _socket.SetReceiveBuffer(ReceiveBuffer);
        ReceiveAsync();
    }

    /// <summary>The links, as the kernel is to have them.</summary>
    /// <param name="mtu">What fits through all the tunnels by which they may be released: what does not is to be refused before it is held.</param>
    public static IReadOnlyList<KernelObject> Links(int mtu) =>
    [
        new Veth(Entrance, Exit) { Master = AwayDataPath.VrfName, Mtu = mtu },
        new Veth(Exit, Entrance) { Mtu = mtu },
        // Nobody's: the kernel itself takes nothing that comes out.
        new Neighbour(Entrance, AwayDataPath.NextHop, LinkLayerAddress.Parse("02:6b:00:00:00:01")),
    ];

    /// <summary>The index of the link at which the packets are read.</summary>
    public int ExitIndex { get; }

    /// <summary>What this home address sends is kept from now on; what is kept already stays.</summary>
    public void Hold(Ipv6Address home)
    {
        if (!_held.ContainsKey(home))
        {
            Forget(home);
            _held[home] = [];
        }
    }

    /// <summary>What was kept goes out by this link, and what comes late at once.</summary>
    /// <returns>How many had no room.</returns>
    public long Release(Ipv6Address home, int link)
    {
        Drain();
        var queue = _held.GetValueOrDefault(home);
        Forget(home);
        var injector = _released[home] = new(link);
        while (queue is not null && queue.TryDequeue(out var frame))
        {
            Send(injector, frame);
        }

        // Nobody knows whose the kernel has dropped: whoever is released first has them.
        var dropped = _dropped + _socket.TakeStatistics().Drops;
        _dropped = 0;
        return dropped;
    }

    /// <summary>What has come since is read.</summary>
    public void Drain()
    {
        while (_socket.TryReceive(_buffer, out var frame))
        {
            Take(frame);
        }
    }

    /// <summary>The guest has gone, or needs no holding any more.</summary>
    public void Forget(Ipv6Address home)
    {
        _held.Remove(home);
        if (_released.Remove(home, out var injector))
        {
            injector.Dispose();
        }
    }

    public void Dispose()
    {
        _closing.Cancel();
        _socket.Dispose();
        _closing.Dispose();
        foreach (var injector in _released.Values)
        {
            injector.Dispose();
        }
    }

    private async void ReceiveAsync()
    {
        var closing = _closing.Token;
        var buffer = new byte[_buffer.Length];
        try
        {
            while (true)
            {
                await Task.Yield();
                closing.ThrowIfCancellationRequested();
                var frame = await _socket.ReceiveAsync(buffer, closing);
                buffer.AsSpan(0, frame.Length).CopyTo(_buffer);
                Take(frame);
                Drain();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
        }
        catch (KernelException e)
        {
            _log.Warn($"{Exit}: {e.Message}");
        }
    }

    private void Take(ReceivedFrame frame)
    {
        if (frame.IsTruncated || CapturedPacket.SourceOf(_buffer.AsSpan(0, frame.Length)) is not { } home)
        {
            return;
        }

        if (_released.TryGetValue(home, out var injector))
        {
            Send(injector, _buffer.AsMemory(0, frame.Length));
        }
        else if (_held.TryGetValue(home, out var queue))
        {
            if (queue.Count < MostFrames)
            {
                queue.Enqueue(_buffer.AsSpan(0, frame.Length).ToArray());
            }
            else
            {
                _dropped++;
            }
        }
    }

    private void Send(FrameInjector injector, ReadOnlyMemory<byte> frame)
    {
        try
        {
            injector.Send(frame);
        }
        catch (KernelException e)
        {
            _log.Debug($"a packet that was held: {e.Message}");
        }
    }
}
