using System.Collections.Immutable;
using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>
/// What two hosts want of their kernels in a move, carried out, and the ways that packets take then.
/// <code>
///                router                        ha  2001:db8:f0::9
///                  |                            |
///        +======= home ======+       +=======  core ======+     two switches
///       lan                 lan     wan                  wan
///        | (one)      (two) |        | one: 2001:db8:f0::1, two: 2001:db8:f0::2
///       br0                br0
///        | tap              | tap    away the tap is in no bridge
///      guest1             guest2
/// </code>
/// </summary>
[Trait("Needs", "kernel")]
public sealed class HandOverKernelTests : IDisposable
{
    private const uint Table = 6275;
    private const byte NoNextHeader = 59;
    private const byte Ipv6InIpv6 = 41;

    private static readonly KernelScope Scope = new("kg", KernelScope.DefaultProtocol);
    private static readonly Ipv6Address Correspondent = Ipv6Address.Parse("2001:db8:2::2");
    private static readonly Ipv6Address HomeAgent = Ipv6Address.Parse("2001:db8:f0::9");
    private static readonly LinkLayerAddress Router = Guests.Enrolled.Link.RouterLinkLayerAddress;
    private static readonly HandOverTunnel ToTwo = new(Ipv6Address.Parse("2001:db8:f0::1"), Ipv6Address.Parse("2001:db8:f0::2"), "wan");
    private static readonly HandOverTunnel ToOne = new(ToTwo.Remote, ToTwo.Local, "wan");

    private static readonly HomeLinkPath Home = new(
        Guests.Mac, Guests.Enrolled.Link.Router, Router, 1500, [Guests.Home], "br0", "tap")
    {
        Settings = new(true, true, true, true),
    };

    private readonly NetworkNamespace _wires = new();
    private readonly Host _one;
    private readonly Host _two;
    private readonly PacketSocket _router;
    private readonly PacketSocket _homeAgent;
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private byte _sent;

    public HandOverKernelTests()
    {
        foreach (var (wire, end) in new[] { ("home", "router"), ("core", "ha") })
        {
            _wires.Ip($"link add {wire} type bridge mcast_snooping 0");
            _wires.Ip($"link set {wire} addrgenmode none up");
            _wires.Ip($"link add {end} type veth peer name {end}-port");
            _wires.Ip($"link set {end} addrgenmode none up");
            _wires.Ip($"link set {end}-port addrgenmode none master {wire} up");
        }

        (_one, _two) = (new(_wires, "1", ToTwo.Local), new(_wires, "2", ToTwo.Remote));
        _one.Namespace.Ip($"-6 neigh add {ToTwo.Remote} lladdr {_two.Wan} dev wan nud permanent");
        _two.Namespace.Ip($"-6 neigh add {ToOne.Remote} lladdr {_one.Wan} dev wan nud permanent");
        _router = _wires.Run(() => new PacketSocket(Host.Index("router"), PacketFilter.Nothing));
        _homeAgent = _wires.Run(() => new PacketSocket(Host.Index("ha"), PacketFilter.Nothing));
    }

    private static AwayLink Away(Host host) => new(
        "tap", Guests.Mac, Guests.Enrolled.Link.Router, Router, [Guests.Home], HomeAgent, new(host.Address, "wan", 0, 1500));

    public void Dispose()
    {
        _router.Dispose();
        _homeAgent.Dispose();
        _one.Dispose();
        _two.Dispose();
        _wires.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task From_home_to_home_it_is_reached_by_the_host_that_it_has_left_until_it_speaks_for_itself()
    {
        _one.EnterBridge();
        _two.EnterBridge();
        _one.Guest.Send(Hello);
        _one.Apply(Home with { Departure = ToTwo });
        _two.Apply(Home with { Arrival = ToOne, IsQuiet = true });
        await ArrivesAsync(FromRouter, _one);

        _one.Apply(Home with { Departure = ToTwo, IsTurned = true });
        await ArrivesAsync(FromRouter, _two, through: 1);

        _two.Apply(Home with { Arrival = ToOne });
        _two.Guest.Send(Hello);
        await ArrivesAsync(FromRouter, _two);

        _one.Apply();
        _two.Apply();
        await ArrivesAsync(FromRouter, _two);
    }

    [Fact]
    public async Task Home_again_it_gets_what_the_router_sends_before_it_has_said_anything()
    {
        _one.EnterBridge();
        var coming = Home with { Arrival = ToTwo, IsQuiet = true };
        _one.Apply(coming);
        _one.Carry(HandOverDataPath.Opening(coming));
        await ArrivesAsync(FromRouter, _one);
        Assert.Empty(_one.Apply(Home with { Arrival = ToTwo }));
    }

    [Fact]
    public async Task Back_home_what_it_was_sent_after_is_sent_back_once_and_does_not_go_round()
    {
        _one.EnterBridge();
        _one.Guest.Send(Hello);
        var left = Home with { Departure = ToTwo, IsTurned = true, IsReturning = true, Arrival = ToTwo, IsQuiet = true };
        var there = Away(_two) with { Arrival = ToOne, Through = ToOne };
        _one.Apply(left with { Tap = null });
        _two.Apply(there);
        await ArrivesAsync(FromRouter, _two, through: 1);

        _one.Apply(left);
        _two.Apply(there with { Departure = ToOne });
        await ArrivesAsync(FromRouter, _two, through: 1);

        // Suspended there, and not resumed here yet.
        _two.Apply(there with { Departure = ToOne, IsTurned = true });
        await ArrivesAsync(FromRouter, _one, through: 1);

        _one.Carry(HandOverDataPath.Opening(left));
        await ArrivesAsync(FromRouter, _one);
        _one.Apply(Home with { Arrival = ToTwo });
        await ArrivesAsync(FromRouter, _one);
    }

    [Fact]
    public async Task Back_on_a_foreign_host_what_it_was_sent_after_is_sent_back_once_and_does_not_go_round()
    {
        var back = Away(_one) with { Departure = ToTwo, IsTurned = true, IsReturning = true, Arrival = ToTwo };
        var there = Away(_two) with { Arrival = ToOne, Through = ToOne };
        _one.Apply(back);
        _two.Apply(there);
        await ArrivesAsync(FromHomeAgent, _two, through: 1);

        _two.Apply(there with { Departure = ToOne, IsTurned = true });
        await ArrivesAsync(FromHomeAgent, _one, through: 1);

        _one.Apply(Away(_one) with { Arrival = ToTwo });
        await ArrivesAsync(FromHomeAgent, _one);
    }

    [Fact]
    public async Task What_does_not_fit_into_the_tunnel_is_told_its_sender_from_the_hosts_address_by_the_hosts_own_way()
    {
        _one.EnterBridge();
        _one.Guest.Send(Hello);
        _one.Namespace.Ip($"-6 neigh add {HomeAgent} lladdr {Router} dev wan nud permanent");
        _one.Namespace.Ip($"-6 route add default via {HomeAgent} dev wan");
        _one.Apply(Home with { Departure = ToTwo, IsTurned = true });
        using var core = _wires.Run(() => new PacketSocket(Host.Index("ha"), PacketFilter.NextHeader(58)));

        _router.Send(Packets.Frame(Guests.Mac, Router, EtherType.Ipv6, Packets.Ipv6(Correspondent, Guests.Home, NoNextHeader, new byte[1460])));

        await Packets.IsToldAsync(core, ToTwo.Local, Correspondent, mtu: 1460, _deadline.Token);
    }

    private static byte[] Hello => Packets.Frame(
        LinkLayerAddress.Parse("ff:ff:ff:ff:ff:ff"), Guests.Mac, (EtherType)0x88b5, new byte[46]);

    private static byte[] Probe(byte number) => Packets.Ipv6(Correspondent, Guests.Home, NoNextHeader, [number]);

    private void FromRouter(byte number) => _router.Send(Packets.Frame(Guests.Mac, Router, EtherType.Ipv6, Probe(number)));

    private void FromHomeAgent(byte number) => _homeAgent.Send(Packets.Frame(
        _one.Wan, Router, EtherType.Ipv6, Packets.Ipv6(HomeAgent, _one.Address, Ipv6InIpv6, Probe(number))));

    /// <summary>Each of some packets gets to the guest there, once, and has passed so often from the first host to the second.</summary>
    private async Task ArrivesAsync(Action<byte> send, Host at, int through = 0)
    {
        var buffer = new byte[2048];
        var before = _one.Transmitted(ToTwo.Name);
        for (var i = 0; i < 3; i++)
        {
            send(++_sent);
            await at.Guest.ReceiveAsync(buffer, _deadline.Token);
            Assert.Equal((Guests.Home, _sent), (Ipv6Address.Read(buffer.AsSpan(14 + 24)), buffer[14 + 40]));
        }

        Assert.Equal(3 * through, _one.Transmitted(ToTwo.Name) - before);
        Assert.False((at == _one ? _two : _one).Guest.TryReceive(buffer, out _), "it has come elsewhere, too");
    }

    /// <summary>A host with its guest's tap.</summary>
    private sealed class Host : IDisposable
    {
        private readonly Kernel _kernel;

        public Host(NetworkNamespace wires, string number, Ipv6Address address)
        {
            Address = address;
            Namespace.Ip($"link add lan type veth peer name lan{number} netns {wires.Name}");
            Namespace.Ip($"link add wan type veth peer name wan{number} netns {wires.Name}");
            Namespace.Ip($"link add tap type veth peer name guest{number} netns {wires.Name}");
            Namespace.Ip("link add br0 type bridge mcast_snooping 0");
            foreach (var link in new[] { "lan", "wan", "tap", "br0" })
            {
                Namespace.Ip($"link set {link} addrgenmode none up");
            }

            Namespace.Ip($"address add {address}/64 dev wan nodad");
            wires.Ip($"link set lan{number} addrgenmode none master home up");
            wires.Ip($"link set wan{number} addrgenmode none master core up");
            wires.Ip($"link set guest{number} addrgenmode none up");
            Guest = wires.Run(() => new PacketSocket(Index($"guest{number}"), PacketFilter.NextHeader(NoNextHeader)));
            _kernel = Namespace.Run(() => new Kernel());
            Wan = _kernel.Interfaces().Find("wan")!.Address!.Value;
        }

        public NetworkNamespace Namespace { get; } = new();

        public Ipv6Address Address { get; }

        public LinkLayerAddress Wan { get; }

        /// <summary>The guest's end of its tap.</summary>
        public PacketSocket Guest { get; }

        public static int Index(string link)
        {
            using var kernel = new Kernel();
            return kernel.Interfaces().Find(link)!.Index;
        }

        /// <summary>It is on the home link, and so is its guest's tap.</summary>
        public void EnterBridge()
        {
            Namespace.Ip("link set lan master br0");
            Namespace.Ip("link set tap master br0");
        }

        public ImmutableArray<Change> Apply(params HomeLinkPath[] paths) => Apply(KernelState.Empty.With(HandOverDataPath.For([], paths, Table)));

        public ImmutableArray<Change> Apply(AwayLink link) => Apply(AwayDataPath.For([link], [Address], Table).With(HandOverDataPath.For([link], [], Table)));

        public void Carry(IEnumerable<KernelObject> changes) => _kernel.Prepare([.. changes], _kernel.Interfaces(), Scope).Carry();

        public long Transmitted(string link) => _kernel.Interfaces().Find(link) is { } there ? _kernel.Statistics(there.Index)!.Value.TransmittedPackets : 0;

        public void Dispose()
        {
            Guest.Dispose();
            _kernel.Dispose();
            Namespace.Dispose();
        }

        private ImmutableArray<Change> Apply(KernelState wanted) =>
            Namespace.Run(() => _kernel.Apply(wanted.With(ErrorPath.For(wanted, Table)), Scope)).Changes;
    }
}
