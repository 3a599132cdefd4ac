using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon.Tests;

public sealed class TakeoverTests
{
    private static readonly Ipv6Address Agent = Ipv6Address.Parse("2001:db8:1::1");
    private static readonly Ipv6Address Home = Ipv6Address.Parse("2001:db8:1::a");
    private static readonly Ipv6Address Other = Ipv6Address.Parse("2001:db8:1::b");
    private static readonly Ipv6Address CareOf = Ipv6Address.Parse("2001:db8:f4::2");
    private static readonly Ipv6Address OtherCareOf = Ipv6Address.Parse("2001:db8:f5::2");
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(400);

    private static readonly BindingSnapshot Known = new(Home, CareOf, 7, TimeSpan.FromSeconds(100));

    [Fact]
    public void A_whole_journal_is_right_whatever_the_kernel_has() =>
        Assert.Equal([Known], Take([Known], null, Kernel((Home, OtherCareOf), (Other, OtherCareOf))));

    [Fact]
    public void Without_one_the_kernels_bindings_go_on_with_any_number_and_the_longest_lifetime() => Assert.Equal(
        new HashSet<BindingSnapshot> { new(Home, CareOf, null, Longest), new(Other, OtherCareOf, null, Longest) },
        Take([], "torn", Kernel((Home, CareOf), (Other, OtherCareOf))).ToHashSet());

    [Fact]
    public void What_a_torn_journal_knows_of_the_kernels_bindings_counts() => Assert.Equal(
        new HashSet<BindingSnapshot> { Known, new(Other, OtherCareOf, null, Longest) },
        Take([Known], "torn", Kernel((Home, CareOf), (Other, OtherCareOf))).ToHashSet());

    [Fact]
    public void A_move_or_an_end_that_a_torn_journal_has_lost_is_the_kernels() =>
        Assert.Equal([new(Home, OtherCareOf, null, Longest)], Take([Known, Known with { HomeAddress = Other }], "torn", Kernel((Home, OtherCareOf))));

    [Fact]
    public void One_that_ended_in_a_torn_journal_and_is_in_the_kernel_has_begun_again() =>
        Assert.Equal([new(Home, CareOf, null, Longest)], Take([Known with { Remaining = TimeSpan.Zero }], "torn", Kernel((Home, CareOf))));

    [Fact]
    public void After_a_machines_end_the_kernel_knows_nothing_and_a_torn_journal_the_most() => Assert.Equal([Known], Take([Known], "torn", []));

    [Fact]
    public void Of_the_kernels_objects_only_routes_to_one_address_by_this_home_agents_tunnels_count()
    {
        var elsewhere = new Ip6Tunnel("kgt2", OtherCareOf, CareOf);
        Assert.Equal(
            [new(Home, CareOf, null, Longest)],
            Take(
                [],
                "torn",
                [
                    .. Kernel((Home, CareOf)), elsewhere, new Route(new(Other, 128)) { Link = "kgt2" }, new Route(new(Other, 64)) { Link = "kgt1" },
                    new Route(new(Other, 128)) { Link = "lan" }, new Route(new(Other, 128)),
                ]));
    }

    private static IReadOnlyList<BindingSnapshot> Take(BindingSnapshot[] journal, string? fault, KernelObject[] there) =>
        Takeover.Bindings(new(journal, fault), there, Agent, Longest);

    private static KernelObject[] Kernel(params (Ipv6Address Home, Ipv6Address CareOf)[] bindings) =>
    [
        .. bindings.Select(binding => binding.CareOf).Distinct().Select(careOf => new Ip6Tunnel(Name(careOf), Agent, careOf)),
        .. bindings.Select(binding => new Route(new(binding.Home, 128)) { Link = Name(binding.CareOf) }),
    ];

    private static string Name(Ipv6Address careOf) => careOf == CareOf ? "kgt1" : "kgt3";
}
