using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// The agent's ear and mouth at a guest's tap: hears its neighbour discovery, from which its home addresses are learnt. Away, where the tap's filter
/// drops it then, all of it is answered as by the home router's double.
/// </summary>
internal sealed class GuestPort : IDisposable
{
    private readonly HomeAddressLearner _addresses;
    private readonly HomeRouterDouble? _double;
    private readonly Func<bool> _isLearning;
    private readonly Action<HomeAddressEffect> _learnt;
    private readonly FramePort? _probes;
    private readonly FramePort _port;
    private readonly FramePort? _neighbours;

    /// <param name="tap">The tap's index.</param>
    /// <param name="addresses">Learns the guest's addresses.</param>
    /// <param name="homeRouter">Who answers, away; null at home.</param>
    /// <param name="isLearning">Whether what is heard counts: the guest runs here.</param>
    /// <param name="learnt">Takes what is found out, and what is to be sent on the home link.</param>
    /// <param name="log">Where failures are told.</param>
    /// <exception cref="KernelException">No packet socket.</exception>
    public GuestPort(
        int tap, HomeAddressLearner addresses, HomeRouterDouble? homeRouter, Func<bool> isLearning, Action<HomeAddressEffect> learnt, AgentLog log)
    {
        Tap = tap;
        _addresses = addresses;
        _double = homeRouter;
        _isLearning = isLearning;
        _learnt = learnt;
        if (homeRouter is null)
        {
            _port = new(tap, PacketFilter.NeighbourDiscovery, Receive, Fail);
            _neighbours = new(tap, PacketFilter.SentAddressClaims, ReceiveFromNeighbour, Fail);
        }
        else
        {
            // Apart, so that a guest's program that floods all the rest does not make its system believe that its router is dead.
            var router = addresses.Configuration.Router;
            _probes = new(tap, PacketFilter.SolicitationsOf(router), Receive, Fail);
            _port = new(tap, PacketFilter.NeighbourDiscoveryBut(router), Receive, Fail);
        }

        void Fail(KernelException e) => log.Debug($"a guest's tap: {e.Message}");
    }

    /// <summary>The tap's index: one that is plugged in anew has another.</summary>
    public int Tap { get; }

    /// <summary>Whether the guest uses more addresses than are learnt.</summary>
    public bool IsLimitReached => _addresses.IsLimitReached;

    /// <summary>When <see cref="WakeUp"/> is to be called.</summary>
    public TimeSpan? NextWakeUp => new[] { _double?.NextWakeUp, _isLearning() ? _addresses.NextWakeUp : null }.Min();

    /// <summary>The guest runs from now on.</summary>
    public void Resumed() => Handle(new HomeRouterDoubleInput.Resumed());

    /// <summary>The home agent has said what the home router advertises now.</summary>
    public void Advertised(WireArray<PrefixInformation> prefixes, MobilePrefixFlags flags) => Handle(new HomeRouterDoubleInput.Advertised(prefixes, flags));

    /// <summary><see cref="NextWakeUp"/> has come.</summary>
    public void WakeUp()
    {
        Handle(new HomeRouterDoubleInput.WakeUp());
        Handle(new HomeAddressInput.WakeUp());
    }

    /// <summary>Sends into the tap: the guest gets it, and nobody else.</summary>
    public void Send(EthernetFrame frame) => _port.Send(frame);

    public void Dispose()
    {
        _probes?.Dispose();
        _port.Dispose();
        _neighbours?.Dispose();
    }

    private void Receive(EthernetFrame frame)
    {
        if (NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            Handle(new HomeRouterDoubleInput.Received(packet, frame.Source));
            Handle(new HomeAddressInput.FromGuest(packet, frame.Source));
        }
    }

    private void ReceiveFromNeighbour(EthernetFrame frame)
    {
        if (NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            Handle(new HomeAddressInput.FromHomeLink(packet, frame.Source));
        }
    }

    private void Handle(HomeRouterDoubleInput input)
    {
        foreach (var frame in _double?.Handle(Clock.Now, input) ?? [])
        {
            Send(frame);
        }
    }

    private void Handle(HomeAddressInput input)
    {
        foreach (var effect in _isLearning() ? _addresses.Handle(Clock.Now, input) : [])
        {
            if (effect is HomeAddressEffect.SendToGuest { Frame: var frame })
            {
                Send(frame);
            }
            else
            {
                _learnt(effect);
            }
        }
    }

    private void Send(NeighbourDiscoveryFrame frame) => _port.Send(EthernetFrame.Around(frame.Packet, frame.Source, frame.Destination));
}
