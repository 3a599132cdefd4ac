using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.LearnerRig;

namespace Kagemusha.Mobility.Tests;

public class HomeAddressLearnerTests
{
    private static readonly Ipv6Address Second = Ipv6Address.Parse("2001:db8:1::22");

    /// <summary>What comes from the guest, and which addresses it tells of.</summary>
    public static TheoryData<string, NeighbourDiscoveryPacket, LinkLayerAddress, Ipv6Address[]> Messages => new()
    {
        { "a solicitation from it", SolicitationFrom(Used), Mac, [Used] },
        { "a solicitation from an address of the other prefix", SolicitationFrom(Other), Mac, [Other] },
        { "a router solicitation from it", new(Used, Ipv6Address.AllRouters, new RouterSolicitation([])), Mac, [Used] },
        { "an advertisement of it", Advertisement(Used, Mac), Mac, [Used] },
        { "an advertisement of it, from another", Advertisement(Used, Mac, source: Second), Mac, [Used, Second] },
        { "an advertisement of it, from the link-local address", Advertisement(Used, Mac, source: LinkLocal), Mac, [Used] },
        { "an advertisement without a link-layer address", Advertisement(Used, null), Mac, [Used] },
        { "duplicate address detection", Detection(Used), Mac, [Used] },
        { "an advertisement of another node's, as a proxy", Advertisement(Used, NeighbourMac, source: LinkLocal), Mac, [] },
        { "a frame of another node's", SolicitationFrom(Used), NeighbourMac, [] },
        { "the router's frame", Advertisement(Used, RouterMac), RouterMac, [] },
        { "a solicitation from the link-local address", SolicitationFrom(LinkLocal), Mac, [] },
        { "a solicitation from a foreign prefix", SolicitationFrom(Ipv6Address.Parse("2001:db8:3::11")), Mac, [] },
        { "detection of a foreign address", Detection(Ipv6Address.Parse("2001:db8:3::11")), Mac, [] },
        { "detection of the link-local address", Detection(LinkLocal), Mac, [] },
        { "the router's address", SolicitationFrom(RouterGlobal), Mac, [] },
        { "an advertisement of the router's address", Advertisement(RouterGlobal, Mac, source: LinkLocal), Mac, [] },
        { "the routers' anycast address", SolicitationFrom(Prefixes[1].Address), Mac, [] },
        { "an address that was given", SolicitationFrom(Given), Mac, [] },
    };

    [Theory]
    [MemberData(nameof(Messages), DisableDiscoveryEnumeration = true)]
    public void Away_an_address_is_learnt_at_once(string what, NeighbourDiscoveryPacket packet, LinkLayerAddress source, Ipv6Address[] learnt)
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: false), [], TimeSpan.Zero);

        var effects = learner.Handle(TimeSpan.Zero, new HomeAddressInput.FromGuest(packet, source));

        Assert.True(learnt.SequenceEqual(effects.Learnt()), what);
        Assert.Equal(learnt.Length, effects.Count);
        Assert.Empty(learner.Handle(TimeSpan.Zero, new HomeAddressInput.FromGuest(packet, source)));
    }

    [Theory]
    [MemberData(nameof(Messages), DisableDiscoveryEnumeration = true)]
    public void At_home_it_is_learnt_when_nobody_has_contradicted(string what, NeighbourDiscoveryPacket packet, LinkLayerAddress source, Ipv6Address[] learnt)
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: true), [], TimeSpan.Zero);

        var effects = learner.Handle(TimeSpan.Zero, new HomeAddressInput.FromGuest(packet, source));

        // The guest's own detection asks already.
        var asked = packet.Source.IsUnspecified ? [] : learnt;
        Assert.True(
            asked.Select(address => new NeighbourDiscoveryFrame(LinkLayerAddress.ForMulticast(address.SolicitedNode), Mac, Detection(address)))
                .SequenceEqual(effects.OfType<HomeAddressEffect.SendToHomeLink>().Select(effect => effect.Frame)), what);
        Assert.Equal(asked.Length, effects.Count);
        Assert.Equal(learnt.Length > 0 ? HomeAddressLearner.DoubtTime : null, learner.NextWakeUp);
        Assert.Empty(learner.Handle(HomeAddressLearner.DoubtTime - TimeSpan.FromTicks(1), WakeUp));
        Assert.Equal(learnt, learner.Handle(HomeAddressLearner.DoubtTime, WakeUp).Learnt());
        Assert.False(learner.IsInDoubt);
    }

    /// <summary>What goes from the home link to the guest while its address is in doubt.</summary>
    public static TheoryData<string, NeighbourDiscoveryPacket, LinkLayerAddress, bool> Neighbours => new()
    {
        { "who has it", Advertisement(Used, NeighbourMac) with { Destination = Ipv6Address.AllNodes }, NeighbourMac, true },
        { "the home agent, which defends it", Advertisement(Used, RouterMac, source: RouterGlobal), RouterMac, true },
        { "who wants it too", Detection(Used), NeighbourMac, true },
        { "the guest's own, by way of a loop", Detection(Used), Mac, false },
        { "who has another", Advertisement(Second, NeighbourMac), NeighbourMac, false },
        { "who asks for it", new(RouterGlobal, Used.SolicitedNode, new NeighbourSolicitation(Used, [])), RouterMac, false },
        { "a router", new(Router, Ipv6Address.AllNodes, new RouterAdvertisement(64, 0, 1800, 0, 0, [])), RouterMac, false },
    };

    [Theory]
    [MemberData(nameof(Neighbours), DisableDiscoveryEnumeration = true)]
    public void What_somebody_else_has_is_not_learnt(string what, NeighbourDiscoveryPacket packet, LinkLayerAddress source, bool contradicts)
    {
        foreach (var claim in (NeighbourDiscoveryPacket[])[Detection(Used), SolicitationFrom(Used), Advertisement(Used, Mac)])
        {
            var learner = new HomeAddressLearner(Configuration(isOnHomeLink: true), [], TimeSpan.Zero);
            learner.Handle(TimeSpan.Zero, FromGuest(claim));
            learner.Handle(Seconds(1), new HomeAddressInput.FromHomeLink(packet, source));

            // Nor does the guest's insistence help, or make it be asked about again.
            Assert.Empty(learner.Handle(Seconds(1.5), FromGuest(claim)));

            Assert.True(contradicts != learner.Handle(Seconds(2), WakeUp).Learnt().Contains(Used), what);
        }
    }

    [Fact]
    public void What_is_learnt_stays_whoever_claims_it_later()
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: true), [Used], TimeSpan.Zero);

        Assert.Empty(learner.Handle(Seconds(1), new HomeAddressInput.FromHomeLink(Advertisement(Used, RouterMac), RouterMac)));
        Assert.Empty(learner.Handle(Seconds(2), FromGuest(SolicitationFrom(Used))));
    }

    [Fact]
    public void At_the_limit_it_says_so_once_and_serves_those_that_it_has()
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: false), [], TimeSpan.Zero);
        var effects = Enumerable.Range(0, 25).SelectMany(i => learner.Handle(TimeSpan.Zero, FromGuest(SolicitationFrom(Numbered(i))))).ToList();

        Assert.Equal(Enumerable.Range(0, HomeAddressLearner.MaxLearnt).Select(Numbered), effects.Learnt());
        Assert.Single(effects.OfType<HomeAddressEffect.LimitReached>());
        Assert.Equal(HomeAddressLearner.MaxLearnt + 1, effects.Count);
        Assert.True(learner.IsLimitReached);
    }

    [Fact]
    public void At_home_nothing_more_is_asked_at_the_limit()
    {
        var learner = new HomeAddressLearner(
            Configuration(isOnHomeLink: true), Enumerable.Range(0, HomeAddressLearner.MaxLearnt).Select(Numbered), TimeSpan.Zero);

        Assert.Equal([new HomeAddressEffect.LimitReached()], learner.Handle(TimeSpan.Zero, FromGuest(SolicitationFrom(Numbered(20)))));
        Assert.Empty(learner.Handle(TimeSpan.Zero, FromGuest(SolicitationFrom(Numbered(21)))));
    }

    /// <summary>For what a guest with two learnt addresses answers each time that it is asked, and which are gone in the end.</summary>
    public static TheoryData<string, Ipv6Address[], Ipv6Address[]> Answers => new()
    {
        { "one of them", [Second], [Used] },
        { "its link-local address", [LinkLocal], [Used, Second] },
        { "one that was given", [Given], [Used, Second] },
        { "both", [Used, Second], [] },
        { "none: it is paused, dead or deaf", [], [] },
    };

    [Theory]
    [MemberData(nameof(Answers), DisableDiscoveryEnumeration = true)]
    public void One_that_the_guest_does_not_answer_for_any_more_is_gone(string what, Ipv6Address[] answers, Ipv6Address[] expected)
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: false), [Used, Second], TimeSpan.Zero);
        learner.Handle(TimeSpan.Zero, FromGuest(SolicitationFrom(LinkLocal)));

        var (gone, asked) = Run(learner, Seconds(3600), answers);

        Assert.True(expected.SequenceEqual(gone.Keys), what);
        Assert.All(gone.Values, at => Assert.InRange(at, 3 * HomeAddressLearner.VerificationInterval, Seconds(200)));
        Assert.Contains(Used, asked);
        Assert.DoesNotContain(Given, asked);
    }

    [Fact]
    public void Asking_is_as_unreachability_detection_does()
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: false), [Used], TimeSpan.Zero);
        learner.Handle(Seconds(30), FromGuest(SolicitationFrom(LinkLocal)));
        Assert.Equal(Seconds(60), learner.NextWakeUp);

        var asked = learner.Handle(Seconds(60), WakeUp).Cast<HomeAddressEffect.SendToGuest>().Select(effect => effect.Frame).ToList();

        Assert.Equal([LinkLocal, Used], asked.Select(frame => frame.Packet.Destination));
        Assert.Equal(
            new NeighbourDiscoveryFrame(Mac, RouterMac, new(Router, Used, new NeighbourSolicitation(Used, [new SourceLinkLayerAddress(RouterMac)]))), asked[1]);
        Assert.Equal(Seconds(61), learner.NextWakeUp);
        Assert.Equal([LinkLocal, Used], learner.Handle(Seconds(61), WakeUp).Asked());
        learner.Handle(Seconds(61.5), FromGuest(Advertisement(LinkLocal, Mac)));
        Assert.Equal([Used], learner.Handle(Seconds(62), WakeUp).Asked());
        Assert.Empty(learner.Handle(Seconds(63), WakeUp));
        Assert.Equal(Seconds(123), learner.NextWakeUp);
    }

    [Fact]
    public void One_that_is_used_is_not_asked_for()
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: false), [Used], TimeSpan.Zero);
        for (var at = Seconds(30); at < Seconds(600); at += Seconds(30))
        {
            learner.Handle(at, FromGuest(SolicitationFrom(Used)));
            Assert.Empty(learner.Handle(at, WakeUp));
        }
    }

    [Fact]
    public void A_guest_that_is_away_for_some_time_loses_nothing_when_it_answers_again()
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: false), [Used, Second], TimeSpan.Zero);

        // It boots: for two rounds there is a link-local address only.
        Assert.Empty(Run(learner, Seconds(150), [LinkLocal]).Gone);
        Assert.Empty(Run(learner, Seconds(300), [LinkLocal, Used, Second]).Gone);
        Assert.Empty(Run(learner, Seconds(450), [LinkLocal]).Gone);
    }

    [Fact]
    public void One_that_has_gone_makes_room_and_may_come_back()
    {
        var all = Enumerable.Range(0, HomeAddressLearner.MaxLearnt).Select(Numbered).ToArray();
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink: false), all, TimeSpan.Zero);
        learner.Handle(TimeSpan.Zero, FromGuest(SolicitationFrom(Numbered(30))));
        Assert.True(learner.IsLimitReached);

        Assert.Equal([all[0]], Run(learner, Seconds(600), all[1..]).Gone.Keys);

        Assert.False(learner.IsLimitReached);
        Assert.Equal([all[0]], learner.Handle(Seconds(601), FromGuest(SolicitationFrom(all[0]))).Learnt());
        Assert.Equal([new HomeAddressEffect.LimitReached()], learner.Handle(Seconds(601), FromGuest(SolicitationFrom(Numbered(30)))));
    }

    /// <summary>Lets time pass, while the guest answers for some addresses.</summary>
    private static (Dictionary<Ipv6Address, TimeSpan> Gone, HashSet<Ipv6Address> Asked) Run(
        HomeAddressLearner learner, TimeSpan until, Ipv6Address[] answers)
    {
        var gone = new Dictionary<Ipv6Address, TimeSpan>();
        var all = new HashSet<Ipv6Address>();
        while (learner.NextWakeUp is { } now && now < until)
        {
            var effects = learner.Handle(now, WakeUp);
            foreach (var address in effects.Gone())
            {
                gone.Add(address, now);
            }

            var asked = effects.Asked().ToList();
            all.UnionWith(asked);
            // A given address may answer somebody else.
            foreach (var address in answers.Where(address => asked.Count > 0 && (asked.Contains(address) || address == Given)))
            {
                Assert.Empty(learner.Handle(now, FromGuest(Advertisement(address, Mac))));
            }
        }

        return (gone, all);
    }

    private static Ipv6Address Numbered(int number) => new(Ipv6Address.Parse("2001:db8:1::100").Bits + (UInt128)number);
}
