using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>What a home agent may say without having been asked: Binding Refresh Requests and revocations.</summary>
public class MobileNodeUnaskedTests
{
    private static readonly MobilityPacket RefreshRequest = FromHomeAgent(new BindingRefreshRequest([]));

    public static TheoryData<string, Func<MobilityPacket, MobilityPacket>> Strangers => new()
    {
        { "another source", packet => packet with { Source = Ipv6Address.Parse("2001:db8:1::2") } },
        { "another destination", packet => packet with { Destination = OtherCareOfAddress } },
        { "another home address", packet => packet with { Type2RoutingHeader = Ipv6Address.Parse("2001:db8:1::11") } },
        { "no home address", packet => packet with { Type2RoutingHeader = null } },
        { "from a mobile node", packet => packet with { HomeAddressOption = HomeAddress } },
    };

    [Fact]
    public void A_refresh_request_is_answered_with_an_update()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Pass(Seconds(10));

        Assert.Equal(2, UpdateIn(rig.Receive(RefreshRequest)).Sequence);
        Assert.Equal(rig.Now + Seconds(1), rig.Node.NextWakeUp);
    }

    [Fact]
    public void Many_refresh_requests_make_one_update_a_second()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var sentAt = rig.Now;
        for (var i = 0; i < 9; i++)
        {
            rig.Pass(Seconds(0.1));
            Assert.Empty(rig.Receive(RefreshRequest));
        }

        Assert.Equal(2, UpdateIn(rig.Wake()).Sequence);
        Assert.Equal(Seconds(1), rig.Now - sentAt);
        Assert.Empty(rig.Receive(RefreshRequest)); // One is outstanding.
    }

    [Theory]
    [MemberData(nameof(Strangers), DisableDiscoveryEnumeration = true)]
    public void What_is_not_from_the_home_agent_to_this_node_changes_nothing(string what, Func<MobilityPacket, MobilityPacket> change)
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Pass(Seconds(10));
        var before = rig.Observe();
        foreach (var packet in new[] { RefreshRequest, Revocation(RevocationTrigger.Administrative) })
        {
            Assert.Empty(rig.Receive(change(packet)));
            Assert.True(before == rig.Observe(), what);
        }
    }

    [Fact]
    public void Nothing_is_answered_for_a_guest_that_is_not_away()
    {
        foreach (var input in new MobileNodeInput[] { new MobileNodeInput.Passive(), new MobileNodeInput.Home() })
        {
            var rig = new MobileNodeRig();
            rig.Do(input);
            Assert.Empty(rig.Receive(RefreshRequest));
            Assert.Empty(rig.Receive(Revocation(RevocationTrigger.Administrative)));
        }
    }

    [Theory]
    [InlineData(RevocationTrigger.Unspecified, 32)]
    [InlineData(RevocationTrigger.Administrative, 32)]
    [InlineData(RevocationTrigger.UserInitiatedTermination, 32)]
    [InlineData(RevocationTrigger.AccessNetworkTermination, 32)]
    [InlineData(RevocationTrigger.PossiblyOutOfSync, 1)]
    [InlineData((RevocationTrigger)200, 32)]
    public void A_revocation_is_acknowledged_and_shown_and_the_binding_asked_for_again(RevocationTrigger trigger, double seconds)
    {
        var rig = new MobileNodeRig();
        rig.Register();

        var effects = rig.Receive(Revocation(trigger));

        Assert.Equal(RevocationStatus.Success, StatusIn(effects));
        var change = ChangeIn(effects);
        Assert.Equal((BindingChange.Refused, TimeSpan.Zero), (change.Change, change.Lifetime));
        Assert.StartsWith("the home agent has revoked the binding ", change.Explanation, StringComparison.Ordinal);
        Assert.Equal((MobileNodePhase.Registering, change.Explanation), (rig.State.Phase, rig.State.Problem));
        var revokedAt = rig.Now;
        var update = UpdateIn(rig.Wake());
        Assert.Equal(Seconds(seconds), rig.Now - revokedAt);
        rig.Receive(AwayAcknowledgement(update.Sequence));
        Assert.Equal((MobileNodePhase.Registered, null), (rig.State.Phase, rig.State.Problem));
    }

    [Fact]
    public void A_repeated_revocation_finds_no_binding_and_delays_nothing()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Receive(Revocation(RevocationTrigger.Administrative));
        rig.Pass(Seconds(3));
        var before = rig.Observe();

        var effects = rig.Receive(Revocation(RevocationTrigger.Administrative));

        Assert.Equal(RevocationStatus.BindingDoesNotExist, StatusIn(effects));
        Assert.Single(effects);
        Assert.Equal(before, rig.Observe());
    }

    [Theory]
    [InlineData(RevocationFlags.Proxy, RevocationStatus.ProxyNotSupported)]
    [InlineData(RevocationFlags.Global, RevocationStatus.GlobalRevocationNotAuthorized)]
    [InlineData(RevocationFlags.Ipv4HomeAddressOnly, RevocationStatus.Ipv4BindingDoesNotExist)]
    public void What_is_of_other_kinds_of_mobility_is_none_of_ours(RevocationFlags flags, RevocationStatus status)
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var before = rig.Observe();

        var effects = rig.Receive(Revocation(RevocationTrigger.Administrative, flags | (RevocationFlags)1));

        Assert.Equal(status, StatusIn(effects));
        var answer = Assert.IsType<MobilityPacket>(Assert.IsType<MobileNodeEffect.AnswerFromCareOfAddress>(Assert.Single(effects)).Packet);
        Assert.Equal(flags, Assert.IsType<BindingRevocationAcknowledgement>(answer.Message).Flags); // Reserved bits are zero.
        Assert.Equal(before, rig.Observe());
    }

    [Fact]
    public void At_home_a_revocation_ends_what_was_to_be_ended()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        rig.Do(new MobileNodeInput.Home());
        var revocation = Revocation(RevocationTrigger.Administrative) with { Destination = HomeAddress, Type2RoutingHeader = null };

        var effects = rig.Receive(revocation);

        Assert.Equal(Answer(RevocationStatus.Success), effects[0]);
        Assert.Equal(BindingChange.Deregistered, ChangeIn(effects).Change);
        Assert.Equal(new MobileNodeEffect.AnnounceOnHomeLink(), effects[^1]);
        Assert.Equal(MobileNodePhase.AtHome, rig.State.Phase);
        Assert.Equal([Answer(RevocationStatus.BindingDoesNotExist)], rig.Receive(revocation));
        Assert.Empty(rig.Receive(revocation with { Source = Ipv6Address.Parse("2001:db8:1::2") }));

        static MobileNodeEffect Answer(RevocationStatus status) => new MobileNodeEffect.AnswerOnHomeLink(
            new(HomeAddress, HomeAgentAddress, null, null, new BindingRevocationAcknowledgement(status, 77, RevocationFlags.None, [])));
    }

    [Fact]
    public void What_was_sent_before_the_revocation_does_not_bring_the_binding_back()
    {
        var rig = new MobileNodeRig();
        rig.Register();
        var update = UpdateIn(rig.Do(new MobileNodeInput.Refresh()));
        rig.Receive(Revocation(RevocationTrigger.Administrative));

        Assert.Empty(rig.Receive(AwayAcknowledgement(update.Sequence)));
        Assert.Equal(MobileNodePhase.Registering, rig.State.Phase);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_thousand_that_register_in_one_moment_do_not_refresh_in_one(int seed)
    {
        var random = new Random(seed);
        var seconds = Enumerable.Range(0, 1000).Select(_ =>
        {
            var rig = new MobileNodeRig(random: random.NextDouble());
            rig.Register();
            return (int)(rig.Node.NextWakeUp!.Value - rig.Now).TotalSeconds;
        });

        // Over a tenth of half the lifetime, 30 s: 33 a second on average.
        Assert.All(seconds.CountBy(second => second), each => Assert.InRange(each.Value, 1, 66));
    }

    private static MobilityPacket FromHomeAgent(MobilityMessage message) => new(HomeAgentAddress, CareOfAddress, null, HomeAddress, message);

    private static MobilityPacket Revocation(RevocationTrigger trigger, RevocationFlags flags = RevocationFlags.None) =>
        FromHomeAgent(new BindingRevocationIndication(trigger, 77, flags, []));

    private static RevocationStatus StatusIn(IEnumerable<MobileNodeEffect> effects)
    {
        var answer = Assert.IsType<MobilityPacket>(Assert.Single(effects.OfType<MobileNodeEffect.AnswerFromCareOfAddress>()).Packet);
        Assert.Equal((CareOfAddress, HomeAgentAddress, HomeAddress), (answer.Source, answer.Destination, answer.HomeAddressOption));
        var acknowledgement = Assert.IsType<BindingRevocationAcknowledgement>(answer.Message);
        Assert.Equal(77, acknowledgement.Sequence);
        return acknowledgement.Status;
    }
}
