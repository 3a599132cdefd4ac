using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>Two guests of one home network that are away on the same host, in a real kernel: neighbours, and no more than that.</summary>
[Trait("Needs", "kernel")]
public sealed class NeighboursOnOneHostTests : IDisposable
{
    private const byte NoNextHeader = 59;
    private const byte Ipv6InIpv6 = 41;
    private const int HopLimitOffset = 14 + 7;
    private const int OuterDestinationOffset = 14 + 24;

    private static readonly Ipv6Address Correspondent = Ipv6Address.Parse("2001:db8:2::2");
    private static readonly HandOverTunnel OtherHost = new(AwaySite.CareOf.Address, Ipv6Address.Parse("2001:db8:f5::2"), "wan");

    private readonly AwaySite _site = new();
    private readonly PacketSocket _one;
    private readonly PacketSocket _two;
    private readonly PacketSocket _core;
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private readonly byte[] _buffer = new byte[2048];

    public NeighboursOnOneHostTests()
    {
        _one = _site.Open("guest1", PacketFilter.NextHeader(NoNextHeader));
        _two = _site.Open("guest2", PacketFilter.NextHeader(NoNextHeader));
        _core = _site.Open("ha", PacketFilter.NextHeader(Ipv6InIpv6));
    }

    private AwayLink First => _site.First;

    private AwayLink Second => _site.Second;

    public void Dispose()
    {
        _one.Dispose();
        _two.Dispose();
        _core.Dispose();
        _site.Dispose();
        _deadline.Dispose();
    }

    [Theory]
    [InlineData(OutboundPath.HomeAgentTunnel)]
    [InlineData(OutboundPath.ThroughSource)]
    [InlineData(OutboundPath.Held)]
    public async Task They_talk_directly_while_one_arrives_too(OutboundPath path)
    {
        _site.Apply(First, Second with
        {
            Arrival = OtherHost,
            Through = OtherHost,
            Outbound = new Dictionary<Ipv6Address, OutboundPath> { [Second.HomeAddresses[0]] = path },
        });

        _one.Send(Frame(First, First.HomeAddresses[0], Second.HomeAddresses[0]));
        await _two.ReceiveAsync(_buffer, _deadline.Token);
        Assert.Equal(63, _buffer[HopLimitOffset]);
        _two.Send(Frame(Second, Second.HomeAddresses[0], First.HomeAddresses[0]));
        await _one.ReceiveAsync(_buffer, _deadline.Token);
        Assert.Equal(63, _buffer[HopLimitOffset]);

        Assert.False(_core.TryReceive(_buffer, out _), "it has left the host");
    }

    [Fact]
    public async Task What_is_for_one_that_has_left_follows_it_and_does_not_go_by_way_of_the_home_agent()
    {
        _site.Host.Ip($"-6 route add {OtherHost.Remote} via {AwaySite.HomeAgent} dev wan");
        _site.Apply(First, Second with { Departure = OtherHost, IsTurned = true });

        _one.Send(Frame(First, First.HomeAddresses[0], Second.HomeAddresses[0]));

        await _core.ReceiveAsync(_buffer, _deadline.Token);
        Assert.Equal(OtherHost.Remote, Ipv6Address.Read(_buffer.AsSpan(OuterDestinationOffset)));
        Assert.False(_two.TryReceive(_buffer, out _), "it has gone to its tap, too");
    }

    [Fact]
    public async Task Neither_is_the_other_or_reaches_its_link()
    {
        _site.Apply(First, Second);
        var (one, two) = (First.HomeAddresses[0], Second.HomeAddresses[0]);
        var advertisement = new NeighbourAdvertisement(
            two, NeighbourAdvertisementFlags.Override | NeighbourAdvertisementFlags.Solicited, [new TargetLinkLayerAddress(First.Mac)]);
        var neighbours = _site.Neighbours();

        // As the other; to its link, from any address.
        _one.Send(Frame(First, two, Correspondent));
        _one.Send(Frame(First, two, one));
        foreach (var source in (Ipv6Address[])[one, Ipv6Address.Parse("fe80::5054:ff:fe00:10")])
        {
            foreach (var destination in (Ipv6Address[])[Ipv6Address.Parse("fe80::5054:ff:fe00:20"), Ipv6Address.AllNodes, Ipv6Address.Parse("ff0e::1"), Ipv6Address.Parse("ff02::fb")])
            {
                _one.Send(Frame(First, source, destination));
            }
        }

        // Its word for the other's address, to the router and to all.
        foreach (var (destination, to) in new[] { (AwaySite.Router, AwaySite.RouterMac), (Ipv6Address.AllNodes, LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes)) })
        {
            var flags = destination.IsMulticast ? NeighbourAdvertisementFlags.Override : advertisement.Flags;
            _one.Send(EthernetFrame.Around(new NeighbourDiscoveryPacket(two, destination, advertisement with { Flags = flags }), First.Mac, to).ToArray());
        }

        // What is behind it comes first, and is the only one.
        _one.Send(Frame(First, one, two, label: 7));
        await _two.ReceiveAsync(_buffer, _deadline.Token);
        Assert.Equal((7, one, two), (_buffer[14 + 3], Ipv6Address.Read(_buffer.AsSpan(14 + 8)), Ipv6Address.Read(_buffer.AsSpan(14 + 24))));
        Assert.False(_one.TryReceive(_buffer, out _), "it gets what is for another");
        Assert.False(_core.TryReceive(_buffer, out _), "it has left the host");
        Assert.Equal(neighbours, _site.Neighbours());
    }

    private static byte[] Frame(AwayLink link, Ipv6Address source, Ipv6Address destination, byte label = 0)
    {
        var packet = Packets.Ipv6(source, destination, NoNextHeader, []);
        packet[3] = label;
        return Packets.Frame(
            destination.IsMulticast ? LinkLayerAddress.ForMulticast(destination) : AwaySite.RouterMac, link.Mac, EtherType.Ipv6, packet);
    }
}
