using Kagemusha.Control;
using Kagemusha.Mobility;

namespace Kagemusha.Agent.Tests;

/// <summary>What is wrong, and what is to be done.</summary>
public sealed class RecoveryPlanTests
{
    private static readonly FoundAddress AtHome = new(Guests.Home, Guests.HomeAgent, Guests.AtHome, MobileNodePhase.AtHome, null, null);
    private static readonly FoundAddress Away = new(Guests.Home, Guests.HomeAgent, Guests.Away, MobileNodePhase.Registered, null, true);
    private static readonly Findings Well = new("vm", DomainIs.Here, "running", IsKnown: true, IsHandingOver: false, null, [], [Away]);

    private static readonly (string What, Findings Found, RecoverAs AsWhat, RecoveryStep Step, string[] Wrong)[] Table =
    [
        ("all is well", Well, RecoverAs.Found, RecoveryStep.TakeUp, []),
        ("at home, too", Well with { Addresses = [AtHome] }, RecoverAs.Found, RecoveryStep.TakeUp, []),
        ("the agent is new", Well with { IsKnown = false, Addresses = [] }, RecoverAs.Found, RecoveryStep.TakeUp, ["the agent has not taken it up"]),
        (
            "it is hindered", Well with { IsKnown = false, Hindrance = "no route", Addresses = [] }, RecoverAs.Found, RecoveryStep.TakeUp,
            ["it is not served: no route"]
        ),
        (
            "a route is gone", Well with { Differences = ["ip route add 1"] }, RecoverAs.Found, RecoveryStep.TakeUp,
            ["the kernel is not as it should be: ip route add 1"]
        ),
        (
            "all is gone", Well with { Differences = ["ip link add 1", "2", "3"], Addresses = [Away with { IsEchoed = false }] }, RecoverAs.Found, RecoveryStep.TakeUp,
            ["the kernel is not as it should be: ip link add 1, and 2 more", "2001:db8:1::42: no echo comes back from the home agent 2001:db8:1::2 through the tunnel"]
        ),
        (
            "the home agent refuses", Well with { Addresses = [Away with { Phase = MobileNodePhase.Registering, Problem = "it refuses", IsEchoed = false }] },
            RecoverAs.Found, RecoveryStep.TakeUp, ["2001:db8:1::42: it refuses"]
        ),
        (
            "it is silent", Well with { Addresses = [Away with { Phase = MobileNodePhase.Registering }, AtHome with { Phase = MobileNodePhase.Deregistering }] },
            RecoverAs.Found, RecoveryStep.TakeUp,
            [
                "2001:db8:1::42: the home agent 2001:db8:1::2 has not acknowledged it",
                "2001:db8:1::42: the home agent 2001:db8:1::2 has not let go of it",
            ]
        ),
        (
            "nobody speaks", Well with { Addresses = [Away with { Phase = MobileNodePhase.Passive }] }, RecoverAs.Found, RecoveryStep.TakeUp,
            ["2001:db8:1::42: nobody speaks for it here"]
        ),
        (
            "severed", Well with { Addresses = [Away with { Place = new Attachment.Severed("tap", "no way") }] }, RecoverAs.Found, RecoveryStep.TakeUp,
            ["2001:db8:1::42: its interface is severed: no way"]
        ),
        ("it is at home", Well, RecoverAs.Home, RecoveryStep.TakeUp, ["2001:db8:1::42: it is taken for away"]),
        ("it is away", Well with { Addresses = [AtHome] }, RecoverAs.Away, RecoveryStep.TakeUp, ["2001:db8:1::42: it is taken for one on its home link"]),
        ("it is away as found", Well, RecoverAs.Away, RecoveryStep.TakeUp, []),
        ("a hand-over", Well with { IsHandingOver = true }, RecoverAs.Found, RecoveryStep.GoOn, []),
        ("a hand-over knows better", Well with { IsHandingOver = true }, RecoverAs.Home, RecoveryStep.Refuse, []),
        ("a hand-over knows better", Well with { IsHandingOver = true }, RecoverAs.Away, RecoveryStep.Refuse, []),
        ("off", Well with { Domain = DomainIs.Off }, RecoverAs.Found, RecoveryStep.Refuse, []),
        ("off", Well with { Domain = DomainIs.Off }, RecoverAs.Away, RecoveryStep.Refuse, []),
        ("moving", Well with { Domain = DomainIs.Moving }, RecoverAs.Found, RecoveryStep.Refuse, []),
        ("unknown", Well with { Domain = DomainIs.Unknown }, RecoverAs.Home, RecoveryStep.Refuse, []),
        ("released where it runs", Well, RecoverAs.Release, RecoveryStep.Refuse, []),
        ("released while it moves", Well with { Domain = DomainIs.Moving }, RecoverAs.Release, RecoveryStep.Refuse, []),
        (
            "released where it is off", Well with { Domain = DomainIs.Off, State = "shut off" }, RecoverAs.Release, RecoveryStep.Release,
            ["it is shut off, and this host serves it"]
        ),
        (
            "released where it was", Well with { Domain = DomainIs.Unknown, IsHandingOver = true }, RecoverAs.Release, RecoveryStep.Release,
            ["it is not on this host, and this host serves it"]
        ),
        ("released where only a file is left", Well with { Domain = DomainIs.Off, IsKnown = false }, RecoverAs.Release, RecoveryStep.Release, []),
    ];

    [Fact]
    public void What_was_found_and_what_is_said_decide() => Assert.All(Table, row =>
    {
        var plan = RecoveryPlan.Decide(row.Found, row.AsWhat);
        Assert.Equal((row.What, row.Step), (row.What, plan.Step));
        Assert.Equal(row.Wrong, plan.Wrong);
        Assert.NotEmpty(plan.Says);
    });
}
