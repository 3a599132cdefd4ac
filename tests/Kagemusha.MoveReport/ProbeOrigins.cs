using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport;

/// <summary>
/// Which host the guest's probes came from, and when that changed: by the captures in core and on the home link, where each interface
/// bears the name of the box at its other end. One host sends a probe first; another may send it on if it came to that one by a tunnel,
/// as it does while a move lasts. Whoever else sends it has a guest of its own.
/// </summary>
internal sealed class ProbeOrigins
{
    /// <summary>The boxes that every packet of the guest's passes, on its way from whatever host it is on.</summary>
    public static readonly IReadOnlyList<string> Boxes = ["core", "home-link"];

    private readonly List<string> _hosts = [];

    /// <summary>Reads <c>BOX.pcap</c> and <c>BOX.links</c> of core and home-link.</summary>
    /// <param name="directory">Where they are.</param>
    /// <param name="hosts">The addresses of the hosts that the guest may be on.</param>
    /// <param name="session">The probes' session.</param>
    /// <exception cref="InvalidDataException">A file is no such one.</exception>
    public ProbeOrigins(string directory, IReadOnlyDictionary<string, IReadOnlyList<Ipv6Address>> hosts, ulong session)
    {
        var sights = Boxes.SelectMany(box => SightsOf(directory, box, hosts, session)).OrderBy(sight => sight.At);
        var reached = new Dictionary<int, HashSet<string>>();
        foreach (var sight in sights)
        {
            if (!reached.TryGetValue(sight.Sequence, out var holders))
            {
                reached[sight.Sequence] = holders = [sight.From];
                if (_hosts.Count == 0 || _hosts[^1] != sight.From)
                {
                    _hosts.Add(sight.From);
                }
            }
            else if (!holders.Contains(sight.From))
            {
                Doubled++;
            }

            if (sight.To is { } to)
            {
                holders.Add(to);
            }
        }
    }

    /// <summary>The hosts, in the order of time: the next one begins where the guest's probes began to come from there.</summary>
    public IReadOnlyList<string> Hosts => _hosts;

    /// <summary>How often a host sent a probe that another had sent before, and not to it.</summary>
    public int Doubled { get; }

    /// <summary>A probe of the guest's that a host has sent.</summary>
    /// <param name="At">When it was seen.</param>
    /// <param name="Sequence">Its number.</param>
    /// <param name="From">The host that sent it.</param>
    /// <param name="To">The host that it was sent to by a tunnel; null where it went elsewhere.</param>
    private readonly record struct Sight(long At, int Sequence, string From, string? To);

    private static IEnumerable<Sight> SightsOf(
        string directory, string box, IReadOnlyDictionary<string, IReadOnlyList<Ipv6Address>> hosts, ulong session)
    {
        var links = new LinkNames(File.ReadLines(Path.Combine(directory, $"{box}.links")));
        var senders = hosts.Keys.SelectMany(host => links.Named(host).Select(index => (index, host))).ToDictionary();
        foreach (var packet in PcapFile.Read(Path.Combine(directory, $"{box}.pcap")))
        {
            if (ProbeDecoder.TryDecode(packet.Data.Span, out var seen)
                && seen.Probe.Direction == ProbeDirection.FromGuest && seen.Probe.Session == session
                && !seen.Outgoing && senders.TryGetValue(seen.Interface, out var from))
            {
                var to = hosts.FirstOrDefault(host => seen.Tunnel is { } tunnel && host.Value.Contains(tunnel.To)).Key;
                yield return new(packet.At, seen.Probe.Sequence, from, to);
            }
        }
    }
}
