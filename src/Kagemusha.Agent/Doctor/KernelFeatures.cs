using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// Whether the kernel can do what a move needs: all of it is made, apart from what guests use, and taken away again. The agent may have no network namespace
/// of its own for that.
/// </summary>
internal static class KernelFeatures
{
    public const string Check = "kernel";

    private const string Flower = "cls_flower";
    private const string Link = "kgtry0";
    private const string Other = "kgtry1";

    // A table that nothing looks into.
    private const uint Table = 4_000_006_275;

    // Not the guests', in which what no guest wants is taken away.
    private static readonly KernelScope Scope = new("kgtry", KernelScope.DefaultProtocol + 1);
    private static readonly Ipv6Address Here = Ipv6Address.Parse("2001:db8::1");
    private static readonly Ipv6Address There = Ipv6Address.Parse("2001:db8::2");
    private static readonly LinkLayerAddress Mac = LinkLayerAddress.Parse("52:54:00:00:00:01");

    // Each with its module and its option; what needs a link has one, and is left out where that cannot be made.
    private static readonly (string Name, string Module, string Option, KernelState State)[] Features =
    [
        ("vrf", "vrf", "CONFIG_NET_VRF", [new Vrf(Link, Table), new Route(new(default, 0), Table) { Metric = Route.LastMetric }]),
        ("ip6tnl", "ip6_tunnel", "CONFIG_IPV6_TUNNEL", [new Ip6Tunnel(Link, Here, There)]),
        ("veth", "veth", "CONFIG_VETH", Pair()),
        ("source-specific routes", "ipv6", "CONFIG_IPV6_SUBTREES", Pair(new Route(new(default, 0), Table) { Source = new(Here, 128), Link = Link })),
        ("clsact, flower and gact", Flower, "CONFIG_NET_CLS_FLOWER", Pair(Filter(1, new FlowerMatch { Destination = new(There, 128) }, FilterAction.Drop))),
        ("u32", "cls_u32", "CONFIG_NET_CLS_U32", Pair(Filter(2, U32Match.NextHeader((byte)NextHeader.Mobility), FilterAction.Drop))),
        ("mirred", "act_mirred", "CONFIG_NET_ACT_MIRRED", Pair(Filter(3, new FlowerMatch { Destination = new(There, 128) }, FilterAction.Redirect) with { Target = Other })),
        ("skbedit", "act_skbedit", "CONFIG_NET_ACT_SKBEDIT", Pair(Filter(4, new FlowerMatch { Source = new(Here, 128) }, FilterAction.Receive))),
        ("skbmod", "act_skbmod", "CONFIG_NET_ACT_SKBMOD", Pair(Filter(5, new FlowerMatch { DestinationLinkLayer = Mac }, FilterAction.Herald) with { Hook = FilterHook.Egress })),
    ];

    /// <summary>While a VM moves, nothing is tried.</summary>
    public static IReadOnlyList<Finding> NotNow { get; } = [Finding.Unknown(Check, "nothing was tried: a VM is moving", "ask again when it has moved")];

    /// <summary>Tries all of it, and takes it away again.</summary>
    public static IReadOnlyList<Finding> Look()
    {
        // Of its own: the agent's loop waits for nobody.
        using var kernel = new Kernel();
        var found = Try(state => kernel.Apply(state, Scope));
        try
        {
            kernel.Apply(KernelState.Empty, Scope);
            return found;
        }
        catch (KernelException e)
        {
            return [.. found, Finding.Warning(Check, $"what was tried is still there: {e.Message}", $"'ip link delete {Link}'")];
        }
    }

    /// <summary>Tries all of it.</summary>
    /// <param name="apply">Makes a state, or throws a <see cref="KernelException"/>.</param>
    public static IReadOnlyList<Finding> Try(Action<KernelState> apply)
    {
        var refused = new List<Finding>();
        var hasFlower = true;
        foreach (var (name, module, option, state) in Features)
        {
            // Without that, it would be no action's fault.
            if (!hasFlower && state.OfType<Filter>().Any(filter => filter.Match is FlowerMatch))
            {
                refused.Add(Finding.Unknown(Check, $"{name} was not tried: that takes flower"));
                continue;
            }

            try
            {
                apply(state);
            }
            catch (KernelException e)
            {
                hasFlower &= module != Flower;
                refused.Add(Finding.Error(Check, $"no {name}: {e.Message}", $"'modprobe {module}', or a kernel with {option}"));
            }
        }

        return refused.Count > 0 ? refused : [Finding.Ok(Check, $"{string.Join(", ", Features.Select(feature => feature.Name))}: all of it can be made")];
    }

    private static KernelState Pair(params IEnumerable<KernelObject> more) => KernelState.Create([new Veth(Link, Other), new Veth(Other, Link), .. more]);

    // Each has a place of its own: none is put where another was.
    private static Filter Filter(ushort priority, FilterMatch match, FilterAction action) => new(Link, FilterHook.Ingress, priority, match, action);
}
