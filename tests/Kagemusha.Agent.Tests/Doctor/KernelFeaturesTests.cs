using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Linux.Tests;

namespace Kagemusha.Agent.Tests;

public sealed class KernelFeaturesTests
{
    /// <summary>What a kernel refuses, and what is said of it.</summary>
    public static TheoryData<string, string[]> Kernels => new()
    {
        { "nothing", [] },
        { "Vrf", ["no vrf: it: Operation not supported; 'modprobe vrf', or a kernel with CONFIG_NET_VRF"] },
        { "Ip6Tunnel", ["no ip6tnl: it: Operation not supported; 'modprobe ip6_tunnel', or a kernel with CONFIG_IPV6_TUNNEL"] },
        {
            "Filter",
            [
                "no clsact, flower and gact: it: Operation not supported; 'modprobe cls_flower', or a kernel with CONFIG_NET_CLS_FLOWER",
                "no u32: it: Operation not supported; 'modprobe cls_u32', or a kernel with CONFIG_NET_CLS_U32",
                "mirred was not tried: that takes flower; ",
                "skbedit was not tried: that takes flower; ",
                "skbmod was not tried: that takes flower; ",
            ]
        },
        { "Herald", ["no skbmod: it: Operation not supported; 'modprobe act_skbmod', or a kernel with CONFIG_NET_ACT_SKBMOD"] },
    };

    [Theory]
    [MemberData(nameof(Kernels))]
    public void What_the_kernel_refuses_is_named_with_its_module(string refused, string[] errors)
    {
        const int NotSupported = 95;

        var found = KernelFeatures.Try(state =>
        {
            if (state.Any(wanted => wanted.GetType().Name == refused || (wanted as Filter)?.Action.ToString() == refused))
            {
                throw new KernelException("it", NotSupported);
            }
        });

        Assert.Equal(errors, found.Where(finding => finding.Result != FindingResult.Ok).Select(finding => $"{finding.What}; {finding.Remedy}"));
        Assert.Equal(errors.Length == 0, found is [{ Result: FindingResult.Ok }]);
    }

    [Fact]
    [Trait("Needs", "kernel")]
    public void A_kernel_that_has_all_of_it_makes_it_and_keeps_nothing()
    {
        using var space = new NetworkNamespace();

        var found = space.Run(KernelFeatures.Look);

        Assert.True(found is [{ Result: FindingResult.Ok }], string.Join("; ", found.Select(finding => finding.What)));
        Assert.DoesNotContain("kg", space.Ip("link show"), StringComparison.Ordinal);
        Assert.Equal("", space.Ip("-6 route show table 4000006275"));
    }
}
