using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>How many of a guest's packets have passed some interfaces in one direction, and when the first did; used on the agent's loop.</summary>
/// <param name="first">Is told once when the first did, by <see cref="Clock"/>.</param>
internal sealed class PacketCount(Action<TimeSpan> first) : IDisposable
{
    // The kernel has little memory for one filter.
    private const int MostAddresses = 64;

    private readonly List<PacketCounter> _counters = [];
    private readonly CancellationTokenSource _closing = new();
    private bool _hasFirst;

    public long Count => _counters.Sum(counter => counter.Count);

    /// <summary>Counts packets to the addresses, too.</summary>
    /// <exception cref="KernelException">No packet socket.</exception>
    public void AddTo(IEnumerable<Ipv6Address> addresses, NetworkInterface link, PacketDirection direction) =>
        Add(addresses, some => PacketCounter.To(some, link, direction));

    /// <summary>Counts packets from the addresses, too.</summary>
    /// <exception cref="KernelException">No packet socket.</exception>
    public void AddFrom(IEnumerable<Ipv6Address> addresses, NetworkInterface link, PacketDirection direction) =>
        Add(addresses, some => PacketCounter.From(some, link, direction));

    // Off the loop: the kernel lets all its processors go by before a packet socket is closed.
    public void Dispose()
    {
        _closing.Cancel();
        _ = Task.Run(() => _counters.ForEach(counter => counter.Dispose()));
        _closing.Dispose();
    }

    private void Add(IEnumerable<Ipv6Address> addresses, Func<IEnumerable<Ipv6Address>, PacketCounter> open)
    {
        foreach (var some in addresses.Chunk(MostAddresses))
        {
            var counter = open(some);
            _counters.Add(counter);
            TellFirstAsync(counter, _closing.Token);
        }
    }

    private async void TellFirstAsync(PacketCounter counter, CancellationToken closing)
    {
        try
        {
            var at = await counter.FirstAsync(closing);
            if (!_hasFirst && !closing.IsCancellationRequested)
            {
                _hasFirst = true;
                first(Clock.Now - (DateTimeOffset.UtcNow - at));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or KernelException)
        {
            // Without its interface nothing passes it.
        }
    }
}
