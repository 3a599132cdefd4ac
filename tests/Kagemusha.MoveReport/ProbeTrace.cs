using Kagemusha.Probe;

namespace Kagemusha.MoveReport;

/// <summary>One probe, from its sender to its receiver. Times are nanoseconds of the kernel that all boxes of the lab share.</summary>
internal sealed class TracedProbe(ProbeDirection direction, long sentAt, long? arrivedAt, int copies, string? host, Carrier? carrier)
{
    /// <summary>Which way it went.</summary>
    public ProbeDirection Direction => direction;

    /// <summary>To the guest: when the correspondent sent it. From it: when it passed the guest's tap.</summary>
    public long SentAt => sentAt;

    /// <summary>
    /// To the guest: when it reached the tap that it was received from. From it: when it reached the correspondent. Null if it was lost.
    /// </summary>
    public long? ArrivedAt => arrivedAt;

    /// <summary>How many the receiving program counted.</summary>
    public int Copies => copies;

    /// <summary>The host whose tap it passed; null if it was lost before one.</summary>
    public string? Host => host;

    /// <summary>What carried it; null if that was not seen.</summary>
    public Carrier? Carrier => carrier;

    /// <summary>How long the network took.</summary>
    public long? Delay => ArrivedAt - SentAt;
}

/// <summary>Every probe that was sent, both ways, by what its sender, its receiver and the captures say of it.</summary>
internal sealed class ProbeTrace
{
    /// <exception cref="InvalidDataException">The guest gave no report, or more was received than was sent.</exception>
    public ProbeTrace(ProbeRecord record, Captures captures)
    {
        if (record.ReceivedByGuest is not { } byGuest || record.SentByGuest is not { } sentByGuest)
        {
            throw new InvalidDataException("the guest gave no report");
        }

        if (byGuest.Copies.Length > record.SentToGuestAt.Length || record.ReceivedFromGuest.Copies.Length > sentByGuest)
        {
            throw new InvalidDataException("more probes were received than were sent");
        }

        ToGuest = [.. record.SentToGuestAt.Select((sentAt, i) => TraceToGuest(i, sentAt, CopiesOf(byGuest, i), captures))];
        FromGuest = TraceFromGuest(record.ReceivedFromGuest, sentByGuest, captures);
    }

    /// <summary>By sequence number.</summary>
    public IReadOnlyList<TracedProbe> ToGuest { get; }

    /// <summary>By sequence number.</summary>
    public IReadOnlyList<TracedProbe> FromGuest { get; }

    /// <summary>Both directions.</summary>
    public IEnumerable<TracedProbe> All => ToGuest.Concat(FromGuest);

    /// <summary>Received probes that no capture saw at a tap of the guest: with any, the captures are not whole.</summary>
    public int Unseen => All.Count(probe => probe.Copies > 0 && probe.Host is null);

    private static int CopiesOf(ProbesReceived received, int sequence) =>
        sequence < received.Copies.Length ? received.Copies[sequence] : 0;

    // A probe that came once was received from the last tap that it reached: what waited at the source's when the guest was paused
    // never was, if it was led to the destination's. One that came twice was received from the first.
    private static TracedProbe TraceToGuest(int sequence, long sentAt, int copies, Captures captures)
    {
        var taps = captures.TapsOf(ProbeDirection.ToGuest, sequence);
        TapSight? tap = taps.Count == 0 ? null : copies > 1 ? taps[0] : taps[^1];
        return new(ProbeDirection.ToGuest, sentAt, copies == 0 ? null : tap?.At, copies, tap?.Host,
            captures.CarrierOf(ProbeDirection.ToGuest, sequence));
    }

    // Who was lost before a tap was sent at the latest when the next one was there.
    private static TracedProbe[] TraceFromGuest(ProbesReceived received, int sent, Captures captures)
    {
        var probes = new TracedProbe[sent];
        var next = captures.LastAt;
        for (var sequence = sent - 1; sequence >= 0; sequence--)
        {
            var taps = captures.TapsOf(ProbeDirection.FromGuest, sequence);
            var copies = CopiesOf(received, sequence);
            next = taps.Count > 0 ? taps[0].At : next;
            probes[sequence] = new(ProbeDirection.FromGuest, next, copies == 0 ? null : received.At[sequence], copies,
                taps.Count > 0 ? taps[0].Host : null, captures.CarrierOf(ProbeDirection.FromGuest, sequence));
        }

        return probes;
    }
}
