namespace Kagemusha.Linux;

/// <summary>
/// The steps from what the kernel has towards what is wanted that can be taken at once, in order. What needs a link that
/// is about to change waits for the next round: taken again and again, the steps come to an end, and then all is as wanted.
/// </summary>
/// <remarks>
/// A guest's packets must never leave natively. So a link goes up only when all of its filters have been seen in the kernel, and enters a
/// VRF only when all of that VRF's routes without a link (the unreachable default) have; a port that is no longer wanted goes
/// down before it leaves; a VRF's unreachable routes outlive it; filters that drop are made before those that pass.
/// </remarks>
internal sealed class Difference
{
    private readonly KernelState _wanted;
    private readonly KernelSnapshot _actual;
    private readonly KernelScope _scope;
    private readonly IReadOnlyCollection<Change> _failed;
    private readonly HashSet<KernelObject> _present;
    private readonly Dictionary<(Type, object), KernelObject> _occupants = [];
    private readonly Dictionary<(string, FilterHook, ushort, FilterMatch), uint> _handles = [];
    private readonly ILookup<string, Filter> _filters;
    private readonly ILookup<uint, Route> _unreachable;
    private readonly Dictionary<string, NetworkInterface> _doomed;
    private readonly Dictionary<string, NetworkInterface> _released;
    private readonly HashSet<string> _usurped;
    private readonly HashSet<string> _unsettled;
    private readonly List<Change> _changes = [];
    private readonly List<NetlinkException> _refusals = [];

    private Difference(KernelState wanted, KernelSnapshot actual, KernelScope scope, IReadOnlyCollection<Change> failed)
    {
        (_wanted, _actual, _scope, _failed) = (wanted, actual, scope, failed);
        _present = [.. _actual.Objects];
        foreach (var there in _actual.Objects)
        {
            _occupants.TryAdd(KernelState.Key(there), there);
        }

        foreach (var filter in _wanted.OfType<Filter>())
        {
            _handles.TryAdd((filter.Link, filter.Hook, filter.Priority, filter.Match), filter.Handle);
        }

        _filters = _wanted.OfType<Filter>().ToLookup(filter => filter.Link);
        _unreachable = _wanted.OfType<Route>().Where(route => route.Link is null).ToLookup(route => route.Table);
        var links = _actual.Interfaces.Values;
        var kept = _wanted.OfType<Link>().ToDictionary(link => link.Name);
        var vrfs = links.Where(link => _scope.Owns(link) && link.Kind == "vrf").Select(link => link.Index).ToHashSet();
        _doomed = links.Where(link => _scope.Owns(link) && !(kept.TryGetValue(link.Name, out var same) && IsSame(same, link))).ToDictionary(link => link.Name);
        _released = links.Where(link => !_scope.Owns(link) && vrfs.Contains(link.MasterIndex) && !kept.ContainsKey(link.Name)).ToDictionary(link => link.Name);
        _usurped = [.. links.Where(link => !_scope.Owns(link) && kept.GetValueOrDefault(link.Name) is Vrf or Ip6Tunnel or Veth).Select(link => link.Name)];
        _unsettled = [.. _doomed.Keys];
    }

    /// <summary>The steps of one round without those that have failed, and what cannot be done because of what somebody else has made.</summary>
    public static (IReadOnlyList<Change> Changes, IReadOnlyList<NetlinkException> Refusals) Compute(
        KernelState wanted,
        KernelSnapshot actual,
        KernelScope scope,
        IReadOnlyCollection<Change> failed)
    {
        var difference = new Difference(wanted, actual, scope, failed);
        difference.DeleteObjects();
        difference.DeleteLinks();
        difference.AddLinks();
        difference.AddFilters();
        difference.SetBridgePorts();
        difference.SetLinks();
        difference.AddObjects();
        difference.DeleteUnreachableRoutes();
        return (difference._changes, difference._refusals);
    }

    /// <summary>Whether all that is on the link is ours.</summary>
    private bool IsManaged(string name) => _actual.Interfaces.TryGetValue(name, out var link)
        && (_scope.Owns(link) || _released.ContainsKey(name) || _wanted.Occupies(new Port(name)));

    /// <summary>Whether a link need not be made anew: what can be set is not compared.</summary>
    private bool IsSame(Link link, NetworkInterface there) => link switch
    {
        Vrf vrf => there.Kind == "vrf" && there.Table == vrf.Table,
        Ip6Tunnel tunnel => there.Tunnel == LinkMessages.Parameters(tunnel, tunnel.Underlay is null ? 0 : IndexOf(tunnel.Underlay)),
        Veth veth => there.Kind == "veth" && _actual.NameOf(there.PeerIndex) == veth.Peer,
        _ => true,
    };

    private int IndexOf(string name) => _actual.Interfaces.TryGetValue(name, out var link) ? link.Index : -1;

    private bool IsThere(string name) => _actual.Interfaces.ContainsKey(name) && !_doomed.ContainsKey(name) && !_usurped.Contains(name);

    private bool IsSettled(string name) => IsThere(name) && !_unsettled.Contains(name);

    private void Do(ChangeKind kind, KernelObject what)
    {
        var change = new Change(kind, what);
        if (!_failed.Contains(change))
        {
            _changes.Add(change);
        }
    }

    private void DeleteObjects()
    {
        foreach (var there in _actual.Objects.Where(there => !_wanted.Contains(there) && !(there.RequiredLink is { } link && _doomed.ContainsKey(link)))
            .OrderBy(DeletionOrder))
        {
            var isOurs = there switch
            {
                Route route => route.Link is not null && !IsReplaced(route),
                Rule => true,
                Neighbour or ProxyNeighbour => (_actual.Marked.Contains(there) || IsManaged(there.RequiredLink!)) && !IsReplaced(there),
                LinkAddress => IsManaged(there.RequiredLink!),
                BridgeForwardingEntry entry => IsPlaced(entry) && !IsReplaced(there),
                Filter filter => (_actual.Marked.Contains(filter) || (HasFilters(filter.Link) && IsManaged(filter.Link)))
                    && (!_wanted.Occupies(filter) || HasOtherHandle(filter)),
                _ => false,
            };
            if (isOurs)
            {
                Do(ChangeKind.Delete, there);
            }
        }

        static int DeletionOrder(KernelObject there) => there switch
        {
            Filter { Action: FilterAction.Pass or FilterAction.Redirect } => 0,
            Filter => 1,
            Route => 2,
            Rule => 3,
            LinkAddress => 5,
            _ => 4,
        };
    }

    /// <summary>Whether another object will take its place: then it stays until that can be done, in one step.</summary>
    private bool IsReplaced(KernelObject there) => _wanted.Occupies(there) && !_present.Contains(_wanted.OccupantOf(there));

    /// <summary>Whether an entry is on a link of ours, and not there because the bridge learns there.</summary>
    private bool IsPlaced(BridgeForwardingEntry entry) => _actual.Interfaces.TryGetValue(entry.Link, out var link)
        && _scope.Owns(link) && (entry.IsSticky || link.BridgePort is { Learning: false });

    /// <summary>Whether what it matches is wanted by another handle, which the kernel refuses as long as this one is there.</summary>
    private bool HasOtherHandle(Filter filter) =>
        _handles.TryGetValue((filter.Link, filter.Hook, filter.Priority, filter.Match), out var handle) && handle != filter.Handle;

    private bool HasFilters(string link) => _filters.Contains(link);

    private void DeleteLinks()
    {
        foreach (var name in _released.Keys.Order(StringComparer.Ordinal))
        {
            _unsettled.Add(name);
            Do(ChangeKind.Set, new LinkSettings(name) { Up = false });
            Do(ChangeKind.Set, new LinkSettings(name) { Master = "" });
        }

        foreach (var classifier in _actual.Objects.OfType<Classifier>().OrderBy(there => there.Link, StringComparer.Ordinal))
        {
            // Elsewhere it stays: to take one away from a link that is up, or to add one, costs what passes meanwhile (net/sched: qdisc_graft).
            if (IsManaged(classifier.Link) && !_doomed.ContainsKey(classifier.Link) && !HasFilters(classifier.Link))
            {
                Do(ChangeKind.Delete, classifier);
            }
        }

        // Tunnels before the VRF that they are in; a pair goes with its first end.
        foreach (var link in _doomed.Values.Where(link => !IsSecondEnd(link)).OrderBy(link => link.Kind == "vrf").ThenBy(link => link.Name, StringComparer.Ordinal))
        {
            Do(ChangeKind.Delete, link.Kind switch
            {
                "vrf" => new Vrf(link.Name, link.Table),
                "veth" => new Veth(link.Name, ""),
                _ => new Ip6Tunnel(link.Name, link.Tunnel!.Local, link.Tunnel.Remote),
            });
        }
    }

    private bool IsSecondEnd(NetworkInterface link) => link.Kind == "veth"
        && _doomed.Values.Any(first => first.Index == link.PeerIndex && first.PeerIndex == link.Index && string.CompareOrdinal(first.Name, link.Name) < 0);

    /// <summary>Routes without a link go last, unreachable ones behind those that are thrown, and not before the VRF that may still need them.</summary>
    private void DeleteUnreachableRoutes()
    {
        var tables = _actual.Interfaces.Values.Where(link => _scope.Owns(link) && link.Kind == "vrf").Select(link => link.Table).ToHashSet();
        foreach (var route in _actual.Objects.OfType<Route>().OrderBy(route => route.Line("delete"), StringComparer.Ordinal))
        {
            if (route.Link is null && !_wanted.Contains(route) && !IsReplaced(route) && (!tables.Contains(route.Table) || IsTableWanted(route.Table)))
            {
                Do(ChangeKind.Delete, route);
            }
        }
    }

    private bool IsTableWanted(uint table) => _wanted.OfType<Vrf>().Any(vrf => vrf.Table == table);

    private void AddLinks()
    {
        foreach (var link in _wanted.OfType<Link>().Where(link => link is not Port && !IsThere(link.Name))
            .OrderBy(link => link is not Vrf).ThenBy(link => link.Name, StringComparer.Ordinal))
        {
            if (link.RequiredLink is { } underlay && !IsThere(underlay))
            {
                continue;
            }

            var obstacle = _usurped.Contains(link.Name) ? $"{link.Name} is there already and not ours"
                : link is Ip6Tunnel tunnel && FindRival(tunnel) is { } rival
                    ? $"{rival.Name}, which is not ours, is already a tunnel from {tunnel.Local} to {tunnel.Remote}, and there can be only one"
                    : null;
            if (obstacle is not null)
            {
                _refusals.Add(new(link.Line("add"), Tmds.Linux.LibC.EEXIST, obstacle));
                continue;
            }

            // A pair is made with its first end.
            if (!IsAdded(link))
            {
                Do(ChangeKind.Add, link);
            }
        }

        foreach (var route in _wanted.OfType<Route>().Where(route => route.Link is null && !_present.Contains(route)).OrderBy(route => route.Line("add"), StringComparer.Ordinal))
        {
            AddOrReplace(route);
        }
    }

    /// <summary>Whether it is made in this round, by itself or with its other end.</summary>
    private bool IsAdded(Link link) => _changes.Contains(new(ChangeKind.Add, link))
        || (link is Veth { Peer: var peer } && _wanted.OfType<Veth>().Any(other => other.Name == peer && _changes.Contains(new(ChangeKind.Add, other))));

    private NetworkInterface? FindRival(Ip6Tunnel tunnel) => _actual.Interfaces.Values.FirstOrDefault(link =>
        link.Tunnel is { } there && there.Local == tunnel.Local && there.Remote == tunnel.Remote && !_doomed.ContainsKey(link.Name) && link.Name != tunnel.Name);

    private void AddFilters()
    {
        foreach (var filters in _filters.Where(filters => IsThere(filters.Key)).OrderBy(filters => filters.Key, StringComparer.Ordinal))
        {
            if (!_present.Contains(new Classifier(filters.Key)))
            {
                Do(ChangeKind.Add, new Classifier(filters.Key));
            }

            foreach (var filter in filters.Where(filter => !_present.Contains(filter) && (filter.Target is null || IsThere(filter.Target)))
                .OrderBy(filter => filter.Action is FilterAction.Pass or FilterAction.Redirect).ThenBy(filter => filter.Hook).ThenBy(filter => filter.Priority))
            {
                var old = _occupants.GetValueOrDefault(KernelState.Key(filter)) as Filter;
                if (old is not null && (old.Match.GetType(), old.Match.Protocol) == (filter.Match.GetType(), filter.Match.Protocol) && old.Match is not U32Match)
                {
                    Do(ChangeKind.Replace, filter);
                    continue;
                }

                if (old is not null)
                {
                    Do(ChangeKind.Delete, old);
                }

                Do(ChangeKind.Add, filter);
            }
        }
    }

    private void SetBridgePorts()
    {
        foreach (var port in _wanted.OfType<BridgePort>().OrderBy(port => port.Name, StringComparer.Ordinal))
        {
            if (IsThere(port.Name) && _actual.Interfaces[port.Name] is { BridgePort: not null } there && port.Missing(there) is var missing
                && missing != new BridgePort(port.Name))
            {
                Do(ChangeKind.Set, missing);
            }
        }
    }

    private void SetLinks()
    {
        foreach (var link in _wanted.OfType<Link>().OrderBy(link => link is not Vrf).ThenBy(link => link.Name, StringComparer.Ordinal))
        {
            var isNew = link is not Port && !IsThere(link.Name);
            if (isNew ? !IsAdded(link) : !IsThere(link.Name))
            {
                continue;
            }

            var there = isNew ? new NetworkInterface(0, link.Name) { GeneratesAddresses = true } : _actual.Interfaces[link.Name];

            // A VRF has no addresses; elsewhere this has to be done before the link is up.
            if (link is not Vrf && there.GeneratesAddresses)
            {
                Set(new(link.Name) { NoAddressGeneration = true });
            }

            if (!MayEnter(link))
            {
                _unsettled.Add(link.Name);
                continue;
            }

            var port = link as Port;
            var wantedAddress = port?.Address ?? (link as Veth)?.Address;
            var master = _actual.NameOf(there.MasterIndex) == (link.Master ?? "") ? null : link.Master ?? "";

            // What is wanted of a bridge's port can be set only when it is one, and has to be before frames are flooded to it.
            var waits = !string.IsNullOrEmpty(master) && _wanted.Occupies(new BridgePort(link.Name));
            var settings = new LinkSettings(link.Name)
            {
                Address = wantedAddress is { } address && there.Address != address ? address : null,
                Mtu = link.Mtu is { } mtu && there.Mtu != mtu ? mtu : null,
                TransmitQueueLength = port?.TransmitQueueLength is { } queue && there.TransmitQueueLength != queue ? queue : null,
                Master = master,
                Up = there.IsUp || waits ? null : true,
            };
            if (settings != new LinkSettings(link.Name))
            {
                Set(settings);
            }
        }

        void Set(LinkSettings settings)
        {
            _unsettled.Add(settings.Name);
            Do(ChangeKind.Set, settings);
        }
    }

    /// <summary>Whether all that has to be there before the link carries packets has been seen in the kernel.</summary>
    private bool MayEnter(Link link)
    {
        if (!_filters[link.Name].All(_present.Contains))
        {
            return false;
        }

        if (link.Master is null)
        {
            return true;
        }

        return IsThere(link.Master)
            && (_actual.Interfaces[link.Master] is not { Kind: "vrf" } vrf
                || _unreachable[vrf.Table].All(_present.Contains));
    }

    private void AddObjects()
    {
        foreach (var setting in _wanted.OfType<Sysctl>().OrderBy(setting => setting.Path, StringComparer.Ordinal))
        {
            if (_actual.Settings.TryGetValue(setting.Path, out var value) && value != setting.Value)
            {
                Do(ChangeKind.Set, setting);
            }
        }

        foreach (var missing in _wanted.Where(missing => !_present.Contains(missing) && (missing.RequiredLink is not { } link || IsSettled(link)))
            .OrderBy(AdditionOrder).ThenBy(missing => missing.Line("add"), StringComparer.Ordinal))
        {
            switch (missing)
            {
                case LinkAddress:
                    Do(ChangeKind.Add, missing);
                    break;
                case Neighbour or ProxyNeighbour:
                case BridgeForwardingEntry when _actual.Interfaces[missing.RequiredLink!].BridgePort is not null:
                    Do(ChangeKind.Replace, missing);
                    break;
                case Route { Link: not null } or Rule:
                    AddOrReplace(missing);
                    break;
            }
        }

        static int AdditionOrder(KernelObject missing) => missing switch
        {
            LinkAddress => 0,
            Neighbour => 1,
            ProxyNeighbour => 2,
            _ => 3,
        };
    }

    private void AddOrReplace(KernelObject missing) =>
        Do(_occupants.ContainsKey(KernelState.Key(missing)) ? ChangeKind.Replace : ChangeKind.Add, missing);
}
