using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

public class MobileNodeTests
{
    [Fact]
    public void A_new_node_is_passive_and_wants_nothing()
    {
        var rig = new MobileNodeRig();

        Assert.Equal(new(MobileNodePhase.Passive, null, TimeSpan.Zero, 0, null), rig.State);
        Assert.Null(rig.Node.NextWakeUp);
        Assert.Empty(rig.Do(new MobileNodeInput.WakeUp()));
        Assert.Empty(rig.Do(new MobileNodeInput.Refresh()));
    }

    [Fact]
    public void Going_away_reserves_numbers_and_sends_a_home_registration()
    {
        var effects = new MobileNodeRig().GoAway();

        Assert.Equal(
            [
                new MobileNodeEffect.SequenceReserved(64),
                new MobileNodeEffect.SendFromCareOfAddress(new(
                    CareOfAddress,
                    HomeAgentAddress,
                    HomeAddress,
                    null,
                    new BindingUpdate(
                        1,
                        BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration,
                        150,
                        [new AlternateCareOfAddress(CareOfAddress)]))),
            ],
            effects);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 1)]
    [InlineData(5, 2)]
    [InlineData(600, 150)]
    [InlineData(262140, 65535)]
    public void The_lifetime_is_asked_for_in_units_of_four_seconds(int seconds, int units)
    {
        var rig = new MobileNodeRig(configuration: Configuration with { Lifetime = Seconds(seconds) });

        Assert.Equal(units, UpdateIn(rig.GoAway()).Lifetime);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(262141)]
    public void A_lifetime_that_no_update_can_carry_is_refused(int seconds) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MobileNodeRig(configuration: Configuration with { Lifetime = Seconds(seconds) }));

    [Theory]
    [InlineData("2001:db8:1::10")] // The home address.
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    [InlineData("::")]
    public void A_care_of_address_that_can_be_none_is_refused_and_changes_nothing(string address)
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var before = rig.Observe();

        Assert.Throws<ArgumentException>(() => rig.Do(new MobileNodeInput.Away(Ipv6Address.Parse(address))));

        Assert.Equal(before, rig.Observe());
    }

    [Fact]
    public void The_first_registration_backs_off_from_its_own_timeout_to_32_s_and_goes_on()
    {
        var rig = new MobileNodeRig();
        rig.GoAway();

        Assert.Equal([1.5, 3, 6, 12, 24, 32, 32, 32], WaitsUntilUpdates(rig, 8));
    }

    [Fact]
    public void A_refresh_backs_off_from_one_second()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Wake();

        Assert.Equal([1, 2, 4, 8, 16, 32, 32, 32], WaitsUntilUpdates(rig, 8));
    }

    [Fact]
    public void A_move_from_one_foreign_link_to_another_backs_off_from_one_second()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(new MobileNodeInput.Away(OtherCareOfAddress));

        Assert.Equal([1, 2, 4], WaitsUntilUpdates(rig, 3));
    }

    [Fact]
    public void Silence_is_reported_once()
    {
        var rig = new MobileNodeRig();
        rig.GoAway();

        Assert.Empty(rig.Wake().Concat(rig.Wake()).OfType<MobileNodeEffect.BindingChanged>());
        Assert.Equal(BindingChange.Unanswered, ChangeIn(rig.Wake()).Change);
        Assert.Empty(rig.Wake().Concat(rig.Wake()).OfType<MobileNodeEffect.BindingChanged>());
        Assert.Equal(6, rig.State.Unanswered);
        Assert.Contains("does not answer", rig.State.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_lifetime_counts_from_the_update_and_is_at_most_what_was_asked_for()
    {
        foreach (var (granted, seconds) in new[] { (150, 600), (100, 400), (65535, 600) })
        {
            var rig = new MobileNodeRig();
            var update = UpdateIn(rig.GoAway());
            rig.Pass(Seconds(1.1));

            var change = ChangeIn(rig.Receive(AwayAcknowledgement(update.Sequence, lifetime: (ushort)granted)));

            Assert.Equal((BindingChange.Registered, BindingStatus.Accepted), (change.Change, change.Status));
            Assert.Equal(Seconds(seconds - 1.1), change.Lifetime);
            Assert.Equal(new(MobileNodePhase.Registered, CareOfAddress, change.Lifetime, 0, null), rig.State);
        }
    }

    [Fact]
    public void An_acknowledgement_of_the_first_of_several_updates_counts_from_that_one()
    {
        var rig = new MobileNodeRig();
        var first = UpdateIn(rig.GoAway());
        UpdateIn(rig.Wake());
        UpdateIn(rig.Wake());

        var change = ChangeIn(rig.Receive(AwayAcknowledgement(first.Sequence)));

        Assert.Equal(Seconds(600 - 4.5), change.Lifetime);
    }

    [Fact]
    public void An_acknowledgement_of_a_later_update_still_counts_but_not_of_an_earlier_one()
    {
        var rig = new MobileNodeRig();
        var first = UpdateIn(rig.GoAway());
        var second = UpdateIn(rig.Wake());
        var third = UpdateIn(rig.Wake());
        rig.Receive(AwayAcknowledgement(second.Sequence));
        var before = rig.Observe();

        Assert.Empty(rig.Receive(AwayAcknowledgement(first.Sequence)));
        Assert.Empty(rig.Receive(AwayAcknowledgement(second.Sequence)));
        Assert.Equal(before, rig.Observe());
        Assert.Equal(BindingChange.Refreshed, ChangeIn(rig.Receive(AwayAcknowledgement(third.Sequence))).Change);
        Assert.Equal(Seconds(600), rig.State.Remaining);
    }

    [Theory]
    [InlineData(0, 300)]
    [InlineData(0.999, 270.03)]
    public void The_refresh_comes_half_way_or_up_to_a_tenth_earlier(double random, double seconds)
    {
        var rig = new MobileNodeRig(random: random);
        rig.Register();
        var registered = rig.Now;

        var refresh = UpdateIn(rig.Wake());

        Assert.Equal(seconds, (rig.Now - registered).TotalSeconds, 6);
        Assert.Equal(BindingChange.Refreshed, ChangeIn(rig.Receive(AwayAcknowledgement(refresh.Sequence))).Change);
    }

    [Theory]
    [InlineData(10, 40)]
    [InlineData(149, 596)]
    [InlineData(150, 300)] // Not before the lifetime: no advice.
    [InlineData(0, 300)]
    public void The_home_agents_advice_when_to_refresh_is_followed(int interval, double seconds)
    {
        var rig = new MobileNodeRig();
        var update = UpdateIn(rig.GoAway());
        rig.Receive(AwayAcknowledgement(update.Sequence, options: new BindingRefreshAdvice((ushort)interval)));

        Assert.Equal(rig.Now + Seconds(seconds), rig.Node.NextWakeUp);
    }

    [Fact]
    public void A_binding_that_nobody_refreshes_expires_once_and_updates_go_on()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var registered = rig.Now;
        MobileNodeEffect.BindingChanged? expired = null;
        while (expired is null)
        {
            expired = rig.Wake().OfType<MobileNodeEffect.BindingChanged>().SingleOrDefault(change => change.Change == BindingChange.Expired);
        }

        Assert.Equal(Seconds(600), rig.Now - registered);
        Assert.Equal(CareOfAddress, expired.CareOfAddress);
        Assert.Equal((MobileNodePhase.Registering, TimeSpan.Zero), (rig.State.Phase, rig.State.Remaining));
        var update = UpdateIn(rig.Wake());
        Assert.Equal(BindingChange.Registered, ChangeIn(rig.Receive(AwayAcknowledgement(update.Sequence))).Change);
    }

    [Fact]
    public void Another_care_of_address_is_registered_at_once_and_answers_to_the_old_one_do_not_count()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var refresh = UpdateIn(rig.Wake());

        var update = UpdateIn(rig.Do(new MobileNodeInput.Away(OtherCareOfAddress)));

        Assert.Equal([new AlternateCareOfAddress(OtherCareOfAddress)], update.Options);
        Assert.Equal((MobileNodePhase.Registering, null), (rig.State.Phase, rig.State.CareOfAddress));
        Assert.Empty(rig.Receive(AwayAcknowledgement(refresh.Sequence)));
        var change = ChangeIn(rig.Receive(AwayAcknowledgement(update.Sequence) with { Destination = OtherCareOfAddress }));
        Assert.Equal((BindingChange.Registered, OtherCareOfAddress), (change.Change, change.CareOfAddress));
    }

    // The home agent may have it at the other one by then.
    [Fact]
    public void Back_at_a_care_of_address_it_is_not_taken_for_registered_there_before_an_answer()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(new MobileNodeInput.Away(OtherCareOfAddress));

        var update = UpdateIn(rig.GoAway());

        Assert.Equal((MobileNodePhase.Registering, null), (rig.State.Phase, rig.State.CareOfAddress));
        var next = new MobileNodeRig(rig.Node.TakeSnapshot(rig.Now));
        next.GoAway();
        Assert.Equal((MobileNodePhase.Registering, Seconds(600)), (next.State.Phase, next.State.Remaining));
        rig.Receive(AwayAcknowledgement(update.Sequence));
        Assert.Equal((MobileNodePhase.Registered, CareOfAddress), (rig.State.Phase, rig.State.CareOfAddress));
    }

    [Fact]
    public void The_same_care_of_address_again_changes_nothing()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var before = rig.Observe();

        Assert.Empty(rig.GoAway());
        Assert.Equal(before, rig.Observe());
    }

    [Fact]
    public void A_refresh_that_is_asked_for_goes_out_at_once()
    {
        var rig = new MobileNodeRig();
        rig.Register();

        var update = UpdateIn(rig.Do(new MobileNodeInput.Refresh()));

        Assert.Equal(MobileNodePhase.Registered, rig.State.Phase);
        Assert.Equal(BindingChange.Refreshed, ChangeIn(rig.Receive(AwayAcknowledgement(update.Sequence))).Change);
    }

    [Fact]
    public void A_passive_node_sends_nothing_and_hears_nothing()
    {
        var rig = new MobileNodeRig();
        var update = UpdateIn(rig.GoAway());

        Assert.Empty(rig.Do(new MobileNodeInput.Passive()));

        Assert.Null(rig.Node.NextWakeUp);
        Assert.Empty(rig.Receive(AwayAcknowledgement(update.Sequence)));
        Assert.Equal(MobileNodePhase.Passive, rig.State.Phase);
    }

    private static List<double> WaitsUntilUpdates(MobileNodeRig rig, int count)
    {
        var waits = new List<double>();
        for (var i = 0; i < count; i++)
        {
            var before = rig.Now;
            UpdateIn(rig.Wake());
            waits.Add((rig.Now - before).TotalSeconds);
        }

        return waits;
    }
}
