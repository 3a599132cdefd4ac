using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>A numbered guest of a <see cref="BurstRig"/>: nothing but its taps.</summary>
/// <param name="number">Its number.</param>
internal sealed class SimulatedGuest(int number) : IDisposable
{
    private readonly List<int> _got = [];

    public int Number { get; } = number;

    public string Name { get; } = $"vm{number}";

    public Guid Uuid { get; } = Guid.NewGuid();

    public LinkLayerAddress Mac { get; } = new(0x525400000000UL + (uint)number);

    public Ipv6Address Home { get; } = Ipv6Address.Parse($"2001:db8:1::1:{number:x}");

    /// <summary>Its tap at the source.</summary>
    public string TapName => $"vnet{Number}";

    public Tap? Source { get; set; }

    public Tap? Destination { get; set; }

    /// <summary>As the agent at the source knows it.</summary>
    public Guest? Guest { get; set; }

    /// <summary>Whether its processors stand: what is read from its tap at the source from then on it does not get.</summary>
    public volatile bool IsStopped;

    /// <summary>Whether QEMU has read the one frame more that it reads when its guest has stopped (net/tap.c: tap_send).</summary>
    public bool IsDeaf { get; set; }

    /// <summary>How many numbered packets were sent to it.</summary>
    public int Sent { get; set; }

    /// <summary>How many of them it has not got.</summary>
    public int Lost
    {
        get
        {
            lock (_got)
            {
                return Sent - _got.Distinct().Count();
            }
        }
    }

    /// <summary>How many it has got again.</summary>
    public int Duplicated
    {
        get
        {
            lock (_got)
            {
                return _got.Count - _got.Distinct().Count();
            }
        }
    }

    /// <summary>It gets a numbered packet, at the source or at the destination.</summary>
    public void Get(int packet)
    {
        lock (_got)
        {
            _got.Add(packet);
        }
    }

    public void Dispose()
    {
        Source?.Dispose();
        Destination?.Dispose();
    }
}
