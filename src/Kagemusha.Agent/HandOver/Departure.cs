using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>One interface of a guest that is being handed over: what is ready for the switch.</summary>
/// <param name="link">The interface.</param>
internal sealed class LinkDeparture(GuestLink link) : IDisposable
{
    public GuestLink Link { get; } = link;

    /// <summary>What answers for the guest on the home link.</summary>
    public StandInVoice? Voice { get; set; }

    /// <summary>The tap's index, if it is there.</summary>
    public int? Tap { get; set; }

    /// <summary>How many frames the tap had dropped before.</summary>
    public long DropsBefore { get; set; }

    /// <summary>What the tap was sent and nobody has read.</summary>
    public TapTail? Tail { get; set; }

    public void Dispose()
    {
        Voice?.Dispose();
        Tail?.Dispose();
    }
}

/// <summary>A guest's way to another host, from the hand-over until nothing comes for it here any more.</summary>
/// <param name="tunnel">The way to it.</param>
/// <param name="deadline">When it is given up; monotonic.</param>
internal sealed class Departure(HandOverTunnel tunnel, TimeSpan deadline) : IDisposable
{
    public HandOverTunnel Tunnel { get; } = tunnel;

    /// <summary>Whether QEMU itself reads the guest's taps, and copies for nobody go before what they take.</summary>
    public bool IsHeralded { get; set; }

    /// <summary>Whether what is for the guest goes there.</summary>
    public bool IsTurned { get; set; }

    /// <summary>Whether the home agent has turned, too, as the other host's agent says.</summary>
    public bool IsSettled { get; set; }

    /// <summary>When it ends, whatever has become of it.</summary>
    public TimeSpan Deadline { get; } = deadline;

    /// <summary>When it is to be looked at again.</summary>
    public TimeSpan LookAt { get; set; } = deadline;

    /// <summary>What is counted of the guest's packets.</summary>
    public DepartureTraffic? Traffic { get; set; }

    /// <summary>What had gone through the tunnel when it was looked at last.</summary>
    public long Forwarded { get; set; }

    /// <summary>The switch.</summary>
    public PreparedChanges? Turn { get; set; }

    /// <summary>And back.</summary>
    public PreparedChanges? TakeBack { get; set; }

    /// <summary>Sends into the tunnel.</summary>
    public FrameInjector? Injector { get; set; }

    /// <summary>By interface.</summary>
    public List<LinkDeparture> Links { get; } = [];

    public void Dispose()
    {
        foreach (var link in Links)
        {
            link.Dispose();
        }

        Injector?.Dispose();
        Traffic?.Dispose();
    }
}
