using CsCheck;
using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.LearnerRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>What holds whatever the guest and its neighbours send.</summary>
public class HomeAddressLearnerPropertyTests
{
    // Few bits, so that they meet.
    private static readonly Gen<Ipv6Address> Addresses = Gen.Frequency(
        (8, Gen.ULong[0, 60].Select(low => new Ipv6Address(Prefixes[0].Address.Bits | low))),
        (2, Gen.ULong[0, 60].Select(low => new Ipv6Address(Prefixes[1].Address.Bits | low))),
        (1, Gen.ULong[0, 60].Select(low => new Ipv6Address(Ipv6Address.Parse("2001:db8:3::").Bits | low))),
        (1, Gen.Const(LinkLocal)));

    private static readonly Gen<NeighbourDiscoveryPacket> Packets = Gen.OneOf(
        Addresses.Select(SolicitationFrom),
        Addresses.Select(Detection),
        Gen.Select(Addresses, Addresses, Gen.OneOf<LinkLayerAddress?>(null, Mac, NeighbourMac)).Select((target, source, mac) => Advertisement(target, mac, source)));

    private static readonly Gen<HomeAddressInput> Inputs = Gen.Frequency(
        (12, Gen.Select(Packets, Gen.Frequency((8, Gen.Const(Mac)), (1, Gen.Const(NeighbourMac))))
            .Select((packet, source) => (HomeAddressInput)new HomeAddressInput.FromGuest(packet, source))),
        (4, Gen.Select(Packets, Gen.OneOf(Gen.Const(Mac), Gen.Const(NeighbourMac)))
            .Select((packet, source) => (HomeAddressInput)new HomeAddressInput.FromHomeLink(packet, source))),
        (6, Gen.Const(WakeUp)));

    [Fact]
    public void Whatever_comes_the_rules_hold() =>
        Gen.Select(Gen.Bool, Gen.Select(Inputs, Gen.Double[0, 40]).Array[0, 300]).Sample(
            (isOnHomeLink, steps) =>
            {
                var learner = new HomeAddressLearner(Configuration(isOnHomeLink), [], TimeSpan.Zero);
                var learnt = new HashSet<Ipv6Address>();
                var now = TimeSpan.Zero;
                var sent = 0;
                foreach (var (input, seconds) in steps)
                {
                    // Time stands still for most of it: a flood.
                    now += input is HomeAddressInput.WakeUp ? Seconds(seconds) : TimeSpan.Zero;
                    foreach (var effect in learner.Handle(now, input))
                    {
                        switch (effect)
                        {
                            case HomeAddressEffect.Learnt { Address: var address }:
                                Assert.True(learnt.Add(address), "once");
                                Assert.Contains(Prefixes, prefix => prefix.Contains(address) && prefix.Address != address);
                                Assert.NotEqual(RouterGlobal, address);
                                Assert.NotEqual(Given, address);
                                break;
                            case HomeAddressEffect.Gone { Address: var address }:
                                Assert.True(learnt.Remove(address), "only what was learnt");
                                break;
                            case HomeAddressEffect.SendToHomeLink:
                                Assert.True(isOnHomeLink);
                                sent++;
                                break;
                        }
                    }

                    Assert.InRange(learnt.Count, 0, HomeAddressLearner.MaxLearnt);
                    if (input is HomeAddressInput.WakeUp)
                    {
                        Assert.True(learner.NextWakeUp is null || learner.NextWakeUp > now, "what is due was done");
                        sent = 0;
                    }
                    else
                    {
                        Assert.InRange(sent, 0, HomeAddressLearner.MaxLearnt);
                    }
                }
            },
            iter: 5 * Check.Iter);
}
