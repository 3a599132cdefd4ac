using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.LearnerRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>Runs alone, for it measures the memory of the whole process.</summary>
[Collection("alone")]
public class HomeAddressFloodTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_flood_leaves_nothing_behind(bool isOnHomeLink)
    {
        var learner = new HomeAddressLearner(Configuration(isOnHomeLink), [], TimeSpan.Zero);
        Flood(learner, 1_000); // What is kept has been made.
        var before = GC.GetTotalMemory(forceFullCollection: true);

        Flood(learner, 100_000);

        // One byte kept of each message would be too much.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 200_000);
        GC.KeepAlive(learner);
    }

    private static void Flood(HomeAddressLearner learner, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var address = new Ipv6Address(Used.Bits + (UInt128)i);
            var now = TimeSpan.FromMilliseconds(i);
            learner.Handle(now, FromGuest(Detection(address)));
            learner.Handle(now, FromGuest(SolicitationFrom(address)));
            learner.Handle(now, FromGuest(Advertisement(address, Mac)));
            learner.Handle(now, new HomeAddressInput.FromHomeLink(Advertisement(address, NeighbourMac), NeighbourMac));
        }
    }
}
