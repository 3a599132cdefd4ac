using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests.Simulation;

/// <summary>A home agent's node: it stores its cache at each change, and can crash.</summary>
/// <param name="world">Where it is.</param>
/// <param name="configuration">What it serves.</param>
internal sealed class SimulatedHomeAgent(SimulatedWorld world, HomeAgentConfiguration configuration)
{
    private HomeAgent? _agent = new(configuration, [], TimeSpan.Zero, world.Random.NextDouble);
    private IReadOnlyList<BindingSnapshot> _stored = [];
    private TimeSpan _storedAt;
    private ushort? _lastAccepted;
    private TimeSpan _upSince = TimeSpan.MinValue;

    public Ipv6Address Address => configuration.Address;

    public LinkLayerAddress LinkLayerAddress => configuration.LinkLayerAddress;

    public bool IsUp => _agent is not null;

    public BindingCacheEntry? Binding => _agent?.Bindings.SingleOrDefault();

    /// <summary>When it last began without what it had known.</summary>
    public TimeSpan EmptiedAt { get; private set; } = TimeSpan.MinValue;

    public void Crash(TimeSpan downtime, bool isEmptied)
    {
        _agent = null;
        world.Log($"{Address} down for {downtime.TotalSeconds:f3} s{(isEmptied ? ", and loses its cache" : "")}");
        world.Network.At(world.Network.Now + downtime, () => Restart(isEmptied));
    }

    public void Handle(HomeAgentInput input)
    {
        if (_agent is not { } agent)
        {
            return;
        }

        var now = world.Network.Now;
        var effects = agent.Handle(now, input);
        foreach (var effect in effects)
        {
            Carry(agent, effect);
        }

        if (agent.NextWakeUp is { } wakeUp)
        {
            Assert.True(wakeUp > now, "the home agent wants to be woken at once, for ever");
            world.Network.At(wakeUp, () =>
            {
                if (_agent == agent && agent.NextWakeUp <= world.Network.Now)
                {
                    Handle(new HomeAgentInput.WakeUp());
                }
            });
        }
    }

    private void Restart(bool isEmptied)
    {
        if (_agent is not null)
        {
            return; // Another crash came first, and its restart too.
        }

        var now = world.Network.Now;
        _upSince = now;
        EmptiedAt = isEmptied ? now : EmptiedAt;
        _lastAccepted = isEmptied ? null : _lastAccepted;
        _stored = isEmptied ? [] : _stored;
        _agent = new(
            configuration, _stored.Select(b => b with { Remaining = b.Remaining - (now - _storedAt) }), now, world.Random.NextDouble);
        world.Log($"{Address} up");
        Handle(new HomeAgentInput.WakeUp());
    }

    private void Carry(HomeAgent agent, HomeAgentEffect effect)
    {
        world.Log($"{Address}: {effect}");
        switch (effect)
        {
            case HomeAgentEffect.BindingChanged changed:
                Check(changed);
                (_stored, _storedAt) = (agent.TakeSnapshot(world.Network.Now), world.Network.Now);
                break;
            case HomeAgentEffect.Send { Packet: MobilityPacket packet }:
                CheckAcknowledged(agent, packet);
                world.Network.Send(packet, world.DeliverToHost);
                break;
            case HomeAgentEffect.SendOnHomeLink { Packet: MobilityPacket packet }:
                CheckAcknowledged(agent, packet);
                world.Network.Send(packet, world.DeliverAtHome);
                break;
            case HomeAgentEffect.SendOnHomeLink { Packet: NeighbourDiscoveryPacket packet }:
                world.SeenOnHomeLink(this, packet);
                break;
        }
    }

    private void Check(HomeAgentEffect.BindingChanged changed)
    {
        var binding = changed.Binding;
        switch (changed.Change)
        {
            case BindingCacheChange.Registered:
                Assert.False(
                    world.GuestIsAtHomeSince < world.Network.Now - HomeAgent.DetectionTime, "a binding began while the guest was at home");
                // One that has come up this moment has not been heard yet.
                Assert.DoesNotContain(world.HomeAgents, other =>
                    other != this && other.Binding is not null && other._upSince < world.Network.Now - 2 * SimulatedWorld.HomeLinkDelay);
                break;
            case BindingCacheChange.Refreshed or BindingCacheChange.Moved:
                Assert.True((short)(binding.Sequence!.Value - _lastAccepted!.Value) > 0, "the sequence number did not grow");
                break;
            case BindingCacheChange.Expired:
                Assert.True(binding.Expires <= world.Network.Now, "a binding expired early");
                break;
        }

        _lastAccepted = binding.Sequence;
        if (changed.Change is BindingCacheChange.Registered or BindingCacheChange.Refreshed or BindingCacheChange.Moved)
        {
            Assert.Contains((binding.Sequence!.Value, binding.CareOfAddress), world.Updates);
            Assert.True(changed.Remaining <= SimulatedWorld.Lifetime, "more was granted than was asked for");
        }
    }

    private static void CheckAcknowledged(HomeAgent agent, MobilityPacket packet)
    {
        var acknowledgement = Assert.IsType<BindingAcknowledgement>(packet.Message);
        if (acknowledgement is { Status: BindingStatus.Accepted, Lifetime: > 0 })
        {
            var binding = Assert.Single(agent.Bindings);
            Assert.Equal((packet.Destination, acknowledgement.Sequence), (binding.CareOfAddress, binding.Sequence!.Value));
        }
        else if (acknowledgement.Status == BindingStatus.Accepted)
        {
            Assert.Empty(agent.Bindings);
        }
    }
}
