using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// Speaks on the home link in a guest's name, while the home agent still holds its binding (RFC 6275, section 11.5.5). What it sends leaves by the bridge's
/// other ports and never reaches the guest's own tap: a guest that hears its own address from somebody else complains.
/// </summary>
internal sealed class HomeLinkPort : IDisposable
{
    private readonly LinkLayerAddress _guest;
    private readonly List<FramePort> _discovery = [];
    private readonly List<FramePort> _signalling = [];
    private readonly Action<MobilityPacket> _received;
    private readonly List<MobilityPacket> _waiting = [];
    private readonly Dictionary<Ipv6Address, LinkLayerAddress> _homeAgents = [];

    /// <param name="ports">The bridge's ports but the guest's own.</param>
    /// <param name="guest">The guest's link-layer address.</param>
    /// <param name="received">Takes each mobility message, on the agent's loop.</param>
    /// <param name="log">Where failures are told.</param>
    /// <exception cref="KernelException">A port cannot be opened.</exception>
    public HomeLinkPort(
        IEnumerable<NetworkInterface> ports, LinkLayerAddress guest, Action<MobilityPacket> received, AgentLog log)
    {
        _guest = guest;
        _received = received;
        try
        {
            foreach (var port in ports)
            {
                _discovery.Add(Open(port, PacketFilter.NeighbourDiscovery, ReceiveDiscovery, log));
                _signalling.Add(Open(port, PacketFilter.NextHeader((byte)NextHeader.Mobility), ReceiveSignalling, log));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Sends to the home agent, which is resolved first, once and without a source address: it defends the guest's.</summary>
    public void Send(MobilityPacket packet)
    {
        var homeAgent = packet.Destination;
        if (_homeAgents.TryGetValue(homeAgent, out var mac))
        {
            SendFrame(EthernetFrame.Around(packet, _guest, mac));
            return;
        }

        // The last one of each home address.
        _waiting.RemoveAll(waiting => waiting.Source == packet.Source);
        _waiting.Add(packet);
        var group = homeAgent.SolicitedNode;
        var solicitation = new NeighbourDiscoveryPacket(Ipv6Address.Unspecified, group, new NeighbourSolicitation(homeAgent, []));
        SendFrame(EthernetFrame.Around(solicitation, _guest, LinkLayerAddress.ForMulticast(group)));
    }

    /// <summary>Tells every neighbour the guest's own link-layer address, in place of the home agent's (RFC 4861, section 7.2.6).</summary>
    public void Announce(Ipv6Address homeAddress)
    {
        var advertisement = new NeighbourAdvertisement(
            homeAddress, NeighbourAdvertisementFlags.Override, [new TargetLinkLayerAddress(_guest)]);
        var packet = new NeighbourDiscoveryPacket(homeAddress, Ipv6Address.AllNodes, advertisement);
        SendFrame(EthernetFrame.Around(packet, _guest, LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes)));
    }

    public void Dispose()
    {
        foreach (var port in _discovery.Concat(_signalling))
        {
            port.Dispose();
        }
    }

    private static FramePort Open(NetworkInterface port, PacketFilter filter, Action<EthernetFrame> received, AgentLog log) =>
        new(port.Index, filter, received, e => log.Warn($"{port.Name}, a port of the home link: {e.Message}"), FramePort.LinkRate);

    private void ReceiveSignalling(EthernetFrame frame)
    {
        if (MobilityPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            _received(packet);
        }
    }

    private void ReceiveDiscovery(EthernetFrame frame)
    {
        if (NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out _)
            && packet.Message is NeighbourAdvertisement advertisement && _waiting.Exists(waiting => waiting.Destination == advertisement.Target))
        {
            var homeAgent = advertisement.Options.OfType<TargetLinkLayerAddress>().FirstOrDefault()?.Address ?? frame.Source;
            _homeAgents[advertisement.Target] = homeAgent;
            foreach (var waiting in _waiting.Where(waiting => waiting.Destination == advertisement.Target))
            {
                SendFrame(EthernetFrame.Around(waiting, _guest, homeAgent));
            }

            _waiting.RemoveAll(waiting => waiting.Destination == advertisement.Target);
        }
    }

    private void SendFrame(EthernetFrame frame)
    {
        foreach (var port in _discovery)
        {
            port.Send(frame);
        }
    }
}
