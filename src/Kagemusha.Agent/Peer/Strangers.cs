using System.Net;

namespace Kagemusha.Agent;

/// <summary>
/// The connections that have not shown a certificate yet. Of too many, the oldest of those goes that come from where most come from: a flood pushes
/// itself out, and not a peer from elsewhere. From any thread.
/// </summary>
/// <param name="most">How many there may be.</param>
internal sealed class Strangers(int most)
{
    // The half of an address that its owner does not choose (RFC 4291, section 2.5.4).
    private const int NetworkLength = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, LinkedList<CancellationTokenSource>> _byNetwork = [];
    private int _count;

    /// <summary>One more has come.</summary>
    /// <param name="address">From where.</param>
    /// <param name="patience">Is cancelled when it has to go.</param>
    /// <returns>To be disposed of when it has shown a certificate, or has gone.</returns>
    public IDisposable Admit(IPAddress address, CancellationTokenSource patience)
    {
        var network = BitConverter.ToUInt64(address.MapToIPv6().GetAddressBytes().AsSpan(0, NetworkLength));
        CancellationTokenSource? pushedOut = null;
        LinkedListNode<CancellationTokenSource> stranger;
        lock (_lock)
        {
            if (!_byNetwork.TryGetValue(network, out var neighbours))
            {
                _byNetwork.Add(network, neighbours = []);
            }

            stranger = neighbours.AddLast(patience);
            if (++_count > most)
            {
                var (crowded, crowd) = _byNetwork.MaxBy(each => each.Value.Count);
                pushedOut = crowd.First!.Value;
                Remove(crowded, crowd.First);
            }
        }

        // Off this thread: it goes on where it was waiting.
        _ = pushedOut?.CancelAsync();
        return new Admission(this, network, stranger);
    }

    private void Remove(ulong network, LinkedListNode<CancellationTokenSource> stranger)
    {
        if (stranger.List is { } neighbours)
        {
            neighbours.Remove(stranger);
            _count--;
            if (neighbours.Count == 0)
            {
                _byNetwork.Remove(network);
            }
        }
    }

    private sealed class Admission(Strangers strangers, ulong network, LinkedListNode<CancellationTokenSource> stranger) : IDisposable
    {
        public void Dispose()
        {
            lock (strangers._lock)
            {
                strangers.Remove(network, stranger);
            }
        }
    }
}
