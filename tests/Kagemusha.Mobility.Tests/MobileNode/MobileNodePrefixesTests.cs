using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>Mobile prefix discovery (RFC 6275, sections 11.4.2 and 11.4.3), and lifetimes within those of the addresses (section 11.7.1).</summary>
public class MobileNodePrefixesTests
{
    private const ushort Identifier = 0x8000; // Of a random number of a half.

    private static readonly PrefixInformation Prefix = new(
        64, PrefixFlags.OnLink | PrefixFlags.Autonomous, 86400, 14400, Ipv6Address.Parse("2001:db8:1::"));

    private static readonly MobilityIcmpPacket Advertisement = new(
        HomeAgentAddress, CareOfAddress, null, HomeAddress, new MobilePrefixAdvertisement(Identifier, MobilePrefixFlags.Other, [Prefix]));

    private static MobilityIcmpPacket Advertise(uint validLifetime, ushort identifier = Identifier) =>
        Advertisement with { Message = new MobilePrefixAdvertisement(identifier, MobilePrefixFlags.None, [Prefix with { ValidLifetime = validLifetime }]) };

    [Fact]
    public void Status_1_has_the_prefixes_solicited_from_the_care_of_address_in_the_home_address_s_name()
    {
        var (_, effects) = Status1();
        Assert.Equal(
            new(CareOfAddress, HomeAgentAddress, HomeAddress, null, new MobilePrefixSolicitation(Identifier)), SolicitationIn(effects));
    }

    [Fact]
    public void A_solicitation_is_repeated_with_a_wait_that_doubles_up_to_ten_minutes()
    {
        var (rig, _) = Status1(Configuration with { Lifetime = TimeSpan.FromHours(48) }, ushort.MaxValue);
        var began = rig.Now;
        var times = new List<double>();
        while (times.Count < 10)
        {
            times.AddRange(rig.Wake().OfType<MobileNodeEffect.SolicitPrefixes>().Select(_ => (rig.Now - began).TotalSeconds));
        }

        Assert.Equal([3, 9, 21, 45, 93, 189, 381, 765, 1365, 1965], times);
    }

    [Fact]
    public void An_answer_is_told_once_and_ends_it()
    {
        var (rig, _) = Status1();

        Assert.Equal([new MobileNodeEffect.PrefixesAdvertised([Prefix], MobilePrefixFlags.Other)], Receive(rig, Advertisement));

        Assert.Null(rig.State.Problem);
        Assert.Equal(Seconds(86400), rig.Node.TakeSnapshot(rig.Now).HomeAddressRemaining);
        Assert.Empty(Receive(rig, Advertisement)); // The same again is one that nobody has asked for, and it is not yet time to ask.
    }

    // RFC 6275, section 6.8.
    [Fact]
    public void Options_that_are_not_known_are_ignored()
    {
        var (rig, _) = Status1();
        var options = new MobilePrefixAdvertisement(
            Identifier, MobilePrefixFlags.Other, [new UnknownNeighbourDiscoveryOption(253, [.. new byte[6]]), Prefix, new UnknownNeighbourDiscoveryOption(254, [.. new byte[14]])]);

        Assert.Equal([new MobileNodeEffect.PrefixesAdvertised([Prefix], MobilePrefixFlags.Other)], Receive(rig, Advertisement with { Message = options }));
    }

    public static TheoryData<string, Func<MobilityIcmpPacket, MobilityIcmpPacket>> Strangers => new()
    {
        { "another source", packet => packet with { Source = Ipv6Address.Parse("2001:db8:1::2") } },
        { "another destination", packet => packet with { Destination = OtherCareOfAddress } },
        { "no type 2 routing header", packet => packet with { Type2RoutingHeader = null } },
        { "another home address", packet => packet with { Type2RoutingHeader = Ipv6Address.Parse("2001:db8:1::11") } },
        { "from a mobile node", packet => packet with { HomeAddressOption = HomeAddress } },
        { "a solicitation", packet => packet with { Message = new MobilePrefixSolicitation(Identifier) } },
        { "another identifier", packet => packet with { Message = new MobilePrefixAdvertisement(7, 0, [Prefix]) } },
    };

    [Theory]
    [MemberData(nameof(Strangers), DisableDiscoveryEnumeration = true)]
    public void What_is_not_the_home_agent_s_answer_changes_nothing(string what, Func<MobilityIcmpPacket, MobilityIcmpPacket> change)
    {
        var (rig, _) = Status1();
        var before = rig.Observe();

        Assert.Empty(Receive(rig, change(Advertisement)));

        Assert.True(before == rig.Observe(), what);
        Assert.Single(Receive(rig, Advertisement));
    }

    [Fact]
    public void One_that_nobody_has_asked_for_is_asked_for_and_not_more_often_than_each_three_seconds()
    {
        var rig = new MobileNodeRig(random: 0.5);
        rig.Register();
        for (var i = 0; i < 3; i++)
        {
            var asked = rig.Now;
            Assert.Single(Receive(rig, Advertise(86400, identifier: 7)).OfType<MobileNodeEffect.SolicitPrefixes>());
            Assert.Single(Receive(rig, Advertisement).OfType<MobileNodeEffect.PrefixesAdvertised>());
            Assert.Empty(Receive(rig, Advertise(86400, identifier: 7)));
            SolicitationIn(rig.Wake());
            Assert.Equal(Seconds(3), rig.Now - asked);
            Receive(rig, Advertisement);
            rig.Pass(Seconds(3));
        }
    }

    [Fact]
    public void Without_a_binding_here_nothing_is_believed_and_nothing_solicited()
    {
        var (rig, _) = Status1();
        rig.Do(new MobileNodeInput.Away(OtherCareOfAddress));
        Assert.Empty(Receive(rig, Advertisement));
        Assert.Empty(Receive(rig, Advertisement with { Destination = OtherCareOfAddress }));

        var home = new MobileNodeRig(random: 0.5);
        home.Register();
        home.Do(new MobileNodeInput.Home());
        Assert.Empty(Receive(home, Advertisement));

        Assert.Empty(Receive(new MobileNodeRig(), Advertisement));
    }

    [Fact]
    public void Bindings_end_with_the_home_address()
    {
        var (rig, _) = Status1();

        var update = UpdateIn([.. Receive(rig, Advertise(101)), .. rig.Wake()]);

        Assert.Equal(25, update.Lifetime);
        rig.Receive(AwayAcknowledgement(update.Sequence));
        Assert.Equal(Seconds(100), rig.State.Remaining);
    }

    [Fact]
    public void Before_the_home_address_becomes_invalid_the_prefixes_are_solicited()
    {
        var (rig, _) = Status1(Configuration with { Lifetime = Seconds(600) });
        var told = rig.Now;
        Receive(rig, Advertise(1000));
        IReadOnlyList<MobileNodeEffect> effects = [];
        while (!effects.OfType<MobileNodeEffect.SolicitPrefixes>().Any())
        {
            effects = rig.Wake();
            foreach (var update in UpdatesIn(effects).ToList())
            {
                rig.Receive(AwayAcknowledgement(update.Sequence, lifetime: update.Lifetime));
            }
        }

        Assert.Equal(Seconds(500), rig.Now - told); // Half of what was left: later than when bindings would have become shorter.
    }

    [Theory]
    [InlineData(0u, 1)]
    [InlineData(3u, 1)]
    [InlineData(8u, 2)]
    [InlineData(600u, 150)]
    [InlineData(uint.MaxValue, 150)]
    public void A_lifetime_is_in_whole_units_within_the_home_address_s_and_never_ends_the_binding(uint valid, ushort lifetime)
    {
        var (rig, _) = Status1();
        Receive(rig, Advertise(valid));
        rig.Do(new MobileNodeInput.Refresh());

        Assert.Equal(lifetime, UpdateIn(rig.Do(new MobileNodeInput.Away(OtherCareOfAddress))).Lifetime);
    }

    [Theory]
    [InlineData(null, 150)]
    [InlineData(60.0, 15)]
    [InlineData(1e6, 150)]
    public void A_lifetime_is_within_the_care_of_address_s(double? valid, ushort lifetime) => Assert.Equal(
        lifetime,
        UpdateIn(new MobileNodeRig().Do(new MobileNodeInput.Away(CareOfAddress, valid is { } seconds ? Seconds(seconds) : null))).Lifetime);

    [Fact]
    public void What_remains_of_the_home_address_moves_on_with_the_guest()
    {
        var (rig, _) = Status1();
        Receive(rig, Advertise(100));

        var next = new MobileNodeRig(rig.Node.TakeSnapshot(rig.Now));

        Assert.Equal(25, UpdateIn(next.GoAway()).Lifetime);
    }

    [Fact]
    public void A_prefix_with_none_of_the_guest_s_is_told_and_shortens_nothing()
    {
        var (rig, _) = Status1();
        var other = Prefix with { Prefix = Ipv6Address.Parse("2001:db8:2::"), ValidLifetime = 8 };

        var effects = Receive(rig, Advertisement with { Message = new MobilePrefixAdvertisement(Identifier, 0, [other]) });

        Assert.Equal([new MobileNodeEffect.PrefixesAdvertised([other], MobilePrefixFlags.None)], effects);
        Assert.Null(rig.Node.TakeSnapshot(rig.Now).HomeAddressRemaining);
    }

    [Fact]
    public void A_home_agent_that_refuses_a_solicitation_s_home_address_is_told_of_it_again()
    {
        var (rig, _) = Status1();
        rig.Pass(Seconds(2));
        var error = new MobilityPacket(HomeAgentAddress, CareOfAddress, null, null, new BindingError(BindingErrorStatus.UnknownBinding, HomeAddress, []));
        foreach (var stranger in new[]
        {
            error with { Source = OtherCareOfAddress },
            error with { Destination = OtherCareOfAddress },
            error with { HomeAddressOption = HomeAddress },
            error with { Message = new BindingError(BindingErrorStatus.UnknownBinding, OtherCareOfAddress, []) },
        })
        {
            Assert.Empty(rig.Receive(stranger));
        }

        Assert.Equal(2, UpdateIn(rig.Receive(error)).Sequence);

        var answered = new MobileNodeRig(random: 0.5);
        answered.Register();
        answered.Pass(Seconds(2));
        Assert.Empty(answered.Receive(error)); // Nothing was sent that it could be about.
    }

    /// <summary>A node whose first registration was answered with status 1.</summary>
    private static (MobileNodeRig Rig, IReadOnlyList<MobileNodeEffect> Effects) Status1(MobileNodeConfiguration? configuration = null, ushort lifetime = 150)
    {
        var rig = new MobileNodeRig(configuration: configuration, random: 0.5);
        var update = UpdateIn(rig.GoAway());
        return (rig, rig.Receive(AwayAcknowledgement(update.Sequence, BindingStatus.AcceptedPrefixDiscoveryNecessary, lifetime)));
    }

    private static IReadOnlyList<MobileNodeEffect> Receive(MobileNodeRig rig, MobilityIcmpPacket packet) =>
        rig.Do(new MobileNodeInput.PrefixesReceived(packet));

    private static MobilityIcmpPacket SolicitationIn(IEnumerable<MobileNodeEffect> effects) =>
        Assert.Single(effects.OfType<MobileNodeEffect.SolicitPrefixes>()).Packet;
}
