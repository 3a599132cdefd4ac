using System.Collections.Immutable;
using Kagemusha.Wire;
using Tmds.Linux;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>What <see cref="Kernel.Apply"/> has done.</summary>
/// <param name="Changes">The steps that were taken, in order; none if all was as wanted.</param>
/// <param name="MissingLinks">Links that wanted objects need and that are not there; those objects had to be left out.</param>
public sealed record ApplyResult(ImmutableArray<Change> Changes, ImmutableSortedSet<string> MissingLinks);

/// <summary>
/// The network configuration of the kernel, by rtnetlink, in the network namespace of the thread that made this object; settings under
/// <c>/proc/sys/net</c> are those of the calling thread's namespace. Thread-safe.
/// </summary>
public sealed class Kernel : IDisposable
{
    // Links, what they need, what is on them, and one to see that it is done; twice, for a kernel that changes under our hands.
    private const int MostRounds = 8;

    private readonly Lock _gate = new();
    private readonly NetlinkSocket _socket = new();

    // What is prepared waits for no comparison.
    private readonly Lock _preparedGate = new();
    private readonly NetlinkSocket _preparedSocket = new();

    /// <summary>
    /// Makes the kernel match: looks, takes the steps that are missing, and looks again until none is. A kernel that is as wanted gets no
    /// request to change anything. Whatever one error does not hinder is done nevertheless.
    /// </summary>
    /// <param name="wanted">All that is to be there of ours.</param>
    /// <param name="scope">Which objects are ours, and go if they are not wanted.</param>
    /// <exception cref="KernelException">The kernel refused something, or a link that is not ours is in the way: the first such error.</exception>
    public ApplyResult Apply(KernelState wanted, KernelScope scope)
    {
        lock (_gate)
        {
            var done = ImmutableArray.CreateBuilder<Change>();
            var failures = new Dictionary<Change, KernelException>();
            for (var round = 0; round < MostRounds; round++)
            {
                var actual = new KernelDump(_socket).Take(wanted, scope);
                var (changes, refusals) = Difference.Compute(wanted, actual, scope, failures.Keys);
                if (changes.Count == 0)
                {
                    return failures.Values.Concat(refusals).FirstOrDefault() is { } first ? throw first : new(done.ToImmutable(), Missing(wanted, actual));
                }

                done.AddRange(changes);
                Carry(changes, scope, actual.Interfaces, failures, mayBeGone: true);
            }

            throw failures.Values.FirstOrDefault() ?? new KernelException($"{done[^1]} (again and again)", LibC.EAGAIN);
        }
    }

    /// <summary>
    /// Makes the kernel match in a few objects, at a cost that depends on their number alone: it is not looked what is there, but at the links and settings of
    /// these. The steps are those that <see cref="Apply"/> would take.
    /// </summary>
    /// <param name="given">These objects as the kernel was given them last.</param>
    /// <param name="wanted">What is to take their place. A link whose filters change has one in both that stays, or comes or goes itself.</param>
    /// <param name="scope">Whose they are.</param>
    /// <exception cref="KernelException">
    /// The kernel refused something, or was not as it was given: <see cref="Apply"/> with all that is wanted sees how it is, and says what hinders.
    /// </exception>
    public ApplyResult Step(KernelState given, KernelState wanted, KernelScope scope)
    {
        lock (_gate)
        {
            var dump = new KernelDump(_socket);
            var memory = new KernelMemory(given);
            var names = given.Concat(wanted).SelectMany(one => new[] { (one as Link)?.Name, one.RequiredLink }).OfType<string>().ToHashSet();
            var done = ImmutableArray.CreateBuilder<Change>();
            for (var round = 0; round < MostRounds; round++)
            {
                var actual = memory.With(dump.Links(names), KernelDump.Settings(wanted));
                var (changes, refusals) = Difference.Compute(wanted, actual, scope, []);
                if (refusals.Count > 0)
                {
                    throw refusals[0];
                }

                if (changes.Count == 0)
                {
                    return new(done.ToImmutable(), Missing(wanted, actual));
                }

                done.AddRange(changes);
                var failures = new Dictionary<Change, KernelException>();
                Carry(changes, scope, actual.Interfaces, failures, mayBeGone: false);
                if (failures.Count > 0)
                {
                    throw failures.Values.First();
                }

                memory.Follow(changes);
            }

            throw new KernelException($"{done[^1]} (again and again)", LibC.EAGAIN);
        }
    }

    /// <summary>The steps that <see cref="Apply"/> would take first; none where the kernel is as wanted. Changes nothing.</summary>
    /// <param name="wanted">All that is to be there of ours.</param>
    /// <param name="scope">Which objects are ours.</param>
    public IReadOnlyList<Change> Compare(KernelState wanted, KernelScope scope)
    {
        lock (_gate)
        {
            return [.. Difference.Compute(wanted, new KernelDump(_socket).Take(wanted, scope), scope, []).Changes];
        }
    }

    /// <summary>The tunnels and the routes of a scope that are there.</summary>
    public IReadOnlyList<KernelObject> Owned(KernelScope scope)
    {
        lock (_gate)
        {
            return new KernelDump(_socket).Owned(scope);
        }
    }

    /// <summary>All links.</summary>
    public NetworkInterfaceCollection Interfaces()
    {
        lock (_gate)
        {
            return new KernelDump(_socket).Links();
        }
    }

    /// <summary>The link of this name, if there is one.</summary>
    public NetworkInterface? Interface(string name)
    {
        lock (_gate)
        {
            return new KernelDump(_socket).Links([name]).GetValueOrDefault(name);
        }
    }

    /// <summary>All IPv6 addresses.</summary>
    public IReadOnlyList<InterfaceAddress> Addresses()
    {
        lock (_gate)
        {
            return new KernelDump(_socket).Addresses().ConvertAll(address => address.ToAddress());
        }
    }

    /// <summary>How the kernel would send to an address; null if it would not.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="source">The source, if it is not the kernel's to choose.</param>
    /// <param name="link">The link to leave by, if it is not the kernel's to choose.</param>
    public RouteLookup? Lookup(Ipv6Address destination, Ipv6Address? source = null, string? link = null)
    {
        lock (_gate)
        {
            var interfaces = new KernelDump(_socket).Links();
            RouteMessage? found = null;
            var reply = _socket.Query(
                writer => RouteMessages.WriteLookup(writer, destination, source, link is null ? 0 : interfaces.Find(link)?.Index ?? -1),
                (_, payload) => found = RouteMessages.ReadRoute(payload));
            if (reply.Errno is not 0 && reply.Errno != LibC.ENETUNREACH && reply.Errno != LibC.EHOSTUNREACH && reply.Errno != LibC.EACCES)
            {
                throw reply.ToException($"ip -6 route get {destination}");
            }

            return found is { Type: RTN_UNICAST or RTN_LOCAL } route && interfaces.Find(route.Link) is { } by
                ? new(source ?? route.PreferredSource ?? Ipv6Address.Unspecified, by.Index, by.Name, route.Gateway, route.Mtu != 0 ? route.Mtu : by.Mtu)
                : null;
        }
    }

    /// <summary>What has passed a link; null if it is not there.</summary>
    public LinkStatistics? Statistics(int interfaceIndex)
    {
        lock (_gate)
        {
            LinkStatistics? found = null;
            var reply = _socket.Query(writer => LinkMessages.WriteGet(writer, interfaceIndex), (_, payload) => found = LinkMessages.ReadStatistics(payload));
            return reply.Errno == 0 || reply.Errno == LibC.ENODEV ? found : throw reply.ToException($"ip -s link show {interfaceIndex}");
        }
    }

    /// <summary>Makes objects ready to take the places of others at once.</summary>
    /// <param name="replacing">Routes, neighbours, forwarding entries.</param>
    /// <param name="links">The links that they need.</param>
    /// <param name="scope">Whose they are.</param>
    /// <exception cref="KernelException">A link that they need is not there.</exception>
    public PreparedChanges Prepare(IReadOnlyList<KernelObject> replacing, NetworkInterfaceCollection links, KernelScope scope)
    {
        var writer = new NetlinkWriter();
        var changes = replacing.Select(one => new Change(ChangeKind.Replace, one)).ToList();
        changes.ForEach(change => Encode(writer, change, scope.Protocol, links.IndexOf));
        writer.AcknowledgeTheLastOnly();
        return new(this, changes, writer.Written.ToArray());
    }

    /// <summary>Who it is in what the kernel tells others of changes (nlmsg_pid).</summary>
    internal IReadOnlyList<uint> Ports => [_socket.Port, _preparedSocket.Port];

    /// <summary>Carries prepared changes out.</summary>
    internal void Carry(IReadOnlyList<Change> changes, byte[] messages)
    {
        lock (_preparedGate)
        {
            if (changes.Count > 0 && _preparedSocket.Execute(messages, changes.Count) is var (refused, reply))
            {
                throw reply.ToException(changes[refused].ToString());
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _preparedSocket.Dispose();
    }

    private static ImmutableSortedSet<string> Missing(KernelState wanted, KernelSnapshot actual) =>
        [.. wanted.SelectMany(needy => new[] { needy.RequiredLink, (needy as Link)?.Master }).OfType<string>().Where(name => !actual.Interfaces.ContainsKey(name))];

    /// <summary>Carries changes out in order: settings by files, all between two of them in one send.</summary>
    private void Carry(
        IReadOnlyList<Change> changes, KernelScope scope, IReadOnlyDictionary<string, NetworkInterface> links, Dictionary<Change, KernelException> failures, bool mayBeGone)
    {
        for (var start = 0; start < changes.Count;)
        {
            if (changes[start] is { Object: Sysctl setting } set)
            {
                try
                {
                    SystemControl.Write(setting.Path, setting.Value);
                }
                catch (KernelException error)
                {
                    failures[set] = error;
                }

                start++;
                continue;
            }

            var batch = changes.Skip(start).TakeWhile(change => change.Object is not Sysctl).ToList();
            var replies = _socket.Execute(batch.ConvertAll<Action<NetlinkWriter>>(change => writer => Encode(writer, change, scope.Protocol, name => links[name].Index)));
            for (var i = 0; i < batch.Count; i++)
            {
                if (replies[i].Errno != 0 && !(mayBeGone && IsGone(batch[i], replies[i].Errno)))
                {
                    failures[batch[i]] = replies[i].ToException(batch[i].ToString());
                }
            }

            start += batch.Count;
        }
    }

    /// <summary>Whether an error only says that something has gone by itself meanwhile: the next round sees that.</summary>
    private static bool IsGone(Change change, int errno) =>
        errno == LibC.ENODEV
        || (change.Kind == ChangeKind.Delete && (errno == LibC.ENOENT || errno == LibC.ESRCH || errno == LibC.EADDRNOTAVAIL || errno == LibC.EINVAL && change.Object is Classifier));

    private static void Encode(NetlinkWriter writer, Change change, byte protocol, Func<string, int> indexOf)
    {
        var isDeletion = change.Kind == ChangeKind.Delete;
        switch (change.Object)
        {
            case LinkSettings settings:
                LinkMessages.WriteSet(writer, settings, indexOf);
                break;
            case Link link when isDeletion:
                LinkMessages.WriteDelete(writer, link.Name);
                break;
            case Link link:
                LinkMessages.WriteAdd(writer, link, protocol, indexOf);
                break;
            case BridgePort port:
                BridgeMessages.WritePort(writer, port);
                break;
            case BridgeForwardingEntry entry:
                BridgeMessages.WriteEntry(writer, entry, isDeletion, indexOf(entry.Link));
                break;
            case LinkAddress address:
                RouteMessages.WriteAddress(writer, address, isDeletion, indexOf(address.Link));
                break;
            case Route route:
                RouteMessages.WriteRoute(writer, route, change.Kind, route.Link is null ? 0 : indexOf(route.Link), protocol);
                break;
            case Rule rule:
                RouteMessages.WriteRule(writer, rule, isDeletion, protocol);
                break;
            case Neighbour neighbour:
                RouteMessages.WriteNeighbour(writer, neighbour.Address, neighbour.LinkLayerAddress, isDeletion, indexOf(neighbour.Link), protocol);
                break;
            case ProxyNeighbour proxy:
                RouteMessages.WriteNeighbour(writer, proxy.Address, null, isDeletion, indexOf(proxy.Link), protocol);
                break;
            case Classifier classifier:
                FilterMessages.WriteClassifier(writer, isDeletion, indexOf(classifier.Link));
                break;
            case Filter filter:
                FilterMessages.Write(writer, filter, change.Kind, indexOf, protocol);
                break;
            default:
                throw new InvalidOperationException($"{change.Object.GetType().Name} is not sent by netlink");
        }
    }
}
