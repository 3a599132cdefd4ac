using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>The sequence numbers and their reservation over restarts, moves and status 135.</summary>
public class MobileNodeSequenceTests
{
    [Fact]
    public void Numbers_are_reserved_in_blocks_of_64()
    {
        var rig = new MobileNodeRig();
        var reservations = new Dictionary<ushort, ushort>();
        var effects = rig.GoAway();
        for (var i = 0; i < 130; i++)
        {
            var number = UpdateIn(effects).Sequence;
            if (effects.OfType<MobileNodeEffect.SequenceReserved>().SingleOrDefault() is { } reserved)
            {
                Assert.Equal(reserved, effects[^2]);
                Assert.Equal(reserved.Through, rig.Node.TakeSnapshot(rig.Now).ReservedThrough);
                reservations.Add(number, reserved.Through);
            }

            rig.Pass(Seconds(1));
            effects = rig.Do(new MobileNodeInput.Refresh());
        }

        Assert.Equal(new() { [1] = 64, [65] = 128, [129] = 192 }, reservations);
    }

    [Fact]
    public void A_guest_that_is_expected_has_its_number_reserved_before_it_runs()
    {
        var rig = new MobileNodeRig(new(64, null, TimeSpan.Zero, TimeSpan.Zero));

        Assert.Equal([new MobileNodeEffect.SequenceReserved(128)], rig.Do(new MobileNodeInput.Expected()));
        Assert.Empty(rig.Do(new MobileNodeInput.Expected()));
        Assert.Equal(MobileNodePhase.Passive, rig.State.Phase);
        Assert.Null(rig.Node.NextWakeUp);

        var effects = rig.GoAway();
        Assert.Equal(65, UpdateIn(effects).Sequence);
        Assert.Empty(effects.OfType<MobileNodeEffect.SequenceReserved>());
    }

    [Fact]
    public void The_next_node_starts_behind_what_the_last_one_may_have_used()
    {
        var rig = new MobileNodeRig();
        rig.Register();

        var next = new MobileNodeRig(rig.Node.TakeSnapshot(rig.Now));

        Assert.Equal(65, UpdateIn(next.Do(new MobileNodeInput.Away(OtherCareOfAddress))).Sequence);
        Assert.Equal(128, next.Node.TakeSnapshot(next.Now).ReservedThrough);
    }

    [Fact]
    public void Numbers_wrap_around()
    {
        var rig = new MobileNodeRig(new(65534, null, TimeSpan.Zero, TimeSpan.Zero));

        var effects = rig.GoAway();

        Assert.Equal(new MobileNodeEffect.SequenceReserved(62), effects[0]);
        Assert.Equal(65535, UpdateIn(effects).Sequence);
        Assert.Equal(0, UpdateIn(rig.Wake()).Sequence);
    }

    [Fact]
    public void A_snapshot_carries_remaining_lifetimes()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Pass(Seconds(100));

        Assert.Equal(new(64, CareOfAddress, Seconds(500), Seconds(500)) { HomeAgent = HomeAgentAddress }, rig.Node.TakeSnapshot(rig.Now));
    }

    [Fact]
    public void A_snapshot_reckons_with_updates_that_are_not_answered_yet()
    {
        var rig = new MobileNodeRig();
        var first = UpdateIn(rig.GoAway());
        rig.Wake();

        rig.Receive(AwayAcknowledgement(first.Sequence, lifetime: 10));

        Assert.Equal(new(64, CareOfAddress, Seconds(38.5), Seconds(600)) { HomeAgent = HomeAgentAddress }, rig.Node.TakeSnapshot(rig.Now));
    }

    [Fact]
    public void A_node_restarted_under_the_same_care_of_address_is_registered_and_refreshes_at_once()
    {
        var rig = new MobileNodeRig(new(64, CareOfAddress, Seconds(500), Seconds(500)));

        var update = UpdateIn(rig.GoAway());

        Assert.Equal(new(MobileNodePhase.Registered, CareOfAddress, Seconds(500), 1, null), rig.State);
        Assert.Equal(BindingChange.Refreshed, ChangeIn(rig.Receive(AwayAcknowledgement(update.Sequence))).Change);
    }

    [Theory]
    [InlineData(1, 2)] // Another node has used the very number.
    [InlineData(40, 41)]
    [InlineData(500, 501)]
    [InlineData(32769, 32770)] // The farthest that a home agent takes for greater.
    public void Status_135_resumes_at_once_behind_the_number_given(int accepted, int resumed)
    {
        var rig = new MobileNodeRig();
        rig.GoAway();

        var effects = rig.Receive(AwayAcknowledgement((ushort)accepted, BindingStatus.SequenceNumberOutOfWindow));

        Assert.Equal(resumed, UpdateIn(effects).Sequence);
        Assert.Equal(BindingStatus.SequenceNumberOutOfWindow, ChangeIn(effects).Status);
        Assert.Equal(accepted >= 64, effects.OfType<MobileNodeEffect.SequenceReserved>().Any());
        Assert.InRange((ushort)(rig.Node.TakeSnapshot(rig.Now).ReservedThrough - resumed), 0, 63);
    }

    [Fact]
    public void Status_135_about_an_update_that_a_greater_number_has_overtaken_changes_nothing()
    {
        var rig = new MobileNodeRig();
        rig.GoAway();
        rig.Receive(AwayAcknowledgement(500, BindingStatus.SequenceNumberOutOfWindow));
        var before = rig.Observe();

        Assert.Empty(rig.Receive(AwayAcknowledgement(500, BindingStatus.SequenceNumberOutOfWindow)));
        Assert.Empty(rig.Receive(AwayAcknowledgement(499, BindingStatus.SequenceNumberOutOfWindow)));
        Assert.Empty(rig.Receive(AwayAcknowledgement(33268, BindingStatus.SequenceNumberOutOfWindow) with { Source = CareOfAddress }));

        Assert.Equal(before, rig.Observe());
    }

    [Fact]
    public void A_home_agent_that_never_agrees_is_not_asked_faster_than_the_back_off()
    {
        var rig = new MobileNodeRig();
        var last = UpdateIn(rig.GoAway()).Sequence;
        last = UpdateIn(rig.Receive(AwayAcknowledgement((ushort)(last + 9), BindingStatus.SequenceNumberOutOfWindow))).Sequence;
        foreach (var seconds in new[] { 3, 6, 12, 24, 32, 32 })
        {
            var asked = rig.Now;
            Assert.Empty(UpdatesIn(rig.Receive(AwayAcknowledgement((ushort)(last + 9), BindingStatus.SequenceNumberOutOfWindow))));
            var update = UpdateIn(rig.Wake());

            Assert.Equal(Seconds(seconds), rig.Now - asked);
            Assert.Equal(last + 10, update.Sequence);
            last = update.Sequence;
        }
    }

    [Fact]
    public void What_status_135_said_goes_into_the_snapshot_before_anything_is_sent()
    {
        var rig = new MobileNodeRig();
        var last = UpdateIn(rig.GoAway()).Sequence;
        rig.Receive(AwayAcknowledgement((ushort)(last + 100), BindingStatus.SequenceNumberOutOfWindow));
        rig.Receive(AwayAcknowledgement(5000, BindingStatus.SequenceNumberOutOfWindow));

        var next = new MobileNodeRig(rig.Node.TakeSnapshot(rig.Now));

        Assert.Equal(5001, UpdateIn(next.GoAway()).Sequence);
    }
}
