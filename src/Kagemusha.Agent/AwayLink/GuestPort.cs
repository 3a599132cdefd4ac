using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// The agent's ear and mouth at an away guest's tap: reads the guest's neighbour discovery before the tap's filter drops it, and answers all of it as
/// the home router's double.
/// </summary>
internal sealed class GuestPort : IDisposable
{
    private readonly HomeRouterDouble _double;
    private readonly FramePort _probes;
    private readonly FramePort _port;

    /// <param name="tap">The tap's index.</param>
    /// <param name="router">The home router's link-local address.</param>
    /// <param name="homeRouter">Who answers.</param>
    /// <param name="log">Where failures are told.</param>
    /// <exception cref="KernelException">No packet socket.</exception>
    public GuestPort(int tap, Ipv6Address router, HomeRouterDouble homeRouter, AgentLog log)
    {
        _double = homeRouter;
        // Apart, so that a guest's program that floods all the rest does not make its system believe that its router is dead.
        _probes = new(tap, PacketFilter.SolicitationsOf(router), Receive, Fail);
        _port = new(tap, PacketFilter.NeighbourDiscoveryBut(router), Receive, Fail);

        void Fail(KernelException e) => log.Debug($"a guest's tap: {e.Message}");
    }

    /// <summary>When <see cref="WakeUp"/> is to be called.</summary>
    public TimeSpan? NextWakeUp => _double.NextWakeUp;

    /// <summary>The guest runs from now on.</summary>
    public void Resumed() => Handle(new HomeRouterDoubleInput.Resumed());

    /// <summary><see cref="NextWakeUp"/> has come.</summary>
    public void WakeUp() => Handle(new HomeRouterDoubleInput.WakeUp());

    public void Dispose()
    {
        _probes.Dispose();
        _port.Dispose();
    }

    private void Receive(EthernetFrame frame)
    {
        if (NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out _))
        {
            Handle(new HomeRouterDoubleInput.Received(packet, frame.Source));
        }
    }

    private void Handle(HomeRouterDoubleInput input)
    {
        foreach (var frame in _double.Handle(Clock.Now, input))
        {
            _port.Send(EthernetFrame.Around(frame.Packet, frame.Source, frame.Destination));
        }
    }
}
