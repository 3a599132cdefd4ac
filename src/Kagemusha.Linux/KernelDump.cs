using Tmds.Linux;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>Reads what the kernel has.</summary>
internal sealed class KernelDump(NetlinkSocket socket)
{
    /// <summary>All links.</summary>
    public NetworkInterfaceCollection Links() => new(All("ip link show", LinkMessages.WriteDump, LinkMessages.Read));

    /// <summary>Those of these links that are there, by their names.</summary>
    public IReadOnlyDictionary<string, NetworkInterface> Links(IEnumerable<string> names)
    {
        var found = new Dictionary<string, NetworkInterface>();
        foreach (var name in names)
        {
            var reply = socket.Query(writer => LinkMessages.WriteGet(writer, name), (_, payload) =>
            {
                if (LinkMessages.Read(payload) is { } link)
                {
                    found[name] = link;
                }
            });
            if (reply.Errno != 0 && reply.Errno != LibC.ENODEV)
            {
                throw reply.ToException($"ip link show {name}");
            }
        }

        return found;
    }

    /// <summary>The values of those settings that are wanted and exist.</summary>
    public static IReadOnlyDictionary<string, string> Settings(KernelState wanted) =>
        wanted.OfType<Sysctl>().Select(setting => (setting.Path, Value: SystemControl.Read(setting.Path)))
            .Where(setting => setting.Value is not null).ToDictionary(setting => setting.Path, setting => setting.Value!);

    /// <summary>All IPv6 addresses.</summary>
    public List<AddressMessage> Addresses() => All("ip -6 address show", RouteMessages.WriteAddressDump, RouteMessages.ReadAddress);

    /// <summary>The tunnels of a scope by their addresses alone, and its routes.</summary>
    public IReadOnlyList<KernelObject> Owned(KernelScope scope)
    {
        var links = Links();
        return
        [
            .. links.Where(link => scope.Owns(link) && link.Tunnel is not null).Select(link => new Ip6Tunnel(link.Name, link.Tunnel!.Local, link.Tunnel.Remote)),
            .. Routes(links, scope.Protocol),
        ];
    }

    /// <summary>All that is needed to know what has to be changed.</summary>
    public KernelSnapshot Take(KernelState wanted, KernelScope scope)
    {
        var links = Links();
        var objects = new List<KernelObject>();
        var marked = new HashSet<KernelObject>();

        // What a link that went meanwhile had on it has gone with it.
        objects.AddRange(OnLinks(links, Addresses(), address => address.Link, (address, link) => new LinkAddress(link, address.Address, address.PrefixLength)));
        objects.AddRange(Routes(links, scope.Protocol));
        objects.AddRange(All("ip -6 rule show", RouteMessages.WriteRuleDump, payload => RouteMessages.ReadRule(payload, scope.Protocol)));
        foreach (var neighbour in Neighbours(proxies: false).Concat(Neighbours(proxies: true)))
        {
            if (links.Find(neighbour.Link)?.Name is not { } link)
            {
                continue;
            }

            KernelObject entry = neighbour.LinkLayerAddress is { } linkLayer
                ? new Neighbour(link, neighbour.Address, linkLayer)
                : new ProxyNeighbour(link, neighbour.Address);
            objects.Add(entry);
            if (neighbour.Protocol == scope.Protocol)
            {
                marked.Add(entry);
            }
        }

        // Of other ports it does not matter what is there: an entry is always replaced.
        var entered = wanted.OfType<BridgeForwardingEntry>().Select(entry => links.Find(entry.Link)).OfType<NetworkInterface>()
            .Concat(links.Where(link => link.Kind == "veth" && scope.Owns(link))).Where(link => link.BridgePort is not null).Distinct();
        foreach (var port in entered)
        {
            objects.AddRange(All($"bridge fdb show brport {port.Name}", writer => BridgeMessages.WriteEntryDump(writer, port.Index), BridgeMessages.ReadEntry)
                .Where(entry => entry.Link == port.Index).Select(entry => new BridgeForwardingEntry(port.Name, entry.Address) { IsSticky = entry.IsSticky }));
        }

        var filtered = wanted.OfType<Filter>().Select(filter => filter.Link).ToHashSet();
        foreach (var classifier in All("tc qdisc show", FilterMessages.WriteQdiscDump, FilterMessages.ReadClassifier))
        {
            if (links.Find(classifier.Link)?.Name is not { } link)
            {
                continue;
            }

            objects.Add(new Classifier(link));
            // On a guest's tap that is libvirt's there may be one of ours that is not wanted any more.
            if (filtered.Contains(link) || links.Find(link)!.Kind == "tun")
            {
                foreach (var filter in Filters(links, link, FilterHook.Ingress, classifier.Link, scope).Concat(Filters(links, link, FilterHook.Egress, classifier.Link, scope)))
                {
                    objects.Add(filter.Filter);
                    if (filter.IsMarked)
                    {
                        marked.Add(filter.Filter);
                    }
                }
            }
        }

        return new()
        {
            Interfaces = links.ByName,
            Objects = objects,
            Marked = marked,
            Settings = Settings(wanted),
        };
    }

    private static IEnumerable<KernelObject> OnLinks<T>(NetworkInterfaceCollection links, IEnumerable<T> found, Func<T, int> linkOf, Func<T, string, KernelObject> make) =>
        from one in found
        let link = links.Find(linkOf(one))
        where link is not null
        select make(one, link.Name);

    private IEnumerable<KernelObject> Routes(NetworkInterfaceCollection links, byte protocol)
    {
        var routes = All($"ip -6 route show table all proto {protocol}", writer => RouteMessages.WriteRouteDump(writer, protocol), RouteMessages.ReadRoute)
            .FindAll(route => route.Protocol == protocol);

        // The kernel says the loopback interface for one without a link.
        return routes.Where(route => route.Type is RTN_UNREACHABLE or RTN_THROW).Select(route => Make(route, null))
            .Concat(OnLinks(links, routes.Where(route => route.Type == RTN_UNICAST), route => route.Link, Make));

        static KernelObject Make(RouteMessage route, string? link) => new Route(route.Destination, route.Table)
        {
            Source = route.Source,
            Metric = route.Metric,
            Link = link,
            Gateway = route.Gateway,
            IsThrown = route.Type == RTN_THROW,
        };
    }

    private List<NeighbourMessage> Neighbours(bool proxies) =>
        All("ip -6 neigh show", writer => RouteMessages.WriteNeighbourDump(writer, proxies), RouteMessages.ReadNeighbour);

    private IEnumerable<FilterMessage> Filters(NetworkInterfaceCollection links, string link, FilterHook hook, int index, KernelScope scope) =>
        All(
            $"tc filter show dev {link}",
            writer => FilterMessages.WriteDump(writer, hook, index),
            payload => FilterMessages.Read(payload, link, hook, scope.Protocol, target => links.Find(target)?.Name))
            .GroupBy(found => (found.Filter.Priority, found.Filter.Handle))
            .Select(same => same.Count() == 1 ? same.First() : new(same.First().Filter with { Match = new UnknownMatch("several", same.First().Filter.Match.Protocol) }, IsMarked: false));

    private List<T> All<T>(string operation, Action<NetlinkWriter> request, Func<ReadOnlySpan<byte>, T?> read)
        where T : class
    {
        var found = new List<T>();
        bool consistent;
        do
        {
            found.Clear();
            consistent = socket.TryDump(operation, request, (_, payload) =>
            {
                if (read(payload) is { } one)
                {
                    found.Add(one);
                }
            });
        }
        while (!consistent);

        return found;
    }
}
