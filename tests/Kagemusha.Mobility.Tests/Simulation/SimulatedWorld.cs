using System.Globalization;
using System.Text;
using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests.Simulation;

/// <summary>
/// One guest that is moved about, the agents of its hosts and its home agents, on a bad network:
/// <code>
///   host f1, host f2 ---- network --+-- home agent 1 --+-- home link ---- host at home
///                                   +-- home agent 2 --+
/// </code>
/// </summary>
internal sealed class SimulatedWorld
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);
    public static readonly TimeSpan HomeLinkDelay = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestDowntime = TimeSpan.FromSeconds(60);
    public static readonly Ipv6Address HomeAddress = Ipv6Address.Parse("2001:db8:1::a");
    public static readonly LinkLayerAddress GuestLink = LinkLayerAddress.Parse("52:54:00:00:00:0a");

    private static readonly HomeAgentConfiguration HomeAgentConfiguration = new(
        Ipv6Address.Parse("2001:db8:1::1"), LinkLayerAddress.Parse("52:54:00:00:00:01"), [Ipv6Prefix.Parse("2001:db8:1::/64")]);

    private static readonly HomeAgentConfiguration OtherHomeAgentConfiguration = HomeAgentConfiguration with
    {
        Address = Ipv6Address.Parse("2001:db8:1::2"),
        LinkLayerAddress = LinkLayerAddress.Parse("52:54:00:00:00:02"),
    };

    private readonly SimulatedHost[] _hosts;
    private readonly StringBuilder _log = new();
    private ushort? _lastSequence;

    public SimulatedWorld(int seed)
    {
        Random = new(seed);
        Network = new(Random);
        HomeAgents = [new(this, HomeAgentConfiguration), new(this, OtherHomeAgentConfiguration)];
        _hosts = [new(this, null), new(this, Ipv6Address.Parse("2001:db8:f1::1")), new(this, Ipv6Address.Parse("2001:db8:f2::1"))];
        ChangeNetwork();
        Arrive(_hosts[0], null, null);
    }

    public Random Random { get; }

    public SimulatedNetwork Network { get; }

    /// <summary>Those on the home link, in the order of the mobile node's list.</summary>
    public SimulatedHomeAgent[] HomeAgents { get; }

    /// <summary>Where the guest runs; null while it is paused for a migration.</summary>
    public SimulatedHost? GuestHost { get; private set; }

    /// <summary>Since when the guest runs at home; later than any time when it does not.</summary>
    public TimeSpan GuestIsAtHomeSince { get; private set; } = TimeSpan.MaxValue;

    /// <summary>When numbers that are under way may have begun to be used again.</summary>
    public TimeSpan NumbersLostAt { get; private set; } = TimeSpan.MinValue;

    /// <summary>Who the neighbours on the home link believe to have the home address; null before anybody said so.</summary>
    public LinkLayerAddress? LinkOwner { get; set; }

    /// <summary>Every update ever sent.</summary>
    public HashSet<(ushort Sequence, Ipv6Address CareOfAddress)> Updates { get; } = [];

    public string Trace => _log.ToString();

    public void Log(string line) => _log.AppendLine(CultureInfo.InvariantCulture, $"{Network.Now.TotalSeconds,10:f3} {line}");

    /// <summary>One random thing happens, and then time passes.</summary>
    public void Step()
    {
        switch (Random.Next(10))
        {
            case < 4:
                Move(_hosts[Random.Next(_hosts.Length)]);
                break;
            case 4:
                Log("the guest's agent crashes");
                GuestHost?.Crash();
                break;
            case 5:
                CrashHomeAgent(isEmptied: false);
                break;
            case 6 when Random.Next(3) == 0:
                CrashHomeAgent(isEmptied: true);
                break;
            case 6 when Random.Next(2) == 0 && GuestHost is { HasStored: true } host:
                Log("the guest's agent crashes, and loses its numbers");
                NumbersLostAt = Network.Now;
                _lastSequence = null;
                host.CrashAndLoseNumbers();
                break;
            case 7:
                GuestHost?.Handle(new MobileNodeInput.Refresh());
                break;
            default:
                ChangeNetwork();
                break;
        }

        // Often less than an answer takes, sometimes longer than a binding lasts.
        var seconds = Math.Pow(10, 3 * Random.NextDouble() - 1);
        Network.RunUntil(Network.Now + TimeSpan.FromSeconds(seconds));
    }

    /// <summary>The network is well again and nothing more happens: all must agree on where the guest is.</summary>
    public void Settle()
    {
        (Network.Loss, Network.Duplication, Network.MaximumDelay) = (0, 0, TimeSpan.FromMilliseconds(100));
        Log("the network is well");

        // A pause ends, a home agent comes up, what is under way comes, the longest back-off passes at each, and what a home agent forgot is refreshed.
        Network.RunUntil(Network.Now + LongestDowntime + SimulatedNetwork.LongestDelay + 2 * HomeAgents.Length * MobileNode.MaxBindackTimeout + Lifetime);
        Assert.NotNull(GuestHost);
        var holders = HomeAgents.Where(agent => agent.Binding is not null).ToList();
        if (GuestHost.CareOfAddress is null)
        {
            Assert.Empty(holders);
            Assert.Equal(MobileNodePhase.AtHome, GuestHost.State?.Phase);
            Assert.DoesNotContain(HomeAgents, agent => agent.LinkLayerAddress == LinkOwner);
        }
        else
        {
            var holder = Assert.Single(holders);
            Assert.Equal(MobileNodePhase.Registered, GuestHost.State?.Phase);
            Assert.Equal(GuestHost.CareOfAddress, holder.Binding!.CareOfAddress);
            Assert.Equal(GuestHost.HomeAgent, holder.Address);
            Assert.Equal(holder.LinkLayerAddress, LinkOwner);
        }
    }

    public SimulatedHomeAgent HomeAgentAt(Ipv6Address address) => HomeAgents.Single(agent => agent.Address == address);

    /// <summary>An update leaves: its number must be greater than that of any before it, whichever host sent that, and wherever to.</summary>
    public void Sent(SimulatedHost host, BindingUpdate update)
    {
        Assert.True(GuestHost == host, "an update was sent where the guest does not run");
        Assert.True(
            _lastSequence is not { } last || (short)(update.Sequence - last) > 0,
            $"number {update.Sequence} was sent after {_lastSequence}");
        _lastSequence = update.Sequence;
        Updates.Add((update.Sequence, update.Options.OfType<AlternateCareOfAddress>().Single().Address));
    }

    /// <summary>A host that the guest has left for home hands on what comes for it.</summary>
    public void DeliverToHost(MobilityPacket packet)
    {
        var host = GuestHost == _hosts[0] ? GuestHost : _hosts.SingleOrDefault(host => host.CareOfAddress == packet.Destination);
        host?.Handle(new MobileNodeInput.Received(packet));
    }

    public void DeliverAtHome(MobilityPacket packet) => _hosts[0].Handle(new MobileNodeInput.Received(packet));

    /// <summary>A home agent speaks on the home link: the others hear it, and whoever has the home address answers its detection.</summary>
    public void SeenOnHomeLink(SimulatedHomeAgent sender, NeighbourDiscoveryPacket packet)
    {
        var others = HomeAgents.Where(agent => agent != sender).ToList();
        foreach (var other in others)
        {
            Soon(() => other.Handle(new HomeAgentInput.SeenOnHomeLink(packet)));
        }

        if (packet.Message is NeighbourAdvertisement)
        {
            LinkOwner = sender.LinkLayerAddress;
        }
        else if (packet.Message is NeighbourSolicitation)
        {
            // A home agent's kernel answers for it.
            IEnumerable<LinkLayerAddress> owners =
            [
                .. others.Where(agent => agent.Binding is not null).Select(agent => agent.LinkLayerAddress),
                .. GuestHost == _hosts[0] ? [GuestLink] : Array.Empty<LinkLayerAddress>(),
            ];
            foreach (var owner in owners)
            {
                Soon(() => sender.Handle(new HomeAgentInput.SeenOnHomeLink(Advertisement(owner, NeighbourAdvertisementFlags.None))));
            }
        }
    }

    /// <summary>The guest says on the home link that it is there.</summary>
    public void Announce()
    {
        LinkOwner = GuestLink;
        foreach (var agent in HomeAgents)
        {
            Soon(() => agent.Handle(new HomeAgentInput.SeenOnHomeLink(Advertisement(GuestLink, NeighbourAdvertisementFlags.Override))));
        }
    }

    private static NeighbourDiscoveryPacket Advertisement(LinkLayerAddress owner, NeighbourAdvertisementFlags flags) =>
        new(HomeAddress, Ipv6Address.AllNodes, new NeighbourAdvertisement(HomeAddress, flags, [new TargetLinkLayerAddress(owner)]));

    private void Soon(Action action) => Network.At(Network.Now + HomeLinkDelay, action);

    // Often so short that nobody gives it up, sometimes for so long that another serves meanwhile.
    private void CrashHomeAgent(bool isEmptied) => HomeAgents[Random.Next(HomeAgents.Length)].Crash(
        (Random.Next(3) == 0 ? LongestDowntime : TimeSpan.FromSeconds(5)) * Random.NextDouble(), isEmptied);

    private void ChangeNetwork()
    {
        Network.Loss = Random.Next(4) switch { 0 => 0, 1 => 1, _ => 0.6 * Random.NextDouble() };
        Network.Duplication = 0.3 * Random.NextDouble();
        Network.MaximumDelay = SimulatedNetwork.LongestDelay * Math.Pow(10, -4 * Random.NextDouble());
        Log($"loss {Network.Loss:p0}, duplication {Network.Duplication:p0}, delay up to {Network.MaximumDelay.TotalSeconds:f3} s");
    }

    private void Move(SimulatedHost destination)
    {
        if (GuestHost is not { } source || source == destination)
        {
            return;
        }

        var snapshot = source.Leave();
        GuestHost = null;
        GuestIsAtHomeSince = TimeSpan.MaxValue;
        Log("the guest is suspended");
        var previousCareOfAddress = Random.Next(2) == 0 ? source.CareOfAddress : null; // Else its agent cannot be reached.
        Network.At(
            Network.Now + TimeSpan.FromSeconds(2 * Random.NextDouble()), () => Arrive(destination, snapshot, previousCareOfAddress));
    }

    private void Arrive(SimulatedHost host, MobileNodeSnapshot? snapshot, Ipv6Address? previousCareOfAddress)
    {
        GuestHost = host;
        GuestIsAtHomeSince = host.CareOfAddress is null ? Network.Now : TimeSpan.MaxValue;
        Log($"the guest runs at {host.CareOfAddress?.ToString() ?? "home"}");
        host.Begin(snapshot, previousCareOfAddress);
    }
}
