using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>A scripted guest at a real tap, which asks in ways that RFC 4861 allows and Linux does not use.</summary>
[Trait("Needs", "kernel")]
public sealed class GuestPortTests : IDisposable
{
    private static readonly Ipv6Address LinkLocal = Ipv6Address.Parse("fe80::5054:ff:fe00:10");

    private readonly AwaySite _site = new();
    private readonly PacketSocket _guest;
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));

    public GuestPortTests() => _guest = _site.Open("guest1", PacketFilter.NeighbourDiscovery);

    private static LinkLayerAddress AllNodes { get; } = LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes);

    private LinkLayerAddress Mac => _site.First.Mac;

    private Ipv6Address Home => _site.First.HomeAddresses[0];

    public void Dispose()
    {
        _guest.Dispose();
        _site.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task It_is_advertised_to_when_it_resumes_and_when_it_asks_from_no_address_or_by_unicast() => await RunAsync(async port =>
    {
        port.Resumed();
        await AdvertisesAsync(Ipv6Address.AllNodes, AllNodes);

        Send(new RouterSolicitation([]), LinkLocal, AwaySite.Router, AwaySite.RouterMac);
        await AdvertisesAsync(LinkLocal, Mac);
        Send(new RouterSolicitation([]), Home, Ipv6Address.AllRouters);
        await AdvertisesAsync(Home, Mac);
    });

    [Fact]
    public async Task Its_first_solicitation_may_come_from_no_address() => await RunAsync(async port =>
    {
        Send(new RouterSolicitation([]), Ipv6Address.Unspecified, Ipv6Address.AllRouters);
        await AdvertisesAsync(Ipv6Address.AllNodes, AllNodes);
    });

    [Fact]
    public async Task Its_duplicate_address_detection_finds_its_router_and_nobody_else() => await RunAsync(async port =>
    {
        var temporary = Ipv6Address.Parse("2001:db8:1::1234:5678:9abc:def0");
        foreach (var tentative in (Ipv6Address[])[LinkLocal, Home, temporary, _site.Second.HomeAddresses[0], AwaySite.Router])
        {
            Send(new NeighbourSolicitation(tentative, []), Ipv6Address.Unspecified, tentative.SolicitedNode);
        }

        var (frame, packet) = await ReceiveAsync();
        var answer = Assert.IsType<NeighbourAdvertisement>(packet.Message);
        Assert.Equal((AwaySite.Router, Ipv6Address.AllNodes, AllNodes), (answer.Target, packet.Destination, frame.Destination));
    });

    [Fact]
    public async Task Its_neighbours_are_reachable_by_unicast_without_its_link_layer_address() => await RunAsync(async port =>
    {
        var neighbour = Ipv6Address.Parse("2001:db8:1::99");
        foreach (var target in (Ipv6Address[])[AwaySite.Router, neighbour])
        {
            foreach (var source in (Ipv6Address[])[LinkLocal, Home])
            {
                Send(new NeighbourSolicitation(target, []), source, target, AwaySite.RouterMac);
                var (frame, packet) = await ReceiveAsync();
                var answer = Assert.IsType<NeighbourAdvertisement>(packet.Message);
                Assert.Equal((target, source, Mac, AwaySite.RouterMac), (answer.Target, packet.Destination, frame.Destination, frame.Source));
                Assert.Equal(target == AwaySite.Router, answer.Flags.HasFlag(NeighbourAdvertisementFlags.Router));
                Assert.True(answer.Flags.HasFlag(NeighbourAdvertisementFlags.Solicited));
            }
        }
    });

    private async Task RunAsync(Func<GuestPort, Task> main)
    {
        _site.Apply(_site.First);
        await _site.OnLoopAsync(async () =>
        {
            using var port = new GuestPort(
                _site.Index(_site.First.Tap), AwaySite.Learner(_site.First), AwaySite.Double(_site.First), () => true, _ => { }, TestLog.Log);
            await main(port);
        });
    }

    private void Send(NeighbourDiscoveryMessage message, Ipv6Address source, Ipv6Address destination, LinkLayerAddress? to = null) => _guest.Send(
        EthernetFrame.Around(new NeighbourDiscoveryPacket(source, destination, message), Mac, to ?? LinkLayerAddress.ForMulticast(destination)).ToArray());

    private async Task AdvertisesAsync(Ipv6Address destination, LinkLayerAddress to)
    {
        var (frame, packet) = await ReceiveAsync();
        var advertisement = Assert.IsType<RouterAdvertisement>(packet.Message);
        Assert.Contains(new Mtu((uint)AwaySite.CareOf.TunnelMtu), advertisement.Options);
        Assert.Equal((AwaySite.Router, destination, to, AwaySite.RouterMac), (packet.Source, packet.Destination, frame.Destination, frame.Source));
    }

    private async Task<(EthernetFrame Frame, NeighbourDiscoveryPacket Packet)> ReceiveAsync()
    {
        var buffer = new byte[2048];
        var received = await _guest.ReceiveAsync(buffer, _deadline.Token);
        Assert.True(EthernetFrame.TryParse(buffer.AsSpan(0, received.Length), out var frame, out _));
        Assert.True(NeighbourDiscoveryPacket.TryParse(frame.Payload.Span, out var packet, out var error), error.ToString());
        return (frame, packet);
    }
}
