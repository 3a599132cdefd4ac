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
    public IReadOnlyList<string> Apply(IReadOnlyCollection<AwayLink> links)
    {
        if (links.Count > 0)
        {
            foreach (var link in SystemControl.KeepRouterAdvertisements(kernel.Interfaces()))
            {
                log.Info($"{link}: accept_ra is now 2, so that this host goes on hearing its router when it forwards for its guests");
            }
        }

        var wanted = AwayDataPath.For(links, HostAddresses(), configuration.VrfTable);
        var changes = kernel.Apply(wanted, Scope).Changes.Select(change => change.ToString()).ToList();
        foreach (var change in changes)
        {
            log.Debug($"kernel: {change}");
        }

        return changes;
    }

    /// <summary>The link of this name, if it is there.</summary>
    public NetworkInterface? Find(string name) => kernel.Interfaces().Find(name);

    /// <summary>The ports of a bridge.</summary>
    public IReadOnlyList<NetworkInterface> PortsOf(string bridge)
    {
        var links = kernel.Interfaces();
        return links.Find(bridge) is { } master ? [.. links.PortsOf(master)] : [];
    }

    /// <summary>The host's own addresses; those on our links are the home router's.</summary>
    private HashSet<Ipv6Address> HostAddresses()
    {
        var links = kernel.Interfaces();
        return
        [
            .. kernel.Addresses()
                .Where(address => links.Find(address.InterfaceIndex)?.Name.StartsWith(Scope.LinkPrefix, StringComparison.Ordinal) == false)
                .Select(address => address.Address)
                .Where(address => address.IsRoutableUnicast),
        ];
    }
}
