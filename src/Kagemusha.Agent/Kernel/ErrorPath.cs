using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>
/// By which way the host's own ICMPv6 errors leave, above all Packet Too Big (RFC 8201) for what does not fit into a tunnel. Pure.
/// <code>
///   to a correspondent    from the tunnel's own end, natively: kgvrf has that address, and its table no route for it
///   to a guest            from the address on its tap, the home router's
/// </code>
/// Without them the kernel has no address in the VRF that a correspondent knows, and says nothing.
/// </summary>
internal static class ErrorPath
{
    private const ushort LastPlace = ushort.MaxValue;

    /// <summary>What is wanted besides.</summary>
    /// <param name="wanted">All else, with its tunnels and taps.</param>
    /// <param name="table">The VRF's table.</param>
    public static IEnumerable<KernelObject> For(KernelState wanted, uint table)
    {
        var tunnels = wanted.OfType<Ip6Tunnel>().ToList();
        var ends = tunnels.Select(tunnel => tunnel.Local).Distinct().Order().ToList();
        return
        [
            .. ends.Select(end => new LinkAddress(AwayDataPath.VrfName, end, 128)),
            .. ends.Select(end => new Route(new(default, 0), table) { Source = new(end, 128), IsThrown = true }),
            // What comes out of a tunnel is from somewhere else, and would leave in this host's name.
            .. from tunnel in tunnels
               from end in ends.Select((address, at) => (Address: address, Place: (ushort)(LastPlace - at)))
               select new Filter(tunnel.Name, FilterHook.Ingress, end.Place, new FlowerMatch { Source = new(end.Address, 128) }, FilterAction.Drop),
            .. wanted.OfType<Port>().Select(tap => Sysctl.Ipv6(tap.Name, "use_oif_addrs_only", 1)),
        ];
    }
}
