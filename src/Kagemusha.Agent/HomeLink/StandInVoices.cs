using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>Hears the ports of home links for all guests that leave them: each port once, however many guests leave by its bridge.</summary>
internal sealed class StandInVoices(AgentLog log)
{
    private readonly Dictionary<int, FramePort> _ports = [];
    private readonly List<StandInVoice> _voices = [];

    /// <summary>Begins to hear for a guest, which does not speak yet.</summary>
    /// <param name="ports">The bridge's ports but the guest's own and the stand-ins'.</param>
    /// <param name="guestDouble">Who answers.</param>
    /// <exception cref="KernelException">A port cannot be opened.</exception>
    public StandInVoice Add(IEnumerable<NetworkInterface> ports, GuestDouble guestDouble)
    {
        var voice = new StandInVoice(guestDouble, Remove);
        _voices.Add(voice);
        try
        {
            foreach (var port in ports)
            {
                voice.Ports.Add(port.Index);
                if (!_ports.ContainsKey(port.Index))
                {
                    _ports.Add(port.Index, Open(port));
                }
            }

            return voice;
        }
        catch
        {
            voice.Dispose();
            throw;
        }
    }

    private FramePort Open(NetworkInterface port)
    {
        FramePort? opened = null;
        opened = new(
            port.Index,
            PacketFilter.NeighbourDiscovery,
            frame => Receive(port.Index, opened!, frame),
            e => log.Warn($"{port.Name}, a port of the home link: {e.Message}"),
            FramePort.LinkRate);
        return opened;
    }

    private void Receive(int index, FramePort port, EthernetFrame frame)
    {
        if (!NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            return;
        }

        foreach (var voice in _voices.Where(voice => voice.IsSpeaking && voice.Ports.Contains(index)))
        {
            foreach (var answer in voice.Double.Handle(packet, frame.Source))
            {
                port.Send(EthernetFrame.Around(answer.Packet, answer.Source, answer.Destination));
            }
        }
    }

    private void Remove(StandInVoice gone)
    {
        _voices.Remove(gone);
        foreach (var index in gone.Ports.Where(index => !_voices.Exists(voice => voice.Ports.Contains(index))))
        {
            if (_ports.Remove(index, out var port))
            {
                port.Dispose();
            }
        }
    }
}

/// <summary>
/// Answers the home link's neighbour solicitations for a guest that has left it, from the switch on until the home agent defends its addresses, where
/// the question came from.
/// </summary>
internal sealed class StandInVoice(GuestDouble guestDouble, Action<StandInVoice> disposed) : IDisposable
{
    /// <summary>Who answers.</summary>
    public GuestDouble Double { get; } = guestDouble;

    /// <summary>The indexes of the ports that it hears.</summary>
    public HashSet<int> Ports { get; } = [];

    /// <summary>Whether its guest has been suspended to leave.</summary>
    public bool IsSpeaking { get; private set; }

    /// <summary>The guest has been suspended to leave.</summary>
    public void Speak() => IsSpeaking = true;

    public void Dispose() => disposed(this);
}
