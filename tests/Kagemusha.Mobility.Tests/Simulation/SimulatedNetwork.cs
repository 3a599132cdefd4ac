using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests.Simulation;

/// <summary>A virtual clock that jumps to the next event, and a network that loses, delays, doubles and reorders.</summary>
internal sealed class SimulatedNetwork(Random random)
{
    /// <summary>What <see cref="MaximumDelay"/> is at most.</summary>
    public static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(1);

    private readonly PriorityQueue<Action, (TimeSpan At, int Order)> _events = new();
    private int _order;

    public TimeSpan Now { get; private set; }

    public double Loss { get; set; }

    public double Duplication { get; set; }

    /// <summary>The longest delay now; each packet takes a random part of it, so that they overtake each other.</summary>
    public TimeSpan MaximumDelay { get; set; }

    public void At(TimeSpan time, Action action) => _events.Enqueue(action, (time, _order++));

    public void RunUntil(TimeSpan end)
    {
        while (_events.TryPeek(out var action, out var key) && key.At <= end)
        {
            _events.Dequeue();
            Now = key.At > Now ? key.At : Now;
            action();
        }

        Now = end;
    }

    /// <summary>Sends what is read back from the bytes that were written.</summary>
    public void Send(MobilityPacket packet, Action<MobilityPacket> receive)
    {
        Assert.True(MobilityPacket.TryParse(packet.ToArray(), out var read, out var error), error.What);
        Assert.Equal(packet, read);
        for (var copies = random.NextDouble() < Duplication ? 2 : 1; copies > 0; copies--)
        {
            if (random.NextDouble() >= Loss)
            {
                At(Now + MaximumDelay * random.NextDouble(), () => receive(read));
            }
        }
    }
}
