namespace Kagemusha.Linux.Tests;

/// <summary>As much of a kernel as the difference looks at: it does what a change says, and loses what the real one would lose by it.</summary>
internal sealed record FakeKernel
{
    public IReadOnlyList<NetworkInterface> Links { get; init; } = [];

    public IReadOnlyList<KernelObject> Objects { get; init; } = [];

    public HashSet<KernelObject> Marked { get; init; } = [];

    public Dictionary<string, string> Settings { get; init; } = [];

    public KernelSnapshot Snapshot() => new()
    {
        Interfaces = Links.ToDictionary(link => link.Name),
        Objects = Objects,
        Marked = Marked,
        Settings = Settings,
    };

    public FakeKernel After(IEnumerable<Change> changes) => changes.Aggregate(this, (kernel, change) => kernel.After(change));

    private FakeKernel After(Change change) => change switch
    {
        { Object: LinkSettings settings } => Set(settings),
        { Object: Sysctl setting } => this with { Settings = new(Settings) { [setting.Path] = setting.Value } },
        { Object: Veth end, Kind: ChangeKind.Delete } => WithoutLink(PeerOf(end.Name)).WithoutLink(end.Name),
        { Object: Link link, Kind: ChangeKind.Delete } => WithoutLink(link.Name),
        { Object: Veth end } => this with
        {
            Links =
            [
                .. Links,
                new(NextIndex, end.Name) { Kind = "veth", Group = KernelScope.DefaultProtocol, PeerIndex = NextIndex + 1, GeneratesAddresses = true },
                new(NextIndex + 1, end.Peer) { Kind = "veth", Group = KernelScope.DefaultProtocol, PeerIndex = NextIndex, GeneratesAddresses = true },
            ],
        },
        { Object: BridgePort port } => this with { Links = [.. Links.Select(there => there.Name == port.Name ? After(there, port) : there)] },
        { Object: Vrf vrf } => this with { Links = [.. Links, new(NextIndex, vrf.Name) { Kind = "vrf", Group = KernelScope.DefaultProtocol, Table = vrf.Table }] },
        { Object: Ip6Tunnel tunnel } => this with
        {
            Links = [.. Links, new(NextIndex, tunnel.Name) { Kind = "ip6tnl", Group = KernelScope.DefaultProtocol, Tunnel = LinkMessages.Parameters(tunnel, 0), GeneratesAddresses = true }],
        },
        { Object: Classifier classifier, Kind: ChangeKind.Delete } => Without(there => there == classifier || there is Filter filter && filter.Link == classifier.Link),
        { Kind: ChangeKind.Delete } => Without(there => there == change.Object),
        { Kind: ChangeKind.Replace } => Without(there => there.GetType() == change.Object.GetType() && there.Identity.Equals(change.Object.Identity)).With(change.Object),
        _ => With(change.Object),
    };

    /// <summary>How the kernel makes a bridge's port.</summary>
    private static BridgePortSettings NewPort { get; } = new(Learning: true, UnicastFlood: true, MulticastFlood: true, BroadcastFlood: true);

    private int NextIndex => Links.Max(link => link.Index) + 1;

    private FakeKernel With(KernelObject added) => this with { Objects = [.. Objects, added] };

    private FakeKernel Without(Func<KernelObject, bool> gone) => this with { Objects = [.. Objects.Where(there => !gone(there))] };

    private string PeerOf(string name) => Links.First(peer => peer.PeerIndex == Links.First(link => link.Name == name).Index).Name;

    private FakeKernel WithoutLink(string name) =>
        (this with { Links = [.. Links.Where(there => there.Name != name).Select(there => Freed(there, name))] }).Without(there => there.RequiredLink == name);

    private static NetworkInterface After(NetworkInterface link, BridgePort port) => link with
    {
        TransmitQueueLength = port.TransmitQueueLength ?? link.TransmitQueueLength,
        BridgePort = new(
            port.Learning ?? link.BridgePort!.Learning,
            port.UnicastFlood ?? link.BridgePort!.UnicastFlood,
            port.MulticastFlood ?? link.BridgePort!.MulticastFlood,
            port.BroadcastFlood ?? link.BridgePort!.BroadcastFlood),
    };

    private NetworkInterface Freed(NetworkInterface link, string master) =>
        link.MasterIndex != 0 && link.MasterIndex == Links.First(there => there.Name == master).Index ? link with { MasterIndex = 0 } : link;

    private FakeKernel Set(LinkSettings settings)
    {
        var link = Links.First(link => link.Name == settings.Name);
        var changed = link with
        {
            Address = settings.Address ?? link.Address,
            Mtu = settings.Mtu ?? link.Mtu,
            TransmitQueueLength = settings.TransmitQueueLength ?? link.TransmitQueueLength,
            MasterIndex = settings.Master switch
            {
                null => link.MasterIndex,
                "" => 0,
                _ => Links.First(master => master.Name == settings.Master).Index,
            },
            BridgePort = settings.Master is null ? link.BridgePort : Links.FirstOrDefault(master => master.Name == settings.Master)?.Kind == "bridge" ? NewPort : null,
            IsUp = settings.Up ?? link.IsUp,
            GeneratesAddresses = link.GeneratesAddresses && !settings.NoAddressGeneration,
        };
        var kernel = this with { Links = [.. Links.Select(there => there == link ? changed : there)] };

        // Both take the link down, if only for a moment.
        return settings.Up == false || settings.Master is not null
            ? kernel.Without(there => there is LinkAddress or Neighbour or Route && there.RequiredLink == settings.Name)
            : kernel;
    }
}
