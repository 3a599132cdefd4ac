using System.Buffers.Binary;
using Kagemusha.Wire;

namespace Kagemusha.StrictNode;

/// <summary>
/// An IPv6 node that does what RFC 4861 and RFC 4862 allow and Linux does not. It has no address before duplicate address detection has ended. It believes a router's
/// link-layer address only if it has solicited it itself, and no longer than two seconds: before each packet after those it asks again by unicast, without saying its own
/// link-layer address. It solicits its router by unicast. It answers echo requests, all of them by its router.
/// </summary>
/// <param name="own">Its link-layer address.</param>
internal sealed class Node(LinkLayerAddress own)
{
    private const int MostWaiting = 512;
    private const int Probes = 3;

    // RFC 4861, section 10: RETRANS_TIMER.
    private static readonly TimeSpan RetransmitTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReachableTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SolicitationInterval = TimeSpan.FromSeconds(4);
    private static readonly Ipv6Prefix LinkLocal = Ipv6Prefix.Parse("fe80::/64");

    private readonly Dictionary<Ipv6Address, TimeSpan> _tentative = [];
    private readonly HashSet<Ipv6Address> _assigned = [];
    private readonly Queue<byte[]> _waiting = [];
    private Ipv6Address? _router;
    private TimeSpan _routerEnds;
    private LinkLayerAddress? _routerMac;
    private TimeSpan _reachableUntil;
    private TimeSpan? _probeAt;
    private int _probes;
    private TimeSpan _solicitAt;
    private bool _isSolicited;

    /// <summary>Its global addresses.</summary>
    public IEnumerable<Ipv6Address> Addresses => _assigned.Where(address => !address.IsLinkLocal);

    /// <summary>What it has not been answered, or was told that it must not be: all zero on a link that is as it was.</summary>
    public (int Unreachable, int Unanswered, int Duplicates, int Routerless) Complaints { get; private set; }

    /// <summary>How often it has found its router reachable, and how many of its solicitations were answered.</summary>
    public (int Reachable, int Advertisements) Satisfied { get; private set; }

    /// <summary>Some time has passed.</summary>
    /// <returns>Frames to send.</returns>
    public IEnumerable<byte[]> WakeUp(TimeSpan now)
    {
        if (_tentative.Count + _assigned.Count == 0)
        {
            yield return Try(LinkLocal, now);
        }

        foreach (var (address, ends) in _tentative.Where(each => each.Value <= now).ToList())
        {
            _tentative.Remove(address);
            _assigned.Add(address);
        }

        if (_router is not null && _routerEnds <= now)
        {
            (_router, _routerMac, _probeAt) = (null, null, null);
        }

        if (_solicitAt <= now && _assigned.FirstOrDefault(address => address.IsLinkLocal) is { IsUnspecified: false } linkLocal)
        {
            Complain(unanswered: _isSolicited ? 1 : 0);
            (_isSolicited, _solicitAt) = (_router is not null, now + SolicitationInterval);
            yield return Frame(linkLocal, _router ?? Ipv6Address.AllRouters, _routerMac, new RouterSolicitation([]));
        }

        if (_probeAt <= now)
        {
            if (_probes++ == Probes)
            {
                Complain(unreachable: 1);
                (_routerMac, _probes) = (null, 0);
                _waiting.Clear();
                _probeAt = null;
            }
            else
            {
                _probeAt = now + RetransmitTime;
                yield return Probe();
            }
        }
    }

    /// <summary>A frame has come.</summary>
    /// <returns>Frames to send.</returns>
    public IEnumerable<byte[]> Receive(TimeSpan now, EthernetFrame frame)
    {
        if (NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            return Receive(now, frame, packet);
        }

        return IsEchoRequest(frame.Payload.Span) ? SendByRouter(now, EchoReply(frame.Payload.Span)) : [];
    }

    private IEnumerable<byte[]> Receive(TimeSpan now, EthernetFrame frame, NeighbourDiscoveryPacket packet)
    {
        switch (packet.Message)
        {
            case RouterAdvertisement advertisement when packet.Source.IsLinkLocal:
                if (_isSolicited)
                {
                    _isSolicited = false;
                    Satisfied = Satisfied with { Advertisements = Satisfied.Advertisements + 1 };
                }

                (_router, _routerEnds) = (packet.Source, now + TimeSpan.FromSeconds(advertisement.RouterLifetime));
                return Configure(now, advertisement);
            case NeighbourSolicitation solicitation when _tentative.ContainsKey(solicitation.Target) && packet.Source.IsUnspecified && frame.Source != own:
            case NeighbourAdvertisement { Target: var claimed } when _tentative.ContainsKey(claimed):
                Complain(duplicates: 1);
                return [];
            case NeighbourSolicitation solicitation when _assigned.Contains(solicitation.Target) && !packet.Source.IsUnspecified:
                var asker = solicitation.Options.OfType<SourceLinkLayerAddress>().FirstOrDefault()?.Address ?? frame.Source;
                return [Frame(solicitation.Target, packet.Source, asker, new NeighbourAdvertisement(
                    solicitation.Target, NeighbourAdvertisementFlags.Solicited | NeighbourAdvertisementFlags.Override, [new TargetLinkLayerAddress(own)]))];
            case NeighbourAdvertisement advertisement when advertisement.Target == _router && _probeAt is not null && advertisement.Flags.HasFlag(NeighbourAdvertisementFlags.Solicited):
                return Reached(now, advertisement.Options.OfType<TargetLinkLayerAddress>().FirstOrDefault()?.Address ?? frame.Source);
            default:
                return [];
        }
    }

    private IEnumerable<byte[]> Configure(TimeSpan now, RouterAdvertisement advertisement) =>
        from prefix in advertisement.Options.OfType<PrefixInformation>()
        where prefix.Flags.HasFlag(PrefixFlags.Autonomous) && prefix is { PrefixLength: 64, ValidLifetime: > 0 }
        let global = new Ipv6Prefix(prefix.Prefix, 64)
        let address = global.AddressOf(own)
        where !_assigned.Contains(address) && !_tentative.ContainsKey(address)
        select Try(global, now);

    private byte[] Try(Ipv6Prefix prefix, TimeSpan now)
    {
        var address = prefix.AddressOf(own);
        _tentative[address] = now + RetransmitTime;
        return Frame(Ipv6Address.Unspecified, address.SolicitedNode, null, new NeighbourSolicitation(address, []));
    }

    private IEnumerable<byte[]> SendByRouter(TimeSpan now, byte[] packet)
    {
        if (_router is null)
        {
            Complain(routerless: 1);
            return [];
        }

        if (_routerMac is { } mac && now < _reachableUntil)
        {
            return [Around(packet, mac)];
        }

        if (_waiting.Count < MostWaiting)
        {
            _waiting.Enqueue(packet);
        }

        if (_probeAt is not null)
        {
            return [];
        }

        (_probes, _probeAt) = (1, now + RetransmitTime);
        return [Probe()];
    }

    private byte[][] Reached(TimeSpan now, LinkLayerAddress mac)
    {
        (_routerMac, _reachableUntil, _probeAt) = (mac, now + ReachableTime, null);
        Satisfied = Satisfied with { Reachable = Satisfied.Reachable + 1 };
        byte[][] frames = [.. _waiting.Select(packet => Around(packet, mac))];
        _waiting.Clear();
        return frames;
    }

    // By unicast where its link-layer address is known; then no option is needed (RFC 4861, section 4.3).
    private byte[] Probe() => Frame(
        _assigned.First(address => !address.IsLinkLocal),
        _routerMac is null ? _router!.Value.SolicitedNode : _router!.Value,
        _routerMac,
        new NeighbourSolicitation(_router.Value, _routerMac is null ? [new SourceLinkLayerAddress(own)] : []));

    private byte[] Frame(Ipv6Address source, Ipv6Address destination, LinkLayerAddress? mac, NeighbourDiscoveryMessage message)
    {
        // Its router's link-layer address may have to be asked for first: a group reaches it meanwhile.
        var to = destination.IsMulticast || mac is not null ? destination : Ipv6Address.AllRouters;
        return EthernetFrame.Around(new NeighbourDiscoveryPacket(source, to, message), own, mac ?? LinkLayerAddress.ForMulticast(to)).ToArray();
    }

    private byte[] Around(byte[] packet, LinkLayerAddress mac) => new EthernetFrame(mac, own, EtherType.Ipv6, [.. packet]).ToArray();

    private void Complain(int unreachable = 0, int unanswered = 0, int duplicates = 0, int routerless = 0) => Complaints = (
        Complaints.Unreachable + unreachable,
        Complaints.Unanswered + unanswered,
        Complaints.Duplicates + duplicates,
        Complaints.Routerless + routerless);

    // RFC 4443, section 4.1: type 128 right behind the IPv6 header.
    private bool IsEchoRequest(ReadOnlySpan<byte> packet) =>
        packet.Length >= 48 && packet[6] == 58 && packet[40] == 128
        && _assigned.Contains(Ipv6Address.Read(packet[24..])) && Ipv6Address.Read(packet[8..]).IsRoutableUnicast;

    private static byte[] EchoReply(ReadOnlySpan<byte> request)
    {
        var reply = request.ToArray();
        request[8..24].CopyTo(reply.AsSpan(24));
        request[24..40].CopyTo(reply.AsSpan(8));
        reply[7] = 64;
        reply[40] = 129;
        // RFC 1624: the type's word has grown by 0x100, and that the addresses have changed places does not count.
        var sum = (ushort)~BinaryPrimitives.ReadUInt16BigEndian(request[42..]) + 0x100;
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(42), (ushort)~((sum & 0xffff) + (sum >> 16)));
        return reply;
    }
}
