using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// A packet socket on one interface whose frames are taken on the agent's loop, until it is disposed. No more are taken than its rate allows: what is too
/// much waits in the socket, and what finds no room there the kernel drops, at the expense of who has sent it.
/// </summary>
internal sealed class FramePort : IDisposable
{
    /// <summary>
    /// How many frames a second are taken from a guest, our choice: a host with a thousand neighbours probes them all in 30 s (RFC 4861, section 10: REACHABLE_TIME).
    /// </summary>
    public const int GuestRate = 200;

    /// <summary>How many frames a second are taken from a port of a home link: its multicast is for all of its hosts.</summary>
    public const int LinkRate = 1000;

    // Neighbour discovery and mobility messages are far shorter; what is longer is not one of them.
    private const int LongestFrame = 2048;

    // What a short frame takes of a socket's buffer, about; of which the kernel gives twice what it is asked for.
    private const int FrameCost = 1024;
    private const int BufferFactor = 2;

    private readonly PacketSocket _socket;
    private readonly FrameBudget? _budget;
    private readonly Action<EthernetFrame> _received;
    private readonly Action<KernelException> _failed;
    private readonly CancellationTokenSource _closing = new();

    /// <param name="interfaceIndex">The interface.</param>
    /// <param name="filter">Which frames.</param>
    /// <param name="received">Takes each frame.</param>
    /// <param name="failed">Is told when nothing more can come, or a frame could not be sent.</param>
    /// <param name="rate">How many frames a second are taken; null for all, where no guest has a say.</param>
    /// <exception cref="KernelException">No packet socket.</exception>
    public FramePort(
        int interfaceIndex, PacketFilter filter, Action<EthernetFrame> received, Action<KernelException> failed, int? rate = GuestRate)
    {
        _received = received;
        _failed = failed;
        _socket = new(interfaceIndex, filter);
        if (rate is { } perSecond)
        {
            _budget = new(perSecond);
            // Half a second of frames: what comes after a flood is not to wait longer for the rest of it.
            _socket.SetReceiveBuffer(perSecond * FrameCost / 2 / BufferFactor);
        }

        _socket.ListenToAllGroups();
        ReceiveAsync();
    }

    public void Send(EthernetFrame frame)
    {
        try
        {
            _socket.Send(frame.ToArray());
        }
        catch (KernelException e)
        {
            _failed(e);
        }
    }

    public void Dispose()
    {
        _closing.Cancel();
        _socket.Dispose();
        _closing.Dispose();
    }

    // Not a task: what nobody foresaw ends the agent, for a new one, instead of leaving it deaf.
    private async void ReceiveAsync()
    {
        var buffer = new byte[LongestFrame];
        var closing = _closing.Token;
        try
        {
            while (true)
            {
                // In turn with all else on the loop, however many frames wait: no guest can keep the agent from its other work.
                await Task.Yield();
                closing.ThrowIfCancellationRequested();
                var received = await _socket.ReceiveAsync(buffer, closing);
                if (!received.IsTruncated && EthernetFrame.TryParse(buffer.AsSpan(0, received.Length), out var frame, out _))
                {
                    _received(frame);
                }

                if (_budget?.Spend(Clock.Now) is { } pause && pause > TimeSpan.Zero)
                {
                    await Task.Delay(pause, closing);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
        }
        catch (KernelException e)
        {
            _failed(e);
        }
    }
}
