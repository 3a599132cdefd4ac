using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>This host's kernel, kept in the state that its guests want.</summary>
internal sealed class HostKernel(Kernel kernel, AgentConfiguration configuration, AgentLog log)
{
    private static readonly KernelScope Scope = new("kg", KernelScope.DefaultProtocol);

    /// <summary>Makes the kernel match. Does nothing where it does already.</summary>
    /// <returns>What was changed, as <c>ip</c> and <c>tc</c> lines.</returns>
    /// <exception cref="KernelException">The kernel refused; the rest may be there.</exception>
    public IReadOnlyList<string> Apply(GuestTable guests)
    {
        if (guests.AwayLinks.Count > 0 || guests.HomeLinkPaths.Any(link => link.IsMoving))
        {
            foreach (var link in SystemControl.KeepRouterAdvertisements(kernel.Interfaces()))
            {
                log.Info($"{link}: accept_ra is now 2, so that this host goes on hearing its router when it forwards for its guests");
            }
        }

        var changes = kernel.Apply(Wanted(guests), Scope).Changes.Select(change => change.ToString()).ToList();
        foreach (var change in changes)
        {
            log.Debug($"kernel: {change}");
        }

        return changes;
    }

    /// <summary>The links with names of ours that none of the guests needs.</summary>
    public IReadOnlyList<string> LinksOfNobody(GuestTable guests)
    {
        var wanted = Wanted(guests).OfType<Link>().Select(link => link.Name).ToHashSet();
        return [.. kernel.Interfaces().Select(link => link.Name).Where(name => name.StartsWith(Scope.LinkPrefix, StringComparison.Ordinal) && !wanted.Contains(name)).Order(StringComparer.Ordinal)];
    }

    /// <summary>What <see cref="Apply"/> would begin with; nothing where the kernel matches.</summary>
    /// <returns><c>ip</c> and <c>tc</c> lines.</returns>
    public IReadOnlyList<string> Compare(GuestTable guests) => [.. kernel.Compare(Wanted(guests), Scope).Select(change => change.ToString())];

    private KernelState Wanted(GuestTable guests)
    {
        var links = guests.AwayLinks;
        var wanted = AwayDataPath.For(links, HostAddresses(), Table).With(HandOverDataPath.For(links, guests.HomeLinkPaths, Table));
        wanted = wanted.With(AwayDataPath.Severed(guests.SeveredTaps, Table)).With(AwayDataPath.GivenBack(guests.GivenPorts));
        return wanted.With(ErrorPath.For(wanted, Table));
    }

    /// <summary>The table of the guests' VRF.</summary>
    public uint Table => configuration.VrfTable;

    /// <summary>Makes ready what is to be done at once at the switch of a move: one netlink batch, without looking first.</summary>
    /// <exception cref="KernelException">A link is not there.</exception>
    public PreparedChanges Prepare(IReadOnlyList<KernelObject> replacing, NetworkInterfaceCollection links) => kernel.Prepare(replacing, links, Scope);

    /// <summary>The way to another host, for a tunnel; null without a route.</summary>
    public HandOverTunnel? TunnelTo(Ipv6Address local, Ipv6Address remote) =>
        kernel.Lookup(remote) is { } route ? new(local, remote, route.Interface) : null;

    /// <summary>What has passed a link, by its index; null if it has gone.</summary>
    public LinkStatistics? Statistics(int link) => kernel.Statistics(link);

    /// <summary>Begins to keep what is sent to a guest's tap.</summary>
    public TapTail KeepTail(int tap, bool isReadByQemu) => new(kernel, tap, readsOneMore: isReadByQemu);

    /// <summary>All links.</summary>
    public NetworkInterfaceCollection Links() => kernel.Interfaces();

    /// <summary>The link of this name, if it is there.</summary>
    public NetworkInterface? Find(string name) => Links().Find(name);

    /// <summary>The ports of a bridge.</summary>
    public IReadOnlyList<NetworkInterface> PortsOf(string bridge)
    {
        var links = kernel.Interfaces();
        return links.Find(bridge) is { } master ? [.. links.PortsOf(master)] : [];
    }

    /// <summary>This host's own addresses on a link.</summary>
    public IReadOnlyList<Ipv6Address> AddressesOf(string link) => Find(link) is { Index: var index }
        ? [.. kernel.Addresses().Where(address => address.InterfaceIndex == index).Select(address => address.Address)]
        : [];

    /// <summary>The host's own addresses, and those that it has as a router; those on our links are the home router's.</summary>
    private HashSet<Ipv6Address> HostAddresses()
    {
        var links = kernel.Interfaces();
        return
        [
            .. kernel.Addresses()
                .Where(address => links.Find(address.InterfaceIndex)?.Name.StartsWith(Scope.LinkPrefix, StringComparison.Ordinal) == false)
                .SelectMany(address => new[] { address.Address, address.SubnetRouters ?? address.Address })
                .Where(address => address.IsRoutableUnicast),
        ];
    }
}
