using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>A home agent on a clock that only the test moves, and the packets of its mobile nodes and of its home link.</summary>
public abstract class HomeAgentRig
{
    protected const BindingUpdateFlags HomeRegistration = BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration;

    protected static readonly Ipv6Address AgentAddress = Ipv6Address.Parse("2001:db8:1::1");
    protected static readonly Ipv6Address Home = Ipv6Address.Parse("2001:db8:1::a");
    protected static readonly Ipv6Address OtherHome = Ipv6Address.Parse("2001:db8:1::b");
    protected static readonly Ipv6Address CareOf = Ipv6Address.Parse("2001:db8:f1::a");
    protected static readonly Ipv6Address OtherCareOf = Ipv6Address.Parse("2001:db8:f2::a");
    protected static readonly Ipv6Address Router = Ipv6Address.Parse("fe80::1");
    protected static readonly Ipv6Prefix HomePrefix = Ipv6Prefix.Parse("2001:db8:1::/64");
    protected static readonly LinkLayerAddress AgentLink = LinkLayerAddress.Parse("52:54:00:00:00:01");
    protected static readonly LinkLayerAddress GuestLink = LinkLayerAddress.Parse("52:54:00:00:00:0a");
    protected static readonly HomeAgentConfiguration Configuration = new(AgentAddress, AgentLink, [HomePrefix])
    {
        OtherAddresses = [Ipv6Address.Parse("2001:db8:1::2"), Ipv6Address.Parse("fe80::77")],
        MaximumLifetime = TimeSpan.FromSeconds(420),
        MaximumBindings = 3,
        MaximumDetections = 2,
    };

    protected static readonly HomeAgentConfiguration Learning = Configuration with { LearnsPrefixes = true };

    protected static readonly NeighbourDiscoveryPacket Advertisement = new(AgentAddress, Ipv6Address.AllNodes,
        new NeighbourAdvertisement(Home, NeighbourAdvertisementFlags.Override, [new TargetLinkLayerAddress(AgentLink)]));

    protected HomeAgentRig()
    {
        Chances = () => Chance;
        Restart(Configuration);
    }

    protected HomeAgent HomeAgent { get; private set; } = null!;

    protected TimeSpan Now { get; set; }

    /// <summary>What the next random numbers are.</summary>
    protected double Chance { get; set; }

    /// <summary>Where they come from.</summary>
    protected Func<double> Chances { get; set; }

    protected static MobilityPacket Update(
        ushort sequence, ushort lifetime = 100, Ipv6Address? homeAddress = null, Ipv6Address? careOfAddress = null,
        BindingUpdateFlags flags = HomeRegistration, params MobilityOption[] options) =>
        new(careOfAddress ?? CareOf, AgentAddress, homeAddress ?? Home, null,
            new BindingUpdate(sequence, flags, lifetime, WireArray.Create<MobilityOption>(options)));

    protected static MobilityPacket UpdateFromHome(ushort sequence, ushort lifetime = 0) => new(Home, AgentAddress, null, null,
        new BindingUpdate(sequence, HomeRegistration, lifetime, [new AlternateCareOfAddress(Home)]));

    protected static HomeAgentEffect Acknowledgement(
        BindingStatus status, ushort sequence, ushort lifetime = 0, Ipv6Address? homeAddress = null, Ipv6Address? careOfAddress = null) =>
        new HomeAgentEffect.Send(new MobilityPacket(
            AgentAddress, careOfAddress ?? CareOf, null, homeAddress ?? Home, new BindingAcknowledgement(status, 0, sequence, lifetime, [])));

    protected static HomeAgentEffect Multicast(NeighbourDiscoveryPacket packet) =>
        new HomeAgentEffect.SendOnHomeLink(packet, LinkLayerAddress.ForMulticast(packet.Destination));

    protected static NeighbourDiscoveryPacket Solicitation(Ipv6Address target) =>
        new(Ipv6Address.Unspecified, target.SolicitedNode, new NeighbourSolicitation(target, []));

    protected static PrefixInformation Prefix(
        uint valid, uint preferred, string prefix = "2001:db8:1::", PrefixFlags flags = PrefixFlags.OnLink | PrefixFlags.Autonomous) =>
        new(64, flags, valid, preferred, Ipv6Address.Parse(prefix));

    /// <summary>Another one, from now on.</summary>
    protected void Restart(HomeAgentConfiguration configuration, params BindingSnapshot[] snapshot) =>
        HomeAgent = new(configuration, snapshot, Now, () => Chances());

    protected IReadOnlyList<HomeAgentEffect> Handle(HomeAgentInput input) => HomeAgent.Handle(Now, input);

    protected IReadOnlyList<HomeAgentEffect> Receive(MobilityPacket packet, LinkLayerAddress? homeLinkSender = null) =>
        Handle(new HomeAgentInput.Received(packet, homeLinkSender));

    protected IReadOnlyList<HomeAgentEffect> Advertise(params NeighbourDiscoveryOption[] options) =>
        Handle(new HomeAgentInput.Advertised(Router, new(64, 0, 1800, 0, 0, WireArray.Create<NeighbourDiscoveryOption>(options))));

    protected IReadOnlyList<HomeAgentEffect> Pass(double seconds)
    {
        Now += TimeSpan.FromSeconds(seconds);
        return Handle(new HomeAgentInput.WakeUp());
    }

    protected void Register(ushort sequence = 1, Ipv6Address? homeAddress = null, Ipv6Address? careOfAddress = null)
    {
        Receive(Update(sequence, homeAddress: homeAddress, careOfAddress: careOfAddress));
        Pass(1);
        Assert.Contains(HomeAgent.Bindings, b => b.HomeAddress == (homeAddress ?? Home));
    }

    protected void AssertBound(Ipv6Address careOfAddress, ushort sequence)
    {
        var binding = Assert.Single(HomeAgent.Bindings);
        Assert.Equal((Home, careOfAddress, sequence), (binding.HomeAddress, binding.CareOfAddress, binding.Sequence!.Value));
    }
}
