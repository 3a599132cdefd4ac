using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>Which answers count, and what each status leads to.</summary>
public class MobileNodeAnswerTests
{
    public static TheoryData<string, Func<MobilityPacket, MobilityPacket>> Strangers => new()
    {
        { "another source", packet => packet with { Source = Ipv6Address.Parse("2001:db8:1::2") } },
        { "another destination", packet => packet with { Destination = OtherCareOfAddress } },
        { "another home address", packet => packet with { Type2RoutingHeader = Ipv6Address.Parse("2001:db8:1::11") } },
        { "no home address", packet => packet with { Type2RoutingHeader = null } },
        { "to the home address itself", packet => packet with { Destination = HomeAddress, Type2RoutingHeader = null } },
        { "from a mobile node", packet => packet with { HomeAddressOption = HomeAddress } },
        { "a number never sent", _ => AwayAcknowledgement(7) },
        { "a number not yet sent", _ => AwayAcknowledgement(2) },
        { "sequence out of window, for another", _ =>
            AwayAcknowledgement(500, BindingStatus.SequenceNumberOutOfWindow) with { Type2RoutingHeader = Ipv6Address.Parse("2001:db8:1::11") } },
        { "another message", packet => packet with { Message = new BindingRefreshRequest([]) } },
        { "an error about another home address", packet => packet with
            { Message = new BindingError(BindingErrorStatus.UnrecognizedMobilityHeaderType, OtherCareOfAddress, []) } },
        { "an error that no update can cause", packet => packet with
            { Message = new BindingError(BindingErrorStatus.UnknownBinding, HomeAddress, []) } },
    };

    [Theory]
    [MemberData(nameof(Strangers), DisableDiscoveryEnumeration = true)]
    public void An_answer_that_is_not_for_this_node_changes_nothing(string what, Func<MobilityPacket, MobilityPacket> change)
    {
        var rig = new MobileNodeRig();
        var packet = AwayAcknowledgement(UpdateIn(rig.GoAway()).Sequence);
        var before = rig.Observe();

        Assert.Empty(rig.Receive(change(packet)));

        Assert.True(before == rig.Observe(), what);
        Assert.Equal(BindingChange.Registered, ChangeIn(rig.Receive(packet)).Change);
    }

    [Fact]
    public void Without_an_outstanding_update_no_answer_counts()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var before = rig.Observe();
        foreach (var status in Enum.GetValues<BindingStatus>())
        {
            Assert.Empty(rig.Receive(AwayAcknowledgement(1, status)));
            Assert.Empty(rig.Receive(AwayAcknowledgement(2, status)));
        }

        Assert.Equal(before, rig.Observe());
    }

    [Fact]
    public void Every_status_leads_to_a_reaction_and_a_sentence()
    {
        var sentences = new HashSet<string>();
        for (var value = 0; value <= byte.MaxValue; value++)
        {
            var rig = new MobileNodeRig();
            var status = (BindingStatus)value;
            var change = ChangeIn(rig.Receive(AwayAcknowledgement(UpdateIn(rig.GoAway()).Sequence, status)));

            Assert.Equal(status.IsAccepted ? BindingChange.Registered : BindingChange.Refused, change.Change);
            Assert.Equal(status, change.Status);
            Assert.Equal(status.IsAccepted ? MobileNodePhase.Registered : MobileNodePhase.Registering, rig.State.Phase);
            Assert.Equal(status == BindingStatus.Accepted ? null : change.Explanation, rig.State.Problem);
            Assert.Equal(status.IsAccepted || status == BindingStatus.SequenceNumberOutOfWindow ? null : status, rig.State.Refusal);
            Assert.StartsWith(
                status == BindingStatus.DuplicateAddressDetectionFailed ? "another node on the home link" :
                status is BindingStatus.NotHomeSubnet ? "the home address" :
                status is BindingStatus.HomeRegistrationNotSupported ? "the node at the home agent's address" : "the home agent",
                change.Explanation,
                StringComparison.Ordinal);
            sentences.Add(change.Explanation);
        }

        // One for each status but the three about nonces, which share theirs.
        Assert.Equal(256 - 2, sentences.Count);
    }

    [Theory]
    [InlineData(0, 1.7)]
    [InlineData(1, 0.2)]
    public void An_answer_is_timed_from_the_update_that_it_is_for(int index, double seconds)
    {
        var rig = new MobileNodeRig();
        BindingUpdate[] updates = [UpdateIn(rig.GoAway()), UpdateIn(rig.Wake())];
        rig.Pass(Seconds(0.2));

        var effects = rig.Receive(AwayAcknowledgement(updates[index].Sequence));

        Assert.Equal(new MobileNodeEffect.UpdateAnswered(Seconds(seconds), BindingExisted: false), effects[0]);
    }

    [Fact]
    public void What_was_sent_before_the_first_answer_is_a_first_registration_too()
    {
        var rig = new MobileNodeRig();
        BindingUpdate[] updates = [UpdateIn(rig.GoAway()), UpdateIn(rig.Wake())];

        Assert.All(updates, update => Assert.False(AnswerIn(rig.Receive(AwayAcknowledgement(update.Sequence))).BindingExisted));

        Assert.True(AnswerIn(rig.Receive(AwayAcknowledgement(UpdateIn(rig.Wake()).Sequence))).BindingExisted);
    }

    [Fact]
    public void A_binding_that_another_host_made_existed_but_not_one_that_was_lost()
    {
        var rig = new MobileNodeRig(new(64, OtherCareOfAddress, Seconds(300), Seconds(300)));
        Assert.True(AnswerIn(rig.Receive(AwayAcknowledgement(UpdateIn(rig.GoAway()).Sequence))).BindingExisted);
        rig.Receive(AwayAcknowledgement(UpdateIn(rig.Wake()).Sequence, BindingStatus.InsufficientResources)); // Which ends it.

        Assert.False(AnswerIn(rig.Receive(AwayAcknowledgement(UpdateIn(rig.Wake()).Sequence))).BindingExisted);
    }

    [Theory]
    [InlineData(BindingStatus.Accepted, 150, true)]
    [InlineData(BindingStatus.AcceptedPrefixDiscoveryNecessary, 150, true)]
    [InlineData(BindingStatus.Accepted, 0, false)]
    [InlineData(BindingStatus.ReasonUnspecified, 150, false)]
    [InlineData(BindingStatus.SequenceNumberOutOfWindow, 150, false)]
    public void Only_what_was_accepted_is_answered(BindingStatus status, ushort lifetime, bool isAnswered)
    {
        var rig = new MobileNodeRig();
        var effects = rig.Receive(AwayAcknowledgement(UpdateIn(rig.GoAway()).Sequence, status, lifetime));

        Assert.Equal(isAnswered, effects.OfType<MobileNodeEffect.UpdateAnswered>().Any());
    }

    [Theory]
    [InlineData(BindingStatus.ReasonUnspecified, 1.5)]
    [InlineData(BindingStatus.AdministrativelyProhibited, 32)]
    [InlineData(BindingStatus.InsufficientResources, 1.5)]
    [InlineData(BindingStatus.HomeRegistrationNotSupported, 32)]
    [InlineData(BindingStatus.NotHomeSubnet, 32)]
    [InlineData(BindingStatus.NotHomeAgentForThisMobileNode, 32)]
    [InlineData(BindingStatus.DuplicateAddressDetectionFailed, 1.5)]
    [InlineData(BindingStatus.ExpiredNonces, 32)]
    [InlineData(BindingStatus.RegistrationTypeChangeDisallowed, 32)]
    [InlineData(BindingStatus.InvalidCareOfAddress, 32)]
    [InlineData((BindingStatus)200, 32)]
    public void A_refused_update_is_repeated_after(BindingStatus status, double seconds)
    {
        var rig = new MobileNodeRig();
        rig.Receive(AwayAcknowledgement(UpdateIn(rig.GoAway()).Sequence, status));
        var refused = rig.Now;

        var again = UpdateIn(rig.Wake());

        Assert.Equal(Seconds(seconds), rig.Now - refused);
        Assert.Equal(2, again.Sequence);
    }

    [Fact]
    public void The_same_refusal_is_reported_once_and_another_one_anew()
    {
        var rig = new MobileNodeRig();
        var update = UpdateIn(rig.GoAway());
        ChangeIn(rig.Receive(AwayAcknowledgement(update.Sequence, BindingStatus.NotHomeSubnet)));
        Assert.Equal(
            [new MobileNodeEffect.OtherHomeAgentsWanted()],
            rig.Receive(AwayAcknowledgement(UpdateIn(rig.Wake()).Sequence, BindingStatus.NotHomeSubnet)));

        var other = ChangeIn(rig.Receive(AwayAcknowledgement(UpdateIn(rig.Wake()).Sequence, BindingStatus.InvalidCareOfAddress)));

        Assert.Equal(BindingStatus.InvalidCareOfAddress, other.Status);
    }

    [Theory]
    [InlineData(BindingStatus.AdministrativelyProhibited, false)]
    [InlineData(BindingStatus.NotHomeSubnet, false)]
    [InlineData(BindingStatus.RegistrationTypeChangeDisallowed, true)]
    [InlineData(BindingStatus.SequenceNumberOutOfWindow, true)]
    public void A_refused_refresh_leaves_the_binding_where_the_home_agent_does(BindingStatus status, bool isLeft)
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var change = ChangeIn(rig.Receive(AwayAcknowledgement(UpdateIn(rig.Wake()).Sequence, status)));

        Assert.Equal(isLeft ? Seconds(300) : TimeSpan.Zero, change.Lifetime);
        Assert.Equal(isLeft ? MobileNodePhase.Registered : MobileNodePhase.Registering, rig.State.Phase);
    }

    [Fact]
    public void A_lifetime_that_is_over_when_it_comes_is_a_refusal()
    {
        foreach (var (granted, seconds) in new[] { (0, 0.1), (1, 4) })
        {
            var rig = new MobileNodeRig(configuration: Configuration with { InitialBindackTimeoutFirstReg = Seconds(10) });
            var update = UpdateIn(rig.GoAway());
            rig.Pass(Seconds(seconds));

            Assert.Equal(BindingChange.Refused, ChangeIn(rig.Receive(AwayAcknowledgement(update.Sequence, lifetime: (ushort)granted))).Change);
            Assert.Equal(rig.Now + Seconds(32), rig.Node.NextWakeUp);
        }
    }

    [Fact]
    public void A_node_that_knows_no_binding_updates_is_said_to_be_none()
    {
        var rig = new MobileNodeRig();
        rig.GoAway();
        var error = new MobilityPacket(
            HomeAgentAddress, CareOfAddress, null, null, new BindingError(BindingErrorStatus.UnrecognizedMobilityHeaderType, HomeAddress, []));

        var change = ChangeIn(rig.Receive(error));

        Assert.Equal((BindingChange.Refused, null), (change.Change, change.Status));
        Assert.Contains("does not know Binding Updates", change.Explanation, StringComparison.Ordinal);
        Assert.Equal(rig.Now + Seconds(32), rig.Node.NextWakeUp);
    }
}
