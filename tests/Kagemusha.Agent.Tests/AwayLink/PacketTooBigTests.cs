using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>What does not fit into a tunnel is not lost silently, in a real kernel.</summary>
[Trait("Needs", "kernel")]
public sealed class PacketTooBigTests : IDisposable
{
    private const byte Icmpv6 = 58;
    private const byte NoNextHeader = 59;
    private const byte Ipv6InIpv6 = 41;

    private static readonly Ipv6Address Correspondent = Ipv6Address.Parse("2001:db8:2::2");
    private static readonly HandOverTunnel NextHost = new(AwaySite.CareOf.Address, Ipv6Address.Parse("2001:db8:f5::2"), "wan");

    private readonly AwaySite _site = new();
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));

    private Ipv6Address Home => _site.First.HomeAddresses[0];

    public void Dispose()
    {
        _site.Dispose();
        _deadline.Dispose();
    }

    [Theory]
    [InlineData(OutboundPath.HomeAgentTunnel)]
    [InlineData(OutboundPath.ThroughSource)]
    [InlineData(OutboundPath.Held)]
    public async Task A_guest_is_told_by_its_home_router(OutboundPath path)
    {
        _site.Apply(_site.First with
        {
            Arrival = NextHost,
            Through = NextHost,
            Outbound = new Dictionary<Ipv6Address, OutboundPath> { [Home] = path },
        });
        using var guest = _site.Open("guest1", PacketFilter.NextHeader(Icmpv6));

        guest.Send(Packets.Frame(AwaySite.RouterMac, _site.First.Mac, EtherType.Ipv6, Packets.Ipv6(Home, Correspondent, NoNextHeader, new byte[1460])));

        await Packets.IsToldAsync(guest, AwaySite.Router, Home, AwaySite.CareOf.TunnelMtu, _deadline.Token);
    }

    [Fact]
    public async Task A_correspondent_is_told_by_the_host_that_the_guest_has_left_by_its_own_way()
    {
        // A path to the next host that is known to be narrower than the home agent's.
        _site.Host.Ip($"-6 route add {NextHost.Remote} via {AwaySite.HomeAgent} dev wan mtu 1400");
        _site.Apply(_site.First with { Departure = NextHost, IsTurned = true });
        using var core = _site.Open("ha", PacketFilter.NextHeader(Icmpv6));

        SendThroughHomeAgent(core, Packets.Ipv6(Correspondent, Home, NoNextHeader, new byte[1400]));

        await Packets.IsToldAsync(core, AwaySite.CareOf.Address, Correspondent, mtu: 1360, _deadline.Token);
    }

    [Fact]
    public async Task Nobody_sends_through_a_tunnel_in_the_hosts_name()
    {
        _site.Apply(_site.First);
        using var core = _site.Open("ha", PacketFilter.NextHeader(NoNextHeader));
        using var guest = _site.Open("guest1", PacketFilter.NextHeader(NoNextHeader));

        SendThroughHomeAgent(core, Packets.Ipv6(AwaySite.CareOf.Address, Correspondent, NoNextHeader, []));
        SendThroughHomeAgent(core, Packets.Ipv6(Correspondent, Home, NoNextHeader, []));

        await guest.ReceiveAsync(new byte[2048], _deadline.Token);
        Assert.False(core.TryReceive(new byte[2048], out _));
    }

    private void SendThroughHomeAgent(PacketSocket core, byte[] packet) => core.Send(Packets.Frame(
        _site.Wan, AwaySite.RouterMac, EtherType.Ipv6, Packets.Ipv6(AwaySite.HomeAgent, AwaySite.CareOf.Address, Ipv6InIpv6, packet)));
}
