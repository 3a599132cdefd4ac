using CsCheck;
using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

public sealed class GuestFilterPlacesTests
{
    private static readonly Gen<Ipv6Address[]> Addresses = Gen.Int[0, 40_000].Select(low => new Ipv6Address((UInt128)0x20010db8 << 96 | (UInt128)low)).Array[0, 20];

    [Fact]
    public void Drops_come_before_passes_and_the_last_one_drops_all() => Gen.Select(Addresses, Addresses).Sample((sources, hosts) =>
    {
        var filters = GuestFilter.Create("tap0", sources, hosts).OrderBy(filter => filter.Priority).ToList();
        Assert.Equal(filters.Count, filters.Select(filter => filter.Priority).Distinct().Count());
        Assert.Equal(new Filter("tap0", FilterHook.Ingress, ushort.MaxValue, new AnyMatch(), FilterAction.Drop), filters[^1]);
        Assert.Equal(sources.Distinct().Count(), filters.SkipWhile(filter => filter.Action == FilterAction.Drop).Count() - 1 + (sources.Length == 0 ? 1 : 0));
        Assert.All(hosts, host => Assert.Contains(filters, filter => filter.Match == new FlowerMatch { Destination = new(host, 128) } && filter.Action == FilterAction.Drop));
    });

    [Fact]
    public void One_host_address_more_or_less_moves_no_other_filter()
    {
        var hosts = Enumerable.Range(1, 20).Select(low => new Ipv6Address((UInt128)0x20010db8 << 96 | (UInt128)low)).ToList();
        var all = GuestFilter.Create("tap0", [GuestSite.Home], hosts).ToHashSet();
        foreach (var gone in hosts)
        {
            var gap = Assert.Single(all.Except(GuestFilter.Create("tap0", [GuestSite.Home], hosts.Where(host => host != gone))));
            Assert.Equal(new FlowerMatch { Destination = new(gone, 128) }, gap.Match);
        }
    }
}
