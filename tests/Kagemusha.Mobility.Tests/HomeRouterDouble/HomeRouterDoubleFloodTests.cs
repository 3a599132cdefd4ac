using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

/// <summary>Runs alone, for it measures the memory of the whole process.</summary>
[Collection("alone")]
public class HomeRouterDoubleFloodTests
{
    [Fact]
    public void A_flood_leaves_nothing_behind()
    {
        var router = LinkLayerAddress.Parse("02:00:00:00:00:01");
        var prefix = new PrefixInformation(64, PrefixFlags.OnLink, 86400, 14400, Ipv6Address.Parse("2001:db8:1::"));
        var homeRouter = new HomeRouterDouble(new(
            Ipv6Address.Parse("fe80::1"), router, new(64, RouterAdvertisementFlags.None, 1800, 0, 0, [prefix]), [], 1460));
        Flood(homeRouter, 1_000); // What is made once has been made.
        var before = GC.GetTotalMemory(forceFullCollection: true);

        Flood(homeRouter, 100_000);

        // One byte kept of each message would be too much.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 200_000);
        GC.KeepAlive(homeRouter);
    }

    private static void Flood(HomeRouterDouble homeRouter, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var target = new Ipv6Address(Ipv6Address.Parse("2001:db8:1::99").Bits + (UInt128)i);
            var source = new Ipv6Address(Ipv6Address.Parse("fe80::99").Bits + (UInt128)i);
            var mac = new LinkLayerAddress(LinkLayerAddress.Parse("52:54:00:00:00:10").Bits + (ulong)i);
            Assert.NotEmpty(homeRouter.Handle(TimeSpan.Zero, new HomeRouterDoubleInput.Received(
                new(source, target.SolicitedNode, new NeighbourSolicitation(target, [])), mac)));
            homeRouter.Handle(TimeSpan.Zero, new HomeRouterDoubleInput.Received(
                new(source, Ipv6Address.AllRouters, new RouterSolicitation([])), mac));
        }
    }

    [CollectionDefinition("alone", DisableParallelization = true)]
    public class Alone;
}
