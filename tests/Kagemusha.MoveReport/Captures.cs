using System.Globalization;
using System.Text.RegularExpressions;
using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport;

/// <summary>What carries a probe between the home link and the guest.</summary>
internal enum Carrier
{
    /// <summary>It was seen natively on the home link, and in no tunnel.</summary>
    HomeLink,

    /// <summary>It was seen in core in a tunnel between the home agent and a host, and in none between two hosts.</summary>
    HomeAgentTunnel,

    /// <summary>It was seen in core in a tunnel between two hosts.</summary>
    HandOverTunnel,
}

/// <summary>A probe at one of the guest's taps.</summary>
internal readonly record struct TapSight(long At, string Host);

/// <summary>Where the captures saw the probes of a session.</summary>
internal sealed partial class Captures
{
    private const string Core = "core";

    private readonly Dictionary<(ProbeDirection, int), List<TapSight>> _taps = [];
    private readonly Dictionary<(ProbeDirection, int), Carrier> _carriers = [];
    private readonly Signalling _signalling;

    /// <summary>Reads <c>BOX.pcap</c>, <c>BOX.tcpdump</c> and <c>BOX.links</c> of core, the home link, the home link's box and the hosts.</summary>
    /// <exception cref="InvalidDataException">A file is no such one, or a capture did not end.</exception>
    public Captures(string directory, RunFile run, Ipv6Address guest, ulong session)
    {
        _signalling = new(guest, run.HomeAgent);
        foreach (var box in run.Hosts.Keys.Concat(ProbeOrigins.Boxes).Append(run.HomeLink.Box).Distinct())
        {
            Drops += ReadDrops(Path.Combine(directory, $"{box}.tcpdump"));
            var links = new LinkNames(File.ReadLines(Path.Combine(directory, $"{box}.links")));
            var taps = run.Hosts.ContainsKey(box) ? links.TapsOf(run.GuestAddress) : new HashSet<int>();
            var homeLink = box == run.HomeLink.Box ? links.Named(run.HomeLink.Interface) : new HashSet<int>();
            foreach (var packet in PcapFile.Read(Path.Combine(directory, $"{box}.pcap")))
            {
                LastAt = Math.Max(LastAt, packet.At);
                if (!ProbeDecoder.TryDecode(packet.Data.Span, out var seen) || seen.Probe.Session != session)
                {
                    if (run.Hosts.ContainsKey(box))
                    {
                        _signalling.Add(packet);
                    }

                    continue;
                }

                var key = (seen.Probe.Direction, seen.Probe.Sequence);
                if (seen.Tunnel is { } tunnel)
                {
                    if (box == Core && CarrierOf(tunnel, run) is { } carrier)
                    {
                        Carry(key, carrier);
                    }
                }
                else if (homeLink.Contains(seen.Interface))
                {
                    Carry(key, Carrier.HomeLink);
                }
                else if (taps.Contains(seen.Interface) && seen.Outgoing == (seen.Probe.Direction == ProbeDirection.ToGuest))
                {
                    SeeAtTap(key, new(packet.At, box));
                }
            }
        }
    }

    /// <summary>Packets that the captures missed: with any, they prove nothing.</summary>
    public long Drops { get; }

    /// <summary>When the last packet was captured.</summary>
    public long LastAt { get; }

    /// <summary>The first registration of a time.</summary>
    public HomeRegistration RegistrationBetween(long from, long until) => _signalling.Between(from, until);

    /// <summary>Where a probe passed a tap of the guest, in the order of time.</summary>
    public IReadOnlyList<TapSight> TapsOf(ProbeDirection direction, int sequence) => _taps.GetValueOrDefault((direction, sequence)) ?? [];

    /// <summary>What carried a probe; null if it was seen in no such place.</summary>
    public Carrier? CarrierOf(ProbeDirection direction, int sequence) =>
        _carriers.TryGetValue((direction, sequence), out var carrier) ? carrier : null;

    // What tcpdump says at its end, on stderr.
    private static long ReadDrops(string path) =>
        DroppedByKernel.Match(File.ReadAllText(path)) is { Success: true } match
            ? long.Parse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture)
            : throw new InvalidDataException($"{path}: the capture did not end");

    [GeneratedRegex(@"^(\d+) packets? dropped by kernel", RegexOptions.Multiline)]
    private static partial Regex DroppedByKernel { get; }

    private static Carrier? CarrierOf((Ipv6Address From, Ipv6Address To) tunnel, RunFile run)
    {
        var from = Place(tunnel.From);
        var to = Place(tunnel.To);
        return from is null || to is null || from == to ? null : from == 0 || to == 0 ? Carrier.HomeAgentTunnel : Carrier.HandOverTunnel;

        // 0 is the home agent, then the hosts.
        int? Place(Ipv6Address address)
        {
            if (address == run.HomeAgent)
            {
                return 0;
            }

            var host = run.Hosts.Values.Select((addresses, i) => addresses.Contains(address) ? i + 1 : 0).Max();
            return host == 0 ? null : host;
        }
    }

    private void Carry((ProbeDirection, int) key, Carrier carrier) =>
        _carriers[key] = _carriers.TryGetValue(key, out var known) && known > carrier ? known : carrier;

    private void SeeAtTap((ProbeDirection, int) key, TapSight sight)
    {
        if (!_taps.TryGetValue(key, out var sights))
        {
            _taps[key] = sights = [];
        }

        sights.Add(sight);
        sights.Sort((a, b) => a.At.CompareTo(b.At));
    }
}
