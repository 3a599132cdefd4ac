using System.Globalization;
using System.Text.Json;
using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport.Tests;

/// <summary>A probe that a test may do something to before the run is written.</summary>
internal sealed class SyntheticProbe
{
    public required long SentAt { get; init; }

    /// <summary>The guest's taps that saw it.</summary>
    public List<TapSight> Taps { get; init; } = [];

    public List<Carrier> Carriers { get; init; } = [];

    /// <summary>For probes from the guest: the hosts that sent it from their place, on the home link or in a tunnel.</summary>
    public List<string> Origins { get; init; } = [];

    /// <summary>How many the receiver counts.</summary>
    public int Copies { get; set; } = 1;

    /// <summary>When the receiver got it: for probes from the guest.</summary>
    public long ReceivedAt { get; set; }
}

/// <summary>
/// A run of 20 s, a probe every 10 ms each way, with one move from hv-a, at home, to hv-b, away. In milliseconds since the start:
/// <code>
///     0   6000   8000   8050   8200   8500
///     |    |      |      |      |      |
///     |  called suspended resumed |  returned
///     |           |             the home agent's tunnel from here on
///     |         the hand-over tunnel from here on
///   natively over the home link
///
///   delay in / out:  home link 1 / 2 ms, hand-over 5 / 6 ms, home agent's tunnel 3 / 4 ms
/// </code>
/// </summary>
internal sealed class SyntheticRun : IDisposable
{
    public const long Start = 1_800_000_000_000_000_000;
    public const long Ms = 1_000_000;
    public const int Count = 2000;
    public const int IntervalMs = 10;
    public const int CalledAt = 6000;
    public const int SuspendedAt = 8000;
    public const int ResumedAt = 8050;
    public const int TurnedAt = 8200;
    public const int ReturnedAt = 8500;

    // The first probe from the guest by the home agent's tunnel is sent at TurnedAt and takes 4 ms.
    public const int ChangedAt = TurnedAt + 4;

    private const int Tap = 7;
    private const int HomeLink = 3;
    private const int Uplink = 2;
    private const int Host = 20; // the first one's port in core and on the home link

    private static readonly Dictionary<string, Ipv6Address> Hosts = new()
    {
        ["hv-a"] = Ipv6Address.Parse("2001:db8:f3::2"),
        ["hv-b"] = Ipv6Address.Parse("2001:db8:f4::2"),
        ["hv-c"] = Ipv6Address.Parse("2001:db8:f5::2"),
    };

    private static readonly string[] Boxes = ["core", "home-link", "home", .. Hosts.Keys];

    private static readonly Ipv6Address HomeAgent = Ipv6Address.Parse("2001:db8:1::1");

    private readonly string _directory = Directory.CreateTempSubdirectory("kg-move-report-").FullName;

    public SyntheticRun()
    {
        for (var at = 0; at < Count * IntervalMs; at += IntervalMs)
        {
            var (host, carrier, inMs, outMs) = at < SuspendedAt ? ("hv-a", Carrier.HomeLink, 1, 2)
                : at < TurnedAt ? ("hv-b", Carrier.HandOverTunnel, 5, 6) : ("hv-b", Carrier.HomeAgentTunnel, 3, 4);
            ToGuest.Add(new() { SentAt = At(at), Taps = { new(At(at + inMs), host) }, Carriers = { carrier } });
            if (at is < SuspendedAt or >= ResumedAt)
            {
                FromGuest.Add(new()
                {
                    SentAt = At(at),
                    Taps = { new(At(at), host) },
                    Carriers = { carrier },
                    Origins = { host },
                    ReceivedAt = At(at + outMs),
                });
            }
        }
    }

    public List<SyntheticProbe> ToGuest { get; } = [];

    public List<SyntheticProbe> FromGuest { get; } = [];

    public List<string> SourceEvents { get; } = [Event(SuspendedAt, "Suspended Migrated"), Event(8600, "Stopped Migrated")];

    public List<string> DestinationEvents { get; } = [Event(6500, "Started Migrated"), Event(ResumedAt, "Resumed Migrated")];

    public List<string> Boots { get; } = ["0000000000000001"];

    public List<StreamRecord> Streams { get; } = [Stream(null)];

    /// <summary>What all moves were to become.</summary>
    public string Kind { get; set; } = "precopy";

    /// <summary>The host on the home link; with hv-c the move is one from a foreign host to another.</summary>
    public string HomeHost { get; set; } = "hv-a";

    /// <summary>By how many milliseconds the control process was late, which ticks as the probes do.</summary>
    public double[] ControlLateness { get; set; } = new double[Count];

    /// <summary>Binding Updates that hv-b sent, in milliseconds since the start, and when each was accepted.</summary>
    public List<(double SentAt, double? AcceptedAt)> Updates { get; } = [(ResumedAt, TurnedAt)];

    /// <summary>Echoes of hv-b to the home agent, and when each was answered.</summary>
    public List<(double SentAt, double AnsweredAt)> Echoes { get; } = [];

    public int ExitCode { get; set; }

    public long BufferDrops { get; set; }

    public long CaptureDrops { get; set; }

    /// <summary>A time of the run.</summary>
    public static long At(double milliseconds) => Start + (long)(milliseconds * Ms);

    /// <summary>A line of virsh event.</summary>
    public static string Event(double at, string what)
    {
        var time = DateTime.UnixEpoch.AddTicks(At(at) / 100).ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
        return $"{time}+0000: event 'lifecycle' for domain 'vm': {what}";
    }

    /// <summary>A connection over which a line goes each way every 100 ms and is answered by the next, until it breaks.</summary>
    public static StreamRecord Stream(double? brokenAt)
    {
        var times = Enumerable.Range(0, Count * IntervalMs / 100).Select(i => i * 100.0).Where(at => !(at >= brokenAt)).ToArray();
        return new(At(0), brokenAt is { } broken ? At(broken) : null, brokenAt is null ? null : "receive: ConnectionReset",
            [.. times.Select(at => At(at))], [.. times.Select(at => At(at + 10))], [.. times.Select((_, i) => i)]);
    }

    /// <summary>The probe that was sent at this time.</summary>
    public static SyntheticProbe At(List<SyntheticProbe> probes, int milliseconds) =>
        probes.Single(probe => probe.SentAt == At(milliseconds));

    /// <summary>Loses a probe before it gets anywhere.</summary>
    public static void Lose(SyntheticProbe probe, bool beforeTap = true)
    {
        probe.Copies = 0;
        if (beforeTap)
        {
            probe.Taps.Clear();
        }
    }

    public Run Read() => new(Write());

    /// <summary>Gives the directory that it was written to.</summary>
    public string Write()
    {
        WriteCaptures();
        Write("run.txt",
            "domain vm", "guest-mac 52:54:00:00:00:10", $"home-agent {HomeAgent}", "home-link home lan",
            $"host hv-a {Hosts["hv-a"]}", $"host hv-b {Hosts["hv-b"]}", $"host hv-c {Hosts["hv-c"]}", $"home-host {HomeHost}",
            "home-agent-rtt-ms 4", "host-to-host-one-way-ms 2.5", $"kind {Kind}",
            $"move hv-a hv-b {Seconds(CalledAt)} {Seconds(ReturnedAt)} {ExitCode}");
        Write("hv-a.events", [.. SourceEvents]);
        Write("hv-b.events", [.. DestinationEvents]);
        long[] sentToGuestAt = [.. ToGuest.Select(probe => probe.SentAt)];
        var record = new ProbeRecord("2001:db8:1::10", CaptureWriter.Session.ToString("x16", CultureInfo.InvariantCulture), IntervalMs,
            Boots, sentToGuestAt, new(sentToGuestAt, [.. ToGuest.Select(probe => probe.Copies)], BufferDrops), FromGuest.Count,
            new([.. FromGuest.Select(probe => probe.ReceivedAt)], [.. FromGuest.Select(probe => probe.Copies)], 0), Streams);
        File.WriteAllBytes(PathOf("probes.json"), JsonSerializer.SerializeToUtf8Bytes(record, ProbeRecordJson.Default.ProbeRecord));
        var control = new ControlRecord(Start, IntervalMs, [.. ControlLateness.Select(milliseconds => (int)(milliseconds * Ms))]);
        File.WriteAllBytes(PathOf("control.json"), JsonSerializer.SerializeToUtf8Bytes(control, ControlRecordJson.Default.ControlRecord));
        return _directory;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static string Seconds(int milliseconds) => (At(milliseconds) / 1e9m).ToString("0.000000000", CultureInfo.InvariantCulture);

    private void WriteCaptures()
    {
        var captures = Boxes.ToDictionary(box => box, _ => new CaptureWriter());
        foreach (var (direction, probes) in new[] { (ProbeDirection.ToGuest, ToGuest), (ProbeDirection.FromGuest, FromGuest) })
        {
            for (var sequence = 0; sequence < probes.Count; sequence++)
            {
                var packet = CaptureWriter.Probe(direction, sequence);
                foreach (var tap in probes[sequence].Taps)
                {
                    var data = CaptureWriter.On(Tap, direction == ProbeDirection.ToGuest, packet);
                    captures[tap.Host].Add(tap.At, data);
                }

                foreach (var host in probes[sequence].Origins)
                {
                    var index = Host + Hosts.Keys.ToList().IndexOf(host);
                    captures[host == "hv-a" ? "home-link" : "core"].Add(probes[sequence].SentAt, CaptureWriter.On(index, outgoing: false, packet));
                }

                foreach (var carrier in probes[sequence].Carriers)
                {
                    var at = probes[sequence].SentAt;
                    if (carrier == Carrier.HomeLink)
                    {
                        captures["home"].Add(at, CaptureWriter.On(HomeLink, outgoing: true, packet));
                        continue;
                    }

                    var near = carrier == Carrier.HomeAgentTunnel ? HomeAgent : Hosts["hv-a"];
                    var far = Hosts["hv-b"];
                    captures["core"].Add(at, CaptureWriter.On(Uplink, outgoing: true, direction == ProbeDirection.ToGuest
                        ? CaptureWriter.Ipv6(near, far, 41, packet) : CaptureWriter.Ipv6(far, near, 41, packet)));
                }
            }
        }

        for (var i = 0; i < Updates.Count; i++)
        {
            var sequence = (ushort)(ushort.MaxValue - i);
            captures["hv-b"].Add(At(Updates[i].SentAt), CaptureWriter.On(Uplink, outgoing: true,
                CaptureWriter.Update(Hosts["hv-b"], HomeAgent, sequence)));
            if (Updates[i].AcceptedAt is { } at)
            {
                captures["hv-b"].Add(At(at), CaptureWriter.On(Uplink, outgoing: false,
                    CaptureWriter.Acknowledgement(HomeAgent, Hosts["hv-b"], BindingStatus.Accepted, sequence)));
            }
        }

        for (var i = 0; i < Echoes.Count; i++)
        {
            captures["hv-b"].Add(At(Echoes[i].SentAt), CaptureWriter.On(Uplink, outgoing: true,
                CaptureWriter.Echo(128, Hosts["hv-b"], HomeAgent, (ushort)i)));
            captures["hv-b"].Add(At(Echoes[i].AnsweredAt), CaptureWriter.On(Uplink, outgoing: false,
                CaptureWriter.Echo(129, HomeAgent, Hosts["hv-b"], (ushort)i)));
        }

        foreach (var (box, capture) in captures)
        {
            capture.Write(PathOf($"{box}.pcap"));
            Write($"{box}.tcpdump", "1 packet captured", $"{(box == "core" ? CaptureDrops : 0)} packets dropped by kernel");
            Write($"{box}.links",
            [
                .. Hosts.Keys.Select((host, i) => $"{Host + i}: {host}@if2: <UP> mtu 1500"),
                $"{HomeLink}: lan@if5: <UP> mtu 1500\\    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff",
                box == "hv-a" ? $"{Tap}: vnet0: <UP> mtu 1500\\    link/ether fe:54:00:00:00:10" : $"{Tap}: kg525400000010: <UP> mtu 1500",
            ]);
        }
    }

    private void Write(string name, params string[] lines) => File.WriteAllLines(PathOf(name), lines);

    private string PathOf(string name) => Path.Combine(_directory, name);
}
