using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>What stands in an update besides addresses and numbers, and how often one is sent.</summary>
public class MobileNodeUpdateTests
{
    private const BindingUpdateFlags NetworkMobility = (BindingUpdateFlags)0x0400; // RFC 3963, section 4.1.1.

    [Theory]
    [InlineData("fe80::10", true)]
    [InlineData("fe80::5054:ff:fe00:10", false)]
    [InlineData(null, false)]
    public void L_says_that_the_link_local_address_has_the_home_address_s_interface_identifier(string? linkLocal, bool isSet)
    {
        var rig = new MobileNodeRig(configuration: Configuration with { LinkLocalAddress = linkLocal is null ? null : Ipv6Address.Parse(linkLocal) });
        var update = UpdateIn(rig.GoAway());
        Assert.Equal(isSet, update.Flags.HasFlag(BindingUpdateFlags.LinkLocalAddressCompatibility));
        rig.Receive(AwayAcknowledgement(update.Sequence));
        Assert.Equal(update.Flags, UpdateIn(rig.Wake()).Flags); // The same in each (RFC 6275, section 11.7.1).
        Assert.Equal(update.Flags, UpdateIn(rig.Do(new MobileNodeInput.Home())).Flags);
    }

    [Fact]
    public void A_and_H_are_set_and_neither_K_without_IPsec_nor_R()
    {
        var flags = UpdateIn(new MobileNodeRig().GoAway()).Flags;
        Assert.Equal(BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration, flags);
        Assert.False(flags.HasFlag(NetworkMobility));
    }

    [Theory]
    [InlineData(BindingAcknowledgementFlags.KeyManagementMobilityCapability)]
    [InlineData((BindingAcknowledgementFlags)0x40)] // R of RFC 3963.
    public void No_flag_of_an_answer_changes_anything(BindingAcknowledgementFlags flags)
    {
        var rig = new MobileNodeRig();
        var answer = AwayAcknowledgement(UpdateIn(rig.GoAway()).Sequence);
        var change = ChangeIn(rig.Receive(answer with { Message = (BindingAcknowledgement)answer.Message with { Flags = flags } }));
        Assert.Equal((BindingChange.Registered, null), (change.Change, rig.State.Problem));
    }

    [Fact]
    public void There_are_no_more_than_three_updates_in_a_second_whatever_is_asked_for()
    {
        var rig = new MobileNodeRig();
        var sent = new List<TimeSpan>();
        for (var i = 0; i < 100; i++)
        {
            MobileNodeInput input = (i % 3) switch
            {
                0 => new MobileNodeInput.Away(CareOfAddress),
                1 => new MobileNodeInput.Away(OtherCareOfAddress),
                _ => new MobileNodeInput.Refresh(),
            };
            sent.AddRange(UpdatesIn(rig.Do(input)).Select(_ => rig.Now));
            rig.Pass(Seconds(0.05));
        }

        Assert.All(sent, at => Assert.InRange(sent.Count(other => other > at - Seconds(1) && other <= at), 1, 3));
        Assert.InRange(sent.Count, 12, 15); // And none is kept back that may go.
    }

    [Fact]
    public void What_was_kept_back_is_sent_as_soon_as_it_may_be()
    {
        var rig = new MobileNodeRig();
        var began = rig.Now;
        rig.GoAway();
        rig.Do(new MobileNodeInput.Refresh());
        rig.Do(new MobileNodeInput.Refresh());
        rig.Pass(Seconds(0.3));
        Assert.Empty(UpdatesIn(rig.Do(new MobileNodeInput.Away(OtherCareOfAddress))));

        UpdateIn(rig.Wake());

        Assert.Equal(Seconds(1), rig.Now - began);
    }
}
