using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>A packet socket on one interface whose frames are taken on the agent's loop, until it is disposed.</summary>
internal sealed class FramePort : IDisposable
{
    // Neighbour discovery and mobility messages are far shorter; what is longer is not one of them.
    private const int LongestFrame = 2048;

    private readonly PacketSocket _socket;
    private readonly Action<EthernetFrame> _received;
    private readonly Action<KernelException> _failed;
    private readonly CancellationTokenSource _closing = new();

    /// <param name="interfaceIndex">The interface.</param>
    /// <param name="filter">Which frames.</param>
    /// <param name="received">Takes each frame.</param>
    /// <param name="failed">Is told when nothing more can come, or a frame could not be sent.</param>
    /// <exception cref="KernelException">No packet socket.</exception>
    public FramePort(int interfaceIndex, PacketFilter filter, Action<EthernetFrame> received, Action<KernelException> failed)
    {
        _received = received;
        _failed = failed;
        _socket = new(interfaceIndex, filter);
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
