using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>A mobile node on a clock that only the test moves, and the packets of its home agent.</summary>
internal sealed class MobileNodeRig
{
    public static readonly Ipv6Address HomeAddress = Ipv6Address.Parse("2001:db8:1::10");
    public static readonly Ipv6Address HomeAgentAddress = Ipv6Address.Parse("2001:db8:1::1");
    public static readonly Ipv6Address CareOfAddress = Ipv6Address.Parse("2001:db8:b::2");
    public static readonly Ipv6Address OtherCareOfAddress = Ipv6Address.Parse("2001:db8:c::2");

    public static readonly MobileNodeConfiguration Configuration = new(HomeAddress, HomeAgentAddress);

    public MobileNodeRig(MobileNodeSnapshot? snapshot = null, MobileNodeConfiguration? configuration = null, double random = 0)
    {
        Now = TimeSpan.FromHours(7);
        Node = new(configuration ?? Configuration, snapshot, Now, () => random);
    }

    public MobileNode Node { get; }

    public TimeSpan Now { get; private set; }

    public MobileNodeState State => Node.GetState(Now);

    public static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    /// <summary>The one update among the effects.</summary>
    public static BindingUpdate UpdateIn(IEnumerable<MobileNodeEffect> effects) => Assert.Single(UpdatesIn(effects));

    public static IEnumerable<BindingUpdate> UpdatesIn(IEnumerable<MobileNodeEffect> effects) =>
        effects.Select(effect => effect switch
        {
            MobileNodeEffect.SendFromCareOfAddress { Packet.Message: BindingUpdate update } => update,
            MobileNodeEffect.SendFromPreviousCareOfAddress { Packet.Message: BindingUpdate update } => update,
            MobileNodeEffect.SendOnHomeLink { Packet.Message: BindingUpdate update } => update,
            _ => null,
        }).OfType<BindingUpdate>();

    public static MobileNodeEffect.BindingChanged ChangeIn(IEnumerable<MobileNodeEffect> effects) =>
        Assert.Single(effects.OfType<MobileNodeEffect.BindingChanged>());

    public static MobileNodeEffect.UpdateAnswered AnswerIn(IEnumerable<MobileNodeEffect> effects) =>
        Assert.Single(effects.OfType<MobileNodeEffect.UpdateAnswered>());

    /// <summary>An acknowledgement as the home agent sends it to a node that is away.</summary>
    public static MobilityPacket AwayAcknowledgement(
        ushort sequence, BindingStatus status = BindingStatus.Accepted, ushort lifetime = 150, params MobilityOption[] options) => new(
            HomeAgentAddress,
            CareOfAddress,
            null,
            HomeAddress,
            new BindingAcknowledgement(status, BindingAcknowledgementFlags.None, sequence, lifetime, [.. options]));

    /// <summary>An acknowledgement as the home agent sends it to a node that has come home.</summary>
    public static MobilityPacket HomeAcknowledgement(ushort sequence, BindingStatus status = BindingStatus.Accepted) =>
        AwayAcknowledgement(sequence, status, 0) with { Destination = HomeAddress, Type2RoutingHeader = null };

    public IReadOnlyList<MobileNodeEffect> Do(MobileNodeInput input) => Node.Handle(Now, input);

    public IReadOnlyList<MobileNodeEffect> Receive(MobilityPacket packet) => Do(new MobileNodeInput.Received(packet));

    public IReadOnlyList<MobileNodeEffect> GoAway() => Do(new MobileNodeInput.Away(CareOfAddress));

    public void Pass(TimeSpan time) => Now += time;

    /// <summary>Jumps to the next wake-up.</summary>
    public IReadOnlyList<MobileNodeEffect> Wake()
    {
        Assert.NotNull(Node.NextWakeUp);
        Now = Node.NextWakeUp.Value;
        return Do(new MobileNodeInput.WakeUp());
    }

    /// <summary>Goes away and is acknowledged at once.</summary>
    public void Register() => Receive(AwayAcknowledgement(UpdateIn(GoAway()).Sequence));

    /// <summary>All that can be seen of the node.</summary>
    public (MobileNodeState, MobileNodeSnapshot, TimeSpan?) Observe() => (State, Node.TakeSnapshot(Now), Node.NextWakeUp);
}
