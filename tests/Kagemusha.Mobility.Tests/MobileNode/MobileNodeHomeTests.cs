using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

public class MobileNodeHomeTests
{
    [Fact]
    public void A_registrations_answer_is_not_taken_for_a_de_registrations()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var update = UpdateIn(rig.Do(new MobileNodeInput.Home()));
        var before = rig.Observe();
        var answer = HomeAcknowledgement(update.Sequence);

        Assert.Empty(rig.Receive(answer with { Message = (BindingAcknowledgement)answer.Message with { Lifetime = 150 } }));
        Assert.Equal(before, rig.Observe());
        Assert.Equal(BindingChange.Deregistered, ChangeIn(rig.Receive(answer)).Change);
    }

    private static readonly MobileNodeInput FromForeign = new MobileNodeInput.Home(CareOfAddress);

    [Fact]
    public void A_guest_that_was_never_away_is_not_de_registered()
    {
        var rig = new MobileNodeRig();

        Assert.Empty(rig.Do(new MobileNodeInput.Home()));

        Assert.Equal(MobileNodePhase.AtHome, rig.State.Phase);
        Assert.Null(rig.Node.NextWakeUp);
    }

    [Fact]
    public void A_guest_that_comes_home_is_de_registered_from_its_home_address()
    {
        var rig = new MobileNodeRig();
        rig.Register();

        Assert.Equal([FromHome(2)], rig.Do(new MobileNodeInput.Home()));

        Assert.Equal(MobileNodePhase.Deregistering, rig.State.Phase);
    }

    [Fact]
    public void Where_the_previous_host_can_be_reached_it_sends_the_de_registration()
    {
        var rig = new MobileNodeRig();
        rig.Register();

        Assert.Equal([FromPrevious(2)], rig.Do(FromForeign));

        Assert.Equal(MobileNodePhase.Deregistering, rig.State.Phase);
        var effects = rig.Receive(PreviousAcknowledgement(2));
        Assert.Equal((BindingChange.Deregistered, BindingStatus.Accepted), (ChangeIn(effects).Change, ChangeIn(effects).Status));
        Assert.Equal(new MobileNodeEffect.AnnounceOnHomeLink(), effects[^1]);
        Assert.Equal(new(MobileNodePhase.AtHome, null, TimeSpan.Zero, 0, null), rig.State);
    }

    [Fact]
    public void After_two_without_an_answer_it_goes_out_from_home()
    {
        var rig = new MobileNodeRig();
        rig.Register();

        Assert.Equal([FromPrevious(2)], rig.Do(FromForeign));
        Assert.Equal([FromPrevious(3)], rig.Wake());
        for (ushort i = 4; i < 8; i++)
        {
            Assert.Equal([FromHome(i)], rig.Wake().Where(effect => effect is not MobileNodeEffect.BindingChanged));
        }
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(3, true)]
    [InlineData(4, false)]
    public void An_answer_counts_from_where_any_of_them_was_sent(ushort sequence, bool isFromPrevious)
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(FromForeign);
        rig.Wake();
        rig.Wake();

        var effects = rig.Receive(isFromPrevious ? PreviousAcknowledgement(sequence) : HomeAcknowledgement(sequence));

        Assert.Equal(BindingChange.Deregistered, ChangeIn(effects).Change);
    }

    [Fact]
    public void An_answer_that_the_previous_host_cannot_have_got_changes_nothing()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(FromForeign);
        var before = rig.Observe();
        foreach (var packet in new[]
        {
            HomeAcknowledgement(2),
            PreviousAcknowledgement(2) with { Type2RoutingHeader = null },
            PreviousAcknowledgement(2) with { Type2RoutingHeader = CareOfAddress },
            PreviousAcknowledgement(2) with { Destination = OtherCareOfAddress },
            PreviousAcknowledgement(2) with { Destination = HomeAddress },
            PreviousAcknowledgement(1),
        })
        {
            Assert.Empty(rig.Receive(packet));
            Assert.Equal(before, rig.Observe());
        }
    }

    [Fact]
    public void A_number_out_of_window_is_no_reason_to_leave_the_previous_host()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(FromForeign);
        rig.Wake();

        var effects = rig.Receive(PreviousAcknowledgement(500, BindingStatus.SequenceNumberOutOfWindow));

        Assert.Contains(FromPrevious(501), effects);
        Assert.Equal([FromPrevious(502)], rig.Wake());
        Assert.Equal([FromHome(503)], rig.Wake());
    }

    [Fact]
    public void What_is_refused_there_is_asked_for_from_home()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(FromForeign);

        rig.Receive(PreviousAcknowledgement(2, BindingStatus.ReasonUnspecified));

        Assert.Equal([FromHome(3)], rig.Wake());
    }

    [Fact]
    public void Where_the_previous_host_does_not_send_it_goes_out_from_home_at_once_and_an_answer_from_there_still_counts()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(FromForeign);

        Assert.Equal([FromHome(3)], rig.Do(new MobileNodeInput.PreviousCareOfAddressLost()));
        Assert.Empty(rig.Do(new MobileNodeInput.PreviousCareOfAddressLost()));
        Assert.Equal(BindingChange.Deregistered, ChangeIn(rig.Receive(PreviousAcknowledgement(2))).Change);
    }

    [Fact]
    public void Only_who_de_registers_by_way_of_the_previous_host_cares_whether_it_is_lost()
    {
        var rig = new MobileNodeRig();
        Unmoved();
        rig.Register();
        Unmoved();
        rig.Do(new MobileNodeInput.Home());
        Unmoved();
        rig.Do(new MobileNodeInput.Passive());
        Unmoved();

        void Unmoved()
        {
            var before = rig.Observe();
            Assert.Empty(rig.Do(new MobileNodeInput.PreviousCareOfAddressLost()));
            Assert.Equal(before, rig.Observe());
        }
    }

    [Fact]
    public void Once_it_is_de_registered_the_previous_host_is_not_asked_again()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(FromForeign);
        rig.Receive(PreviousAcknowledgement(2));

        Assert.Contains(FromHome(3), rig.Do(new MobileNodeInput.Refresh()));
    }

    [Fact]
    public void Without_a_binding_to_end_the_previous_host_is_not_asked()
    {
        var rig = new MobileNodeRig();

        Assert.Empty(rig.Do(FromForeign));

        Assert.Contains(FromHome(1), rig.Do(new MobileNodeInput.Refresh()));
    }

    [Theory]
    [InlineData("::")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    [InlineData("2001:db8:1::10")] // The home address.
    public void A_previous_care_of_address_has_to_be_one(string address)
    {
        var rig = new MobileNodeRig();
        rig.Register();

        Assert.Throws<ArgumentException>(() => rig.Do(new MobileNodeInput.Home(Ipv6Address.Parse(address))));

        Assert.Equal(MobileNodePhase.Registered, rig.State.Phase);
    }

    [Theory]
    [InlineData(BindingStatus.Accepted)]
    [InlineData(BindingStatus.NotHomeAgentForThisMobileNode)] // What a home agent without a binding says.
    public void The_guest_is_announced_three_times_once_the_home_agent_has_let_go(BindingStatus status)
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var update = UpdateIn(rig.Do(new MobileNodeInput.Home()));

        var effects = rig.Receive(HomeAcknowledgement(update.Sequence, status));

        var change = ChangeIn(effects);
        Assert.Equal((BindingChange.Deregistered, status), (change.Change, change.Status));
        Assert.Equal([change, new MobileNodeEffect.AnnounceOnHomeLink()], effects.TakeLast(2));
        Assert.Equal(status.IsAccepted, effects.Contains(new MobileNodeEffect.UpdateAnswered(TimeSpan.Zero, true)));
        Assert.Equal(new(MobileNodePhase.AtHome, null, TimeSpan.Zero, 0, null), rig.State);
        Assert.Equal(TimeSpan.Zero, rig.Node.TakeSnapshot(rig.Now).BindingMayRemain);
        for (var i = 0; i < 2; i++)
        {
            var before = rig.Now;
            Assert.Equal([new MobileNodeEffect.AnnounceOnHomeLink()], rig.Wake());
            Assert.Equal(Seconds(1), rig.Now - before);
        }

        Assert.Null(rig.Node.NextWakeUp);
    }

    [Fact]
    public void A_guest_that_leaves_again_is_no_longer_announced()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Receive(HomeAcknowledgement(UpdateIn(rig.Do(new MobileNodeInput.Home())).Sequence));
        rig.GoAway();

        Assert.DoesNotContain(new MobileNodeEffect.AnnounceOnHomeLink(), rig.Wake());
    }

    [Fact]
    public void A_de_registration_is_repeated_until_no_binding_can_be_left()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var registered = rig.Now;
        rig.Pass(Seconds(500));
        rig.Do(new MobileNodeInput.Home());
        MobileNodeEffect.BindingChanged? last = null;
        while (rig.State.Phase == MobileNodePhase.Deregistering)
        {
            last = rig.Wake().OfType<MobileNodeEffect.BindingChanged>().LastOrDefault();
        }

        Assert.Equal(BindingChange.Expired, last?.Change);
        Assert.Equal(Seconds(600), rig.Now - registered);
    }

    [Fact]
    public void An_update_that_was_never_acknowledged_may_have_made_a_binding_and_is_taken_back()
    {
        var away = new MobileNodeRig();
        away.GoAway();
        var rig = new MobileNodeRig(away.Node.TakeSnapshot(away.Now));

        Assert.Equal(0, UpdateIn(rig.Do(new MobileNodeInput.Home())).Lifetime);
    }

    [Fact]
    public void A_binding_that_only_may_exist_is_over_when_its_time_is()
    {
        var rig = new MobileNodeRig(new(64, null, TimeSpan.Zero, Seconds(2)));
        rig.Do(new MobileNodeInput.Home());
        var home = rig.Now;
        rig.Wake();

        Assert.Equal(BindingChange.Expired, ChangeIn(rig.Wake()).Change);

        Assert.Equal(Seconds(2), rig.Now - home);
        Assert.Equal(new(64 + 64, null, TimeSpan.Zero, TimeSpan.Zero) { HomeAgent = HomeAgentAddress }, rig.Node.TakeSnapshot(rig.Now));
    }

    [Fact]
    public void A_refresh_at_home_de_registers_whatever_is_known()
    {
        var rig = new MobileNodeRig();
        rig.Do(new MobileNodeInput.Home());

        var update = UpdateIn(rig.Do(new MobileNodeInput.Refresh()));

        Assert.Equal(0, update.Lifetime);
        Assert.Equal(BindingChange.Deregistered, ChangeIn(rig.Receive(HomeAcknowledgement(update.Sequence))).Change);
    }

    [Fact]
    public void A_refused_de_registration_is_repeated()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var update = UpdateIn(rig.Do(new MobileNodeInput.Home()));

        Assert.Equal(
            BindingChange.Refused,
            ChangeIn(rig.Receive(HomeAcknowledgement(update.Sequence, BindingStatus.InsufficientResources))).Change);

        Assert.Equal(MobileNodePhase.Deregistering, rig.State.Phase);
        Assert.Equal(0, UpdateIn(rig.Wake()).Lifetime);
    }

    private static MobileNodeEffect.SendOnHomeLink FromHome(ushort sequence) =>
        new(new(HomeAddress, HomeAgentAddress, null, null, Deregistration(sequence, HomeAddress)));

    private static MobileNodeEffect.SendFromPreviousCareOfAddress FromPrevious(ushort sequence) =>
        new(new(CareOfAddress, HomeAgentAddress, HomeAddress, null, Deregistration(sequence, CareOfAddress)));

    private static BindingUpdate Deregistration(ushort sequence, Ipv6Address from) => new(
        sequence, BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration, 0, [new AlternateCareOfAddress(from)]);

    private static MobilityPacket PreviousAcknowledgement(ushort sequence, BindingStatus status = BindingStatus.Accepted) =>
        AwayAcknowledgement(sequence, status, 0);
}
