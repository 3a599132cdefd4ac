using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>Several home agents on the home link (RFC 6275, section 11.4.1): which is asked, when, and what the others may still hold.</summary>
public class MobileNodeHomeAgentsTests
{
    private static readonly Ipv6Address Second = Ipv6Address.Parse("2001:db8:1::2");
    private static readonly Ipv6Address Third = Ipv6Address.Parse("2001:db8:1::3");

    private static readonly MobileNodeConfiguration Three = Configuration with { OtherHomeAgents = [Second, Third] };

    [Fact]
    public void Silent_ones_are_given_three_tries_each_in_their_order_then_one_each_for_ever()
    {
        var rig = new MobileNodeRig(configuration: Three);
        var began = rig.Now;
        var sent = new List<(double, Ipv6Address)>();
        for (var effects = rig.GoAway(); sent.Count < 13; effects = rig.Wake())
        {
            sent.AddRange(To(effects).Select(to => ((rig.Now - began).TotalSeconds, to)));
        }

        Assert.Equal(
            [
                (0, HomeAgentAddress), (1.5, HomeAgentAddress), (4.5, HomeAgentAddress),
                (10.5, Second), (12, Second), (15, Second),
                (21, Third), (22.5, Third), (25.5, Third),
                (31.5, HomeAgentAddress), (63.5, Second), (95.5, Third), (127.5, HomeAgentAddress),
            ],
            sent);
    }

    [Fact]
    public void Each_silence_is_told_once_with_who_is_asked_instead()
    {
        var rig = new MobileNodeRig(configuration: Three);
        var told = new List<string>();
        for (var effects = rig.GoAway(); rig.Now < TimeSpan.FromHours(8); effects = rig.Wake())
        {
            told.AddRange(effects.OfType<MobileNodeEffect.BindingChanged>().Select(change => change.Explanation));
        }

        Assert.Equal(
            [
                $"the home agent {HomeAgentAddress} does not answer; {Second} is asked instead",
                $"the home agent {Second} does not answer; {Third} is asked instead",
                $"the home agent {Third} does not answer; {HomeAgentAddress} is asked instead",
            ],
            told);
    }

    [Fact]
    public void Others_are_wanted_when_all_have_failed()
    {
        var rig = new MobileNodeRig(configuration: Three);
        var updates = 0;
        for (var effects = rig.GoAway(); !effects.Contains(new MobileNodeEffect.OtherHomeAgentsWanted()); effects = rig.Wake())
        {
            updates += To(effects).Count();
        }

        Assert.Equal(9, updates);
    }

    [Fact]
    public void The_one_that_accepts_serves_and_is_refreshed()
    {
        var rig = new MobileNodeRig(configuration: Three);
        var effects = SilentUntilAsked(rig, Second);
        Assert.Contains(new MobileNodeEffect.HomeAgentChanged(), effects);

        effects = rig.Receive(AwayAcknowledgement(UpdateIn(effects).Sequence) with { Source = Second });

        Assert.Equal(BindingChange.Registered, ChangeIn(effects).Change);
        Assert.Equal(Second, rig.Node.HomeAgent);
        Assert.Null(rig.State.Problem);
        rig.Receive(FarewellAcknowledgement(FarewellIn(effects).Sequence));
        Assert.Equal([Second], To(rig.Wake()));
    }

    // RFC 6275, section 11.7.1: away, too, a binding that is of no use any more is ended.
    [Theory]
    [InlineData(BindingStatus.Accepted)]
    [InlineData(BindingStatus.NotHomeAgentForThisMobileNode)]
    public void One_that_was_given_up_is_told_to_let_go_as_soon_as_another_serves(BindingStatus status)
    {
        var rig = new MobileNodeRig(configuration: Three);
        var effects = SilentUntilAsked(rig, Second);
        Assert.Empty(Farewells(effects));

        effects = rig.Receive(AwayAcknowledgement(UpdateIn(effects).Sequence) with { Source = Second });

        var farewell = Assert.Single(Farewells(effects));
        Assert.Equal((CareOfAddress, HomeAgentAddress, HomeAddress), (farewell.Source, farewell.Destination, farewell.HomeAddressOption));
        var update = (BindingUpdate)farewell.Message;
        Assert.Equal((ushort)0, update.Lifetime);
        Assert.Equal(BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration, update.Flags);
        Assert.Equal([HomeAgentAddress], rig.Node.TakeSnapshot(rig.Now).MayRemainElsewhere.Select(each => each.HomeAgent));

        Assert.Equal([new MobileNodeEffect.HomeAgentChanged()], rig.Receive(FarewellAcknowledgement(update.Sequence, status)));
        Assert.Equal([Second], rig.Node.TunnelEnds(rig.Now));
        Assert.Empty(rig.Node.TakeSnapshot(rig.Now).MayRemainElsewhere);
        Assert.Equal((MobileNodePhase.Registered, Second), (rig.State.Phase, rig.Node.HomeAgent));
        Assert.Equal([Second], To(rig.Wake()));
    }

    [Fact]
    public void A_silent_one_is_told_with_a_back_off_until_what_it_may_hold_has_ended_and_the_other_serves_on()
    {
        var rig = new MobileNodeRig(configuration: Three);
        var began = rig.Now;
        var effects = SilentUntilAsked(rig, Second);
        var sent = new List<double>();
        effects = rig.Receive(AwayAcknowledgement(UpdateIn(effects).Sequence) with { Source = Second });
        var registered = rig.Now;
        while (rig.Now - began < Seconds(900))
        {
            sent.AddRange(Farewells(effects).Select(_ => (rig.Now - registered).TotalSeconds));
            var refresh = UpdatesIn(effects).ToList();
            effects = refresh.Count > 0 ? rig.Receive(AwayAcknowledgement(refresh[0].Sequence) with { Source = Second }) : rig.Wake();
        }

        Assert.Equal([0, 1, 3, 7, 15, 31, 63, 95], sent.Take(8));
        // The last update that it may have accepted was sent 4.5 s after the first.
        Assert.InRange((registered - began).TotalSeconds + sent[^1], 600 + 4.5 - 32, 600 + 4.5);
        Assert.Equal((MobileNodePhase.Registered, Second), (rig.State.Phase, rig.Node.HomeAgent));
        Assert.Empty(rig.Node.TakeSnapshot(rig.Now).MayRemainElsewhere);
    }

    [Fact]
    public void Its_other_answers_change_nothing_but_the_number()
    {
        var rig = new MobileNodeRig(configuration: Three);
        var effects = rig.Receive(AwayAcknowledgement(UpdateIn(SilentUntilAsked(rig, Second)).Sequence) with { Source = Second });
        var farewell = FarewellIn(effects);

        foreach (var answer in new[]
        {
            FarewellAcknowledgement((ushort)(farewell.Sequence - 1)), // Of an update before.
            FarewellAcknowledgement(farewell.Sequence) with { Source = Third },
            FarewellAcknowledgement(farewell.Sequence) with { Type2RoutingHeader = null },
            AwayAcknowledgement(farewell.Sequence),
            FarewellAcknowledgement(farewell.Sequence, BindingStatus.AdministrativelyProhibited),
            FarewellAcknowledgement(4000, BindingStatus.SequenceNumberOutOfWindow),
        })
        {
            Assert.Empty(rig.Receive(answer));
        }

        effects = rig.Wake();
        Assert.Equal(4001, FarewellIn(effects).Sequence);
        Assert.Contains(new MobileNodeEffect.SequenceReserved((ushort)(4000 + MobileNode.SequenceBlock)), effects);
    }

    [Fact]
    public void While_the_one_that_serves_is_silent_the_others_are_not_told()
    {
        var rig = new MobileNodeRig(configuration: Three);
        rig.Receive(AwayAcknowledgement(UpdateIn(SilentUntilAsked(rig, Second)).Sequence) with { Source = Second });
        var effects = SilentUntilAsked(rig, Third, rig.Wake());

        Assert.Empty(Farewells(effects));
        Assert.Empty(Farewells(rig.Do(new MobileNodeInput.Away(OtherCareOfAddress))));
    }

    [Fact]
    public void An_answer_of_one_that_was_given_up_counts_no_more()
    {
        var rig = new MobileNodeRig(configuration: Three);
        SilentUntilAsked(rig, Second);
        var before = rig.Observe();

        for (ushort number = 1; number < 5; number++)
        {
            Assert.Empty(rig.Receive(AwayAcknowledgement(number)));
        }

        Assert.Equal(before, rig.Observe());
    }

    public static TheoryData<BindingStatus> Refusals => new(Enumerable.Range(128, 128).Select(value => (BindingStatus)value)
        .Except([BindingStatus.SequenceNumberOutOfWindow, BindingStatus.RegistrationTypeChangeDisallowed]));

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Who_refuses_is_followed_by_the_next_after_the_least_wait(BindingStatus status)
    {
        var rig = new MobileNodeRig(configuration: Three);
        var began = rig.Now;
        var update = UpdateIn(rig.GoAway());
        rig.Pass(Seconds(0.2));

        Assert.Contains(new MobileNodeEffect.HomeAgentChanged(), rig.Receive(AwayAcknowledgement(update.Sequence, status)));

        Assert.Equal(status, rig.State.Refusal);
        Assert.Equal([Second], To(rig.Wake()));
        Assert.Equal(Seconds(1.5), rig.Now - began);
    }

    [Theory]
    [InlineData(BindingStatus.SequenceNumberOutOfWindow)]
    [InlineData(BindingStatus.RegistrationTypeChangeDisallowed)]
    public void Who_holds_the_binding_all_the_same_is_asked_again(BindingStatus status)
    {
        var rig = new MobileNodeRig(configuration: Three);

        var effects = rig.Receive(AwayAcknowledgement(UpdateIn(rig.GoAway()).Sequence, status));

        Assert.All(To([.. effects, .. rig.Wake()]), to => Assert.Equal(HomeAgentAddress, to));
    }

    [Fact]
    public void When_all_have_refused_the_pace_is_that_of_their_reasons()
    {
        var rig = new MobileNodeRig(configuration: Three);
        var sentAt = new List<TimeSpan>();
        var effects = rig.GoAway();
        foreach (var homeAgent in new[] { HomeAgentAddress, Second, Third, HomeAgentAddress, Second })
        {
            Assert.Equal([homeAgent], To(effects));
            sentAt.Add(rig.Now);
            rig.Receive(AwayAcknowledgement(UpdateIn(effects).Sequence, BindingStatus.AdministrativelyProhibited) with { Source = homeAgent });
            effects = rig.Wake();
        }

        Assert.Equal([1.5, 1.5, 32, 32], sentAt.Zip(sentAt.Skip(1), (one, next) => (next - one).TotalSeconds));
    }

    [Fact]
    public void A_binding_stays_with_its_home_agent_until_another_has_accepted()
    {
        var rig = new MobileNodeRig(configuration: Three);
        rig.Register();
        var effects = SilentUntilAsked(rig, Second, rig.Wake());

        Assert.Equal((HomeAgentAddress, MobileNodePhase.Registered), (rig.Node.HomeAgent, rig.State.Phase));
        Assert.Equal([HomeAgentAddress, Second], rig.Node.TunnelEnds(rig.Now));

        Assert.False(AnswerIn(rig.Receive(AwayAcknowledgement(UpdateIn(effects).Sequence) with { Source = Second })).BindingExisted);
        Assert.Equal(Second, rig.Node.HomeAgent);
        Assert.Equal([Second, HomeAgentAddress], rig.Node.TunnelEnds(rig.Now));
    }

    [Fact]
    public void After_a_move_the_one_with_the_registration_is_asked_first()
    {
        var rig = new MobileNodeRig(configuration: Three);
        rig.Register();
        SilentUntilAsked(rig, Second, rig.Wake());

        Assert.Equal([HomeAgentAddress], To(rig.Do(new MobileNodeInput.Away(OtherCareOfAddress))));
    }

    [Fact]
    public void The_choice_moves_on_with_the_guest()
    {
        var rig = new MobileNodeRig(configuration: Three);
        rig.Receive(AwayAcknowledgement(UpdateIn(SilentUntilAsked(rig, Second)).Sequence) with { Source = Second });

        var snapshot = rig.Node.TakeSnapshot(rig.Now);
        var next = new MobileNodeRig(snapshot, Three);

        Assert.Equal(snapshot, next.Node.TakeSnapshot(next.Now));
        Assert.Equal(Second, next.Node.HomeAgent);
        Assert.Equal([Second], To(next.GoAway()));
    }

    [Fact]
    public void At_home_each_that_may_hold_a_binding_is_told_and_nobody_else()
    {
        var rig = new MobileNodeRig(configuration: Three);
        rig.Receive(AwayAcknowledgement(UpdateIn(SilentUntilAsked(rig, Second)).Sequence) with { Source = Second });

        var effects = rig.Do(new MobileNodeInput.Home());
        Assert.Equal([Second], To(effects));
        effects = rig.Receive(HomeAcknowledgement(UpdateIn(effects).Sequence) with { Source = Second });
        Assert.Contains(new MobileNodeEffect.AnnounceOnHomeLink(), effects);
        effects = rig.Wake(); // There were three updates in this second.
        Assert.Equal([HomeAgentAddress], To(effects));
        effects = rig.Receive(HomeAcknowledgement(UpdateIn(effects).Sequence, BindingStatus.NotHomeAgentForThisMobileNode));

        Assert.Empty(To(effects));
        Assert.Equal(MobileNodePhase.AtHome, rig.State.Phase);
        Assert.False(rig.Node.TakeSnapshot(rig.Now).MayRemain);
    }

    [Fact]
    public void At_home_a_silent_one_does_not_keep_the_others_from_being_told()
    {
        var rig = new MobileNodeRig(configuration: Three);
        rig.Receive(AwayAcknowledgement(UpdateIn(SilentUntilAsked(rig, Second)).Sequence) with { Source = Second });

        var effects = rig.Do(new MobileNodeInput.Home());
        while (!To(effects).Contains(HomeAgentAddress))
        {
            effects = rig.Wake();
        }

        effects = rig.Receive(HomeAcknowledgement(UpdateIn(effects).Sequence));
        Assert.Equal(BindingChange.Deregistered, ChangeIn(effects).Change);
        Assert.Equal([Second], To(effects));
    }

    [Fact]
    public void What_may_remain_at_a_silent_one_ends_by_itself()
    {
        var rig = new MobileNodeRig(configuration: Three);
        rig.Receive(AwayAcknowledgement(UpdateIn(SilentUntilAsked(rig, Second)).Sequence) with { Source = Second });
        rig.Do(new MobileNodeInput.Home());
        while (rig.State.Phase == MobileNodePhase.Deregistering)
        {
            rig.Wake();
        }

        Assert.False(rig.Node.TakeSnapshot(rig.Now).MayRemain);
        Assert.True(rig.Now < TimeSpan.FromHours(7) + Seconds(700));
    }

    [Fact]
    public void One_that_was_found_out_is_asked_where_the_others_do_not_answer()
    {
        var rig = new MobileNodeRig();
        rig.GoAway();
        rig.Pass(Seconds(0.5));

        rig.Do(new MobileNodeInput.HomeAgentsFound([Third, Second]));

        Assert.Equal([Third], To(rig.Wake()));
        Assert.Equal(TimeSpan.FromHours(7) + Seconds(1.5), rig.Now);
        Assert.Equal([Third, Second], rig.Node.HomeAgents);
    }

    [Fact]
    public void One_that_serves_stays_whatever_is_found_out()
    {
        var rig = new MobileNodeRig();
        rig.Register();

        Assert.Empty(rig.Do(new MobileNodeInput.HomeAgentsFound([Third, Second])));
        Assert.Empty(rig.Do(new MobileNodeInput.HomeAgentsFound([])));

        Assert.Equal(HomeAgentAddress, rig.Node.HomeAgent);
        Assert.Equal([HomeAgentAddress], To(rig.Wake()));
        Assert.Equal([Third], To(SilentUntilAsked(rig, Third, rig.Wake())));
    }

    [Fact]
    public void A_revocation_by_the_one_that_served_before_ends_what_it_may_hold_only()
    {
        var rig = new MobileNodeRig(configuration: Three);
        rig.Receive(AwayAcknowledgement(UpdateIn(SilentUntilAsked(rig, Second)).Sequence) with { Source = Second });

        var effects = rig.Receive(new(HomeAgentAddress, CareOfAddress, null, HomeAddress, new BindingRevocationIndication(RevocationTrigger.Administrative, 7, 0, [])));

        var answer = Assert.IsType<MobilityPacket>(Assert.IsType<MobileNodeEffect.AnswerFromCareOfAddress>(Assert.Single(effects)).Packet);
        Assert.Equal(HomeAgentAddress, answer.Destination);
        Assert.Equal(RevocationStatus.Success, Assert.IsType<BindingRevocationAcknowledgement>(answer.Message).Status);
        Assert.Equal((Second, MobileNodePhase.Registered), (rig.Node.HomeAgent, rig.State.Phase));
        Assert.Equal([Second], rig.Node.TunnelEnds(rig.Now));
    }

    private static IEnumerable<MobilityPacket> Farewells(IEnumerable<MobileNodeEffect> effects) =>
        effects.OfType<MobileNodeEffect.EndElsewhere>().Select(effect => effect.Packet);

    private static BindingUpdate FarewellIn(IEnumerable<MobileNodeEffect> effects) => (BindingUpdate)Assert.Single(Farewells(effects)).Message;

    private static MobilityPacket FarewellAcknowledgement(ushort sequence, BindingStatus status = BindingStatus.Accepted) => AwayAcknowledgement(sequence, status, lifetime: 0);

    /// <summary>Nobody answers until this one is asked for the first time.</summary>
    private static IReadOnlyList<MobileNodeEffect> SilentUntilAsked(MobileNodeRig rig, Ipv6Address homeAgent, IReadOnlyList<MobileNodeEffect>? effects = null)
    {
        effects ??= rig.GoAway();
        while (!To(effects).Contains(homeAgent))
        {
            effects = rig.Wake();
        }

        return effects;
    }

    private static IEnumerable<Ipv6Address> To(IEnumerable<MobileNodeEffect> effects) => effects.Select(effect => effect switch
    {
        MobileNodeEffect.SendFromCareOfAddress { Packet.Destination: var to } => to,
        MobileNodeEffect.SendOnHomeLink { Packet.Destination: var to } => to,
        _ => (Ipv6Address?)null,
    }).OfType<Ipv6Address>();
}
