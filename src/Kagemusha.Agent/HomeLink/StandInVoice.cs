using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// Answers the home link's neighbour solicitations for a guest that has left it, from the switch on until the home agent defends its addresses.
/// It hears the bridge's ports but the guest's own, and answers where the question came from.
/// </summary>
internal sealed class StandInVoice : IDisposable
{
    private readonly GuestDouble _double;
    private readonly List<FramePort> _ports = [];
    private bool _isSpeaking;

    /// <param name="ports">The bridge's ports but the guest's own and the stand-in's.</param>
    /// <param name="guestDouble">Who answers.</param>
    /// <param name="log">Where failures are told.</param>
    /// <exception cref="KernelException">A port cannot be opened.</exception>
    public StandInVoice(IEnumerable<NetworkInterface> ports, GuestDouble guestDouble, AgentLog log)
    {
        _double = guestDouble;
        try
        {
            foreach (var port in ports)
            {
                FramePort? opened = null;
                opened = new(port.Index, PacketFilter.NeighbourDiscovery, frame => Receive(opened!, frame), e => log.Warn($"{port.Name}, a port of the home link: {e.Message}"));
                _ports.Add(opened);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The guest has been suspended to leave.</summary>
    public void Speak() => _isSpeaking = true;

    public void Dispose()
    {
        foreach (var port in _ports)
        {
            port.Dispose();
        }
    }

    private void Receive(FramePort port, EthernetFrame frame)
    {
        if (_isSpeaking && NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            foreach (var answer in _double.Handle(packet, frame.Source))
            {
                port.Send(EthernetFrame.Around(answer.Packet, answer.Source, answer.Destination));
            }
        }
    }
}
