using Kagemusha.Control;
using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>
/// The packets of a guest that arrives, as the record of its move has them.
/// <code>
///   last host  == hand-over tunnel ==========\
///                                             tap -- [guest]
///   home agent == its tunnel, or home link ==/
/// </code>
/// What comes the upper way after the first that came the lower way was sent before that one: it was overtaken (RFC 4737, section 3).
/// </summary>
internal sealed class ArrivalTraffic : IDisposable
{
    private readonly HostKernel _kernel;
    private readonly PacketCount _throughLastHost;
    private readonly PacketCount _directly;
    private readonly PacketCount _out;
    private readonly List<(int Tap, long DropsBefore)> _taps = [];
    private long? _queued;
    private long? _notOvertaken;
    private long _tapDrops;

    private ArrivalTraffic(HostKernel kernel, MoveRecord move)
    {
        _kernel = kernel;
        _throughLastHost = new(at =>
        {
            FirstThroughLastHost = at;
            move.AddFirst(MoveStep.FirstPacketIn, "through the last host", at);
        });
        _directly = new(at =>
        {
            _notOvertaken = ThroughLastHost;
            move.AddFirst(MoveStep.FirstPacketIn, "directly", at);
        });
        _out = new(at => move.AddFirst(MoveStep.FirstPacketOut, null, at));
    }

    /// <summary>How many came through the hand-over's tunnel.</summary>
    public long ThroughLastHost => _throughLastHost.Count;

    /// <summary>When the first of them came, by <see cref="Clock"/>.</summary>
    public TimeSpan? FirstThroughLastHost { get; private set; }

    /// <summary>How many of the guest's own had no room while they were held.</summary>
    public long HeldDrops { get; set; }

    /// <summary>All that is known by now.</summary>
    public MoveCounters Counters
    {
        get
        {
            // A tap that has gone has had its last.
            _tapDrops = Math.Max(_tapDrops, _taps.Sum(tap => (_kernel.Statistics(tap.Tap)?.TransmitDrops ?? tap.DropsBefore) - tap.DropsBefore));
            var forwarded = ThroughLastHost;
            return new(forwarded, _queued, _tapDrops + HeldDrops, Reordered: forwarded - (_notOvertaken ?? forwarded));
        }
    }

    /// <summary>Begins to count when the guest's taps are there.</summary>
    /// <exception cref="KernelException">A link is not there, or no packet socket.</exception>
    public static ArrivalTraffic? Open(Guest guest, HandOverTunnel tunnel, MoveRecord move, HostKernel kernel, NetworkInterfaceCollection links)
    {
        var taps = guest.Links.Where(link => link.Attachment is not Attachment.Severed).Select(link => (Link: link, Tap: link.Tap is { } name ? links.Find(name) : null)).ToList();
        if (taps.Exists(link => link.Tap is null))
        {
            return null;
        }

        var traffic = new ArrivalTraffic(kernel, move);
        try
        {
            traffic._throughLastHost.AddTo(guest.Registrations.Select(registration => registration.Address), links.Get(tunnel.Name), PacketDirection.Received);
            taps.ForEach(link => traffic.Add(link.Link, link.Tap!, links));
            return traffic;
        }
        catch
        {
            traffic.Dispose();
            throw;
        }
    }

    /// <summary>The guest runs: what has come by now has waited for it.</summary>
    public void Resumed() => _queued = ThroughLastHost + _directly.Count;

    public void Dispose()
    {
        _throughLastHost.Dispose();
        _directly.Dispose();
        _out.Dispose();
    }

    private void Add(GuestLink link, NetworkInterface tap, NetworkInterfaceCollection links)
    {
        var addresses = link.Registrations.ConvertAll(registration => registration.Address);
        var ways = link.AwayLink is { } away
            ? AwayDataPath.HomeAgentTunnelNames(away).Select(links.Get)
            : links.BridgeOf(tap) is { } bridge ? links.PortsOf(bridge).Where(port => port.Index != tap.Index) : [];
        foreach (var way in ways)
        {
            _directly.AddTo(addresses, way, PacketDirection.Received);
        }

        _out.AddFrom(addresses, tap, PacketDirection.Received);
        _taps.Add((tap.Index, _kernel.Statistics(tap.Index)?.TransmitDrops ?? 0));
    }
}
