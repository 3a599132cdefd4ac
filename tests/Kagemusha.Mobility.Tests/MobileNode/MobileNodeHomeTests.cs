using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

public class MobileNodeHomeTests
{
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

        Assert.Equal(
            [
                new MobileNodeEffect.SendOnHomeLink(new(
                    HomeAddress,
                    HomeAgentAddress,
                    null,
                    null,
                    new BindingUpdate(
                        2,
                        BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration,
                        0,
                        [new AlternateCareOfAddress(HomeAddress)]))),
            ],
            rig.Do(new MobileNodeInput.Home()));

        Assert.Equal(MobileNodePhase.Deregistering, rig.State.Phase);
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
        Assert.Equal(new(64 + 64, null, TimeSpan.Zero, TimeSpan.Zero), rig.Node.TakeSnapshot(rig.Now));
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
}
