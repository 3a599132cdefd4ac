using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>A home agent that this host cannot speak with; the message is one line for the operator.</summary>
internal sealed class UnreachableException(string message) : Exception(message);

/// <summary>
/// The host's own network, over which it speaks with home agents. Signalling comes in on packet sockets: the kernel drops what is addressed to a home address
/// that is not its own, or answers it with a parameter problem, before any other socket sees it.
/// </summary>
internal sealed class Underlay : IDisposable
{
    private const byte Mobility = (byte)NextHeader.Mobility;
    private const byte Esp = (byte)NextHeader.EncapsulatingSecurityPayload;

    private readonly AgentConfiguration _configuration;
    private readonly Kernel _kernel;
    private readonly AgentLog _log;
    private readonly Action<MobilityPacket> _received;
    private readonly Action<MobileNodeInput.Unreadable> _unreadable;
    private readonly Action<MobilityIcmpPacket> _icmpReceived;
    private readonly Action<MobilityErrorPacket> _undelivered;
    private readonly Dictionary<int, List<FramePort>> _listening = [];
    private readonly RawIpv6Sender _sender = new();
    private Dictionary<Ipv6Address, TimeSpan>? _validUntil; // Of those addresses of this host that end; null where the kernel has to be asked.
    private readonly ProtocolHolder[] _silence = [new(Mobility), new(Esp)];

    /// <param name="configuration">May name the care-of address.</param>
    /// <param name="kernel">Knows the routes.</param>
    /// <param name="log">Where failures are told.</param>
    /// <param name="received">Takes each mobility message, on the agent's loop.</param>
    /// <param name="unreadable">Takes each mobility message that cannot be read, and whose sender may be told, on the agent's loop.</param>
    /// <param name="icmpReceived">Takes each ICMPv6 message of mobility, on the agent's loop.</param>
    /// <param name="undelivered">Takes each ICMPv6 error about a mobility message, on the agent's loop.</param>
    public Underlay(
        AgentConfiguration configuration,
        Kernel kernel,
        AgentLog log,
        Action<MobilityPacket> received,
        Action<MobileNodeInput.Unreadable> unreadable,
        Action<MobilityIcmpPacket> icmpReceived,
        Action<MobilityErrorPacket> undelivered)
    {
        _configuration = configuration;
        _kernel = kernel;
        _log = log;
        _received = received;
        _unreadable = unreadable;
        _icmpReceived = icmpReceived;
        _undelivered = undelivered;
    }

    /// <summary>This host's end of a tunnel to a home agent.</summary>
    /// <exception cref="UnreachableException">There is no route, or no address for it.</exception>
    public CareOf Resolve(Ipv6Address homeAgent)
    {
        var route = _kernel.Lookup(homeAgent) ?? throw new UnreachableException($"this host has no route to the home agent {homeAgent}");
        var careOf = _configuration.CareOfAddress ?? route.Source;
        if (!careOf.IsRoutableUnicast)
        {
            throw new UnreachableException(
                $"this host has no global address on {route.Interface}, by which it reaches the home agent {homeAgent}: set care_of_address in {AgentConfiguration.Path}");
        }

        if (careOf == homeAgent)
        {
            throw new UnreachableException($"the home agent {homeAgent} is this host itself: a VM that is away needs one elsewhere");
        }

        _validUntil ??= _kernel.Addresses().Where(address => address.ValidFor is not null).DistinctBy(address => address.Address)
            .ToDictionary(address => address.Address, address => Clock.Now + address.ValidFor!.Value);
        return new(careOf, route.Interface, route.InterfaceIndex, route.Mtu)
        {
            ValidUntil = _validUntil.TryGetValue(careOf, out var until) ? until : null,
        };
    }

    /// <summary>This host's addresses, or their lifetimes, are others.</summary>
    public void AddressesChanged() => _validUntil = null;

    /// <summary>Takes mobility messages from this interface from now on.</summary>
    public void Listen(CareOf careOf)
    {
        var link = careOf.InterfaceIndex;
        if (_listening.ContainsKey(link))
        {
            return;
        }

        var ports = new List<FramePort>();
        _listening.Add(link, ports);
        try
        {
            ports.Add(new(link, PacketFilter.NextHeader(Mobility), Receive, e => Lose(careOf, e), rate: null));
            ports.Add(new(link, PacketFilter.MobilityIcmp, ReceiveIcmp, e => Lose(careOf, e), FramePort.LinkRate));
            ports.Add(new(link, PacketFilter.ErrorsAboutDestinationOptions, ReceiveError, e => Lose(careOf, e), FramePort.LinkRate));
        }
        catch
        {
            Close(link);
            throw;
        }
    }

    /// <summary>Sends a message to a home agent from its care-of address.</summary>
    public void Send(Ipv6Packet packet)
    {
        try
        {
            _sender.Send(packet.ToArray());
        }
        catch (KernelException e)
        {
            // Repeated by the mobile node's own back-off.
            _log.Warn($"a message from {packet.Source} to {packet.Destination} was not sent: {e.Message}");
        }
    }

    public void Dispose()
    {
        foreach (var port in _listening.Values.SelectMany(ports => ports))
        {
            port.Dispose();
        }

        _sender.Dispose();
        foreach (var holder in _silence)
        {
            holder.Dispose();
        }
    }

    private void Receive(EthernetFrame frame)
    {
        if (MobilityPacket.TryParse(frame.Payload.Span, out var packet, out var error))
        {
            _received(packet);
        }
        else if (error.NeedsParameterProblem && Ipv6Packet.ReadAddresses(frame.Payload.Span) is var (source, destination))
        {
            _unreadable(new(source, destination, [.. frame.Payload.Span], error));
        }
    }

    private void ReceiveIcmp(EthernetFrame frame)
    {
        if (MobilityIcmpPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            _icmpReceived(packet);
        }
    }

    private void ReceiveError(EthernetFrame frame)
    {
        if (MobilityErrorPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            _undelivered(packet);
        }
    }

    private void Lose(CareOf careOf, KernelException cause)
    {
        _log.Warn($"{careOf.Interface} is heard no more, until it is needed again: {cause.Message}");
        Close(careOf.InterfaceIndex);
    }

    private void Close(int link)
    {
        if (_listening.Remove(link, out var ports))
        {
            foreach (var port in ports)
            {
                port.Dispose();
            }
        }
    }
}
