using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests.Simulation;

/// <summary>A host with the agent that speaks for the guest, which may crash, and the snapshot that it stores.</summary>
/// <param name="world">Where it is.</param>
/// <param name="careOfAddress">Its address on its foreign link; null for the host on the home link.</param>
internal sealed class SimulatedHost(SimulatedWorld world, Ipv6Address? careOfAddress)
{
    private MobileNode? _node;
    private MobileNodeSnapshot? _stored;
    private TimeSpan? _lastUpdateAt;
    private TimeSpan? _lastGap;
    private Ipv6Address? _lastAsked;
    private bool _wasServed; // Since this node began: a snapshot's lifetimes are too long by what has passed since.

    public Ipv6Address? CareOfAddress { get; } = careOfAddress;

    /// <summary>The home agent that serves, or is asked.</summary>
    public Ipv6Address? HomeAgent => _node?.HomeAgent;

    public MobileNodeState? State => _node?.GetState(world.Network.Now);

    public bool HasStored => _stored is not null;

    /// <summary>The guest has gone; what the next host must know.</summary>
    public MobileNodeSnapshot Leave()
    {
        Handle(new MobileNodeInput.Passive());
        return _node!.TakeSnapshot(world.Network.Now);
    }

    /// <summary>The guest has come, or the agent begins again while it is here.</summary>
    public void Begin(MobileNodeSnapshot? snapshot, Ipv6Address? previousCareOfAddress = null)
    {
        var configuration = new MobileNodeConfiguration(SimulatedWorld.HomeAddress, world.HomeAgents[0].Address)
        {
            OtherHomeAgents = [.. world.HomeAgents.Skip(1).Select(agent => agent.Address)],
            Lifetime = SimulatedWorld.Lifetime,
        };
        _wasServed = false;
        _stored = snapshot; // As libvirt's metadata has it.
        _node = new(configuration, snapshot, world.Network.Now, world.Random.NextDouble);
        Handle(CareOfAddress is { } address ? new MobileNodeInput.Away(address) : new MobileNodeInput.Home(previousCareOfAddress));
    }

    public void Crash() => Begin(_stored);

    /// <summary>The agent begins again from a state that is older than what it has sent, by more numbers than can still be under way.</summary>
    public void CrashAndLoseNumbers()
    {
        const ushort Behind = 20_000;
        Begin(_stored! with { ReservedThrough = (ushort)(_stored.ReservedThrough - Behind) });
    }

    public void Handle(MobileNodeInput input)
    {
        if (_node is not { } node)
        {
            return;
        }

        if (input is not MobileNodeInput.WakeUp)
        {
            (_lastUpdateAt, _lastGap) = (null, null);
        }

        var now = world.Network.Now;
        var effects = node.Handle(now, input);
        foreach (var effect in effects)
        {
            Carry(node, effect);
        }

        CheckBelief();
        if (node.NextWakeUp is { } wakeUp)
        {
            Assert.True(wakeUp > now, "the mobile node wants to be woken at once, for ever");
            world.Network.At(wakeUp, () =>
            {
                if (_node == node && node.NextWakeUp <= world.Network.Now)
                {
                    Handle(new MobileNodeInput.WakeUp());
                }
            });
        }
    }

    private void Carry(MobileNode node, MobileNodeEffect effect)
    {
        world.Log($"{CareOfAddress?.ToString() ?? "home"}: {effect}");
        switch (effect)
        {
            case MobileNodeEffect.UpdateAnswered:
                _wasServed = true;
                break;
            case MobileNodeEffect.SequenceReserved or MobileNodeEffect.BindingChanged:
                _stored = node.TakeSnapshot(world.Network.Now);
                break;
            case MobileNodeEffect.SendFromCareOfAddress { Packet: var packet }:
                Assert.Equal(CareOfAddress, packet.Source);
                CheckSent(packet);
                world.Network.Send(packet, p => world.HomeAgentAt(p.Destination).Handle(new HomeAgentInput.Received(p, null)));
                break;
            case MobileNodeEffect.EndElsewhere { Packet: var packet }:
                Assert.Equal((CareOfAddress, (ushort)0), (packet.Source, ((BindingUpdate)packet.Message).Lifetime));
                Assert.NotEqual(node.HomeAgent, packet.Destination);
                world.Sent(this, (BindingUpdate)packet.Message);
                world.Network.Send(packet, p => world.HomeAgentAt(p.Destination).Handle(new HomeAgentInput.Received(p, null)));
                break;
            case MobileNodeEffect.SendFromPreviousCareOfAddress { Packet: var packet }:
                Assert.Null(CareOfAddress);
                CheckSent(packet);
                world.Network.Send(packet, p => world.HomeAgentAt(p.Destination).Handle(new HomeAgentInput.Received(p, null)));
                break;
            case MobileNodeEffect.SendOnHomeLink { Packet: var packet }:
                Assert.Null(CareOfAddress);
                CheckSent(packet);
                world.Network.Send(packet, p => world.HomeAgentAt(p.Destination).Handle(new HomeAgentInput.Received(p, SimulatedWorld.GuestLink)));
                break;
            case MobileNodeEffect.AnnounceOnHomeLink:
                // Without an answer the end is reckoned from the last update's departure; the home agent reckons from its arrival.
                // One that is silent does not keep the neighbours from being told that another has let go.
                Assert.False(
                    !node.TakeSnapshot(world.Network.Now).MayRemain
                    && world.HomeAgents.Any(agent => agent.Binding?.Expires > world.Network.Now + SimulatedNetwork.LongestDelay),
                    "the guest announced itself while a home agent defended its address");
                world.Announce();
                break;
        }
    }

    private void CheckSent(MobilityPacket packet)
    {
        world.Sent(this, (BindingUpdate)packet.Message);
        var now = world.Network.Now;
        if (now - _lastUpdateAt is { } gap)
        {
            // Nothing but time has passed since the last one; at home the next is told at once when what one may hold has ended.
            Assert.InRange(
                gap, CareOfAddress is null && _lastAsked != packet.Destination ? TimeSpan.Zero : TimeSpan.FromSeconds(1), MobileNode.MaxBindackTimeout);
            if (_lastGap is { } last && _lastAsked == packet.Destination)
            {
                Assert.Equal(2 * last < MobileNode.MaxBindackTimeout ? 2 * last : MobileNode.MaxBindackTimeout, gap);
            }

            _lastGap = _lastAsked == packet.Destination ? gap : null;
        }

        (_lastUpdateAt, _lastAsked) = (now, packet.Destination);
    }

    /// <summary>A mobile node whose last update was answered never believes in more than the home agent holds.</summary>
    private void CheckBelief()
    {
        if (_wasServed && State is { Phase: MobileNodePhase.Registered, Unanswered: 0 } state && world.HomeAgentAt(HomeAgent!.Value) is { IsUp: true } agent
            && agent.EmptiedAt < world.Network.Now - SimulatedWorld.Lifetime
            && world.NumbersLostAt < world.Network.Now - 2 * SimulatedNetwork.LongestDelay - SimulatedWorld.Lifetime)
        {
            Assert.Equal(CareOfAddress, agent.Binding?.CareOfAddress);
            Assert.True(agent.Binding!.Expires >= world.Network.Now + state.Remaining, "the mobile node believes in too long a lifetime");
        }
    }
}
