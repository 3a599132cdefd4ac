using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>Steps over a few objects end in the kernel that the comparison of all would make.</summary>
[Trait("Needs", "kernel")]
public sealed class StepTests : IDisposable
{
    private static readonly string[] Tunnels = ["kgta", "kgtb", "kgtc"];

    private readonly TestHost _host = new();

    public void Dispose() => _host.Dispose();

    /// <summary>A few walks, twenty where time does not count.</summary>
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, Environment.GetEnvironmentVariable("KG_TEST_ALL") == "1" ? 20 : 2)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Steps_end_in_the_same_kernel_as_the_comparison_of_all(int seed)
    {
        var random = new Random(seed);
        var bound = new Dictionary<int, string>();
        _host.Apply(All(bound));
        for (var step = 0; step < 30; step++)
        {
            var home = random.Next(6);
            string[] touched = [Tunnels[random.Next(Tunnels.Length)], .. bound.TryGetValue(home, out var last) ? [last] : Array.Empty<string>()];
            var given = Part(bound, [home], touched);
            _ = random.Next(3) == 0 ? bound.Remove(home) : (bound[home] = touched[0]) is not null;
            _host.Use(kernel => kernel.Step(given, Part(bound, [home], touched), TestHost.Scope));
            Assert.Empty(_host.Apply(All(bound)).Changes);
        }
    }

    [Fact]
    public void A_step_takes_what_it_needs_and_none_if_nothing_differs()
    {
        var bound = Enumerable.Range(0, 5).ToDictionary(home => home, _ => Tunnels[0]);
        _host.Apply(All(bound));
        var given = Part(bound, [5], [Tunnels[0]]);
        bound[5] = Tunnels[0];
        var wanted = Part(bound, [5], [Tunnels[0]]);
        Assert.Equal(
            [
                "tc filter add dev kgta ingress pref 1 protocol ipv6 handle 105 flower src_ip 2001:db8:1::15/128 action pass",
                "ip -6 neigh replace proxy 2001:db8:1::15 dev wan",
                "ip -6 route add 2001:db8:1::15/128 dev kgta table 254 metric 1024",
            ],
            _host.Use(kernel => kernel.Step(given, wanted, TestHost.Scope)).Changes.Select(change => change.ToString()));
        Assert.Empty(_host.Use(kernel => kernel.Step(wanted, wanted, TestHost.Scope)).Changes);
        var shown = _host.Namespace.Execute("tc filter show dev kgta ingress");
        Assert.Equal(6, shown.Split("src_ip").Length - 1);
    }

    [Fact]
    public void A_kernel_that_is_not_as_it_was_left_is_an_error_and_the_comparison_of_all_mends_it()
    {
        var bound = new Dictionary<int, string> { [0] = Tunnels[0], [1] = Tunnels[0] };
        _host.Apply(All(bound));
        _host.Namespace.Ip("-6 route delete 2001:db8:1::10/128 dev kgta");
        var given = Part(bound, [0], [Tunnels[0]]);
        bound.Remove(0);
        Assert.Throws<NetlinkException>(() => _host.Use(kernel => kernel.Step(given, Part(bound, [0], [Tunnels[0]]), TestHost.Scope)));
        _host.Apply(All(bound));
        Assert.Empty(_host.Apply(All(bound)).Changes);
    }

    [Fact]
    public void Two_filters_that_change_their_handles_go_before_they_come()
    {
        KernelState Both(uint one, uint other) =>
        [
            new Ip6Tunnel("kgta", Ipv6Address.Parse("2001:db8:f4::2"), Ipv6Address.Parse("2001:db8:f5::1")),
            new Filter("kgta", FilterHook.Ingress, 1, new FlowerMatch { Source = new(Home(0), 128) }, FilterAction.Pass) { Handle = one },
            new Filter("kgta", FilterHook.Ingress, 1, new FlowerMatch { Source = new(Home(1), 128) }, FilterAction.Pass) { Handle = other },
        ];
        _host.Apply(Both(7, 8));
        _host.Apply(Both(8, 7));
        Assert.Empty(_host.Apply(Both(8, 7)).Changes);
    }

    private static Ipv6Address Home(int number) => Ipv6Address.Parse($"2001:db8:1::1{number}");

    private static KernelState All(Dictionary<int, string> bound) => Part(bound, bound.Keys, bound.Values.Distinct());

    private static KernelState Part(Dictionary<int, string> bound, IEnumerable<int> homes, IEnumerable<string> tunnels)
    {
        var wanted = new List<KernelObject> { new Sysctl("ipv6/conf/all/forwarding", "1") };
        foreach (var tunnel in tunnels.Distinct().Where(bound.ContainsValue))
        {
            wanted.Add(new Ip6Tunnel(tunnel, Ipv6Address.Parse("2001:db8:f4::2"), Ipv6Address.Parse($"2001:db8:f5::{Array.IndexOf(Tunnels, tunnel) + 1}")));
            wanted.Add(new Filter(tunnel, FilterHook.Ingress, 2, new AnyMatch(), FilterAction.Drop));
        }

        foreach (var home in homes.Where(bound.ContainsKey))
        {
            wanted.Add(new Route(new(Home(home), 128)) { Link = bound[home] });
            wanted.Add(new ProxyNeighbour("wan", Home(home)));
            wanted.Add(new Filter(bound[home], FilterHook.Ingress, 1, new FlowerMatch { Source = new(Home(home), 128) }, FilterAction.Pass) { Handle = 100 + (uint)home });
        }

        return [.. wanted];
    }
}
