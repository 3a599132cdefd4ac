using System.Diagnostics;
using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>What a guest sends without end is at its own expense, in a real kernel.</summary>
[Trait("Needs", "kernel")]
public sealed class FloodTests
{
    private const int Solicitations = 100_000;
    private const int BetweenPackets = 1000;
    private const int BetweenProbes = 5000;
    private const byte NoNextHeader = 59;
    private const byte Ipv6InIpv6 = 41;

    private static readonly Ipv6Address Destinations = Ipv6Address.Parse("2001:db8:2::");
    private static readonly Ipv6Address Neighbour = Ipv6Address.Parse("2001:db8:1::99");

    private readonly Random _random = new(1);

    [Fact]
    public async Task A_flood_of_solicitations_costs_the_host_no_neighbour_and_the_agent_next_to_nothing()
    {
        using var site = new AwaySite();
        var link = site.First;
        site.Apply(link);
        using var guest = site.Open("guest1", PacketFilter.NeighbourDiscovery);
        using var homeAgent = site.Open("ha", PacketFilter.NextHeader(Ipv6InIpv6));
        guest.SetReceiveBuffer(16 << 20);
        homeAgent.SetReceiveBuffer(16 << 20);
        guest.Send(Packet(link, 0));
        Assert.Equal(1, Count(homeAgent));
        var neighbours = site.Neighbours();
        var (flood, allocated, answeredAfter) = (TimeSpan.Zero, 0L, TimeSpan.Zero);
        List<Ipv6Address> answered = [];
        await site.OnLoopAsync(async () =>
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            using var port = new GuestPort(site.Index(link.Tap), AwaySite.Learner(link), AwaySite.Double(link), () => true, _ => { }, TestLog.Log);
            var watch = Stopwatch.StartNew();
            await Task.Run(() => Flood(guest, link));
            flood = watch.Elapsed;
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            answeredAfter = await Task.Run(async () =>
            {
                watch.Restart();
                do
                {
                    guest.Send(Solicitation(link.HomeAddresses[0], link.Mac, Neighbour));
                    answered.AddRange(await AnswersAsync(guest));
                }
                while (!answered.Contains(Neighbour));
                return watch.Elapsed;
            });
        });

        Assert.Equal(neighbours, site.Neighbours());
        Assert.Equal(Solicitations / BetweenPackets, Count(homeAgent));
        Assert.Equal(Solicitations / BetweenProbes, answered.Count(target => target == AwaySite.Router));

        // A second's worth at once, and half a second's from the socket when it is over.
        Assert.InRange(answered.Count, 1, FramePort.GuestRate * (flood + answeredAfter).TotalSeconds + 2 * FramePort.GuestRate);
        Assert.InRange(allocated, 0, 20_000 * answered.Count);
        // Its system gives up after three solicitations, a second apart (RFC 4861, section 10: MAX_UNICAST_SOLICIT, RETRANS_TIMER).
        Assert.InRange(answeredAfter, TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }

    [Fact]
    public void Packets_to_any_number_of_destinations_cost_the_host_no_neighbour()
    {
        using var site = new AwaySite();
        var link = site.First;
        site.Apply(link);
        using var guest = site.Open("guest1", PacketFilter.Nothing);
        using var homeAgent = site.Open("ha", PacketFilter.NextHeader(Ipv6InIpv6));
        homeAgent.SetReceiveBuffer(16 << 20);
        guest.Send(Packet(link, 0));
        Assert.Equal(1, Count(homeAgent));
        var neighbours = site.Neighbours();

        for (var i = 1; i <= 3000; i++)
        {
            guest.Send(Packet(link, i));
        }

        Assert.Equal(3000, Count(homeAgent));
        Assert.Equal(neighbours, site.Neighbours());
    }

    private void Flood(PacketSocket guest, AwayLink link)
    {
        var prefix = Ipv6Address.Parse("2001:db8:1::").Bits;
        for (var i = 0; i < Solicitations; i++)
        {
            var source = i % 2 == 0 ? link.HomeAddresses[0] : new(prefix | (UInt128)_random.NextInt64());
            var mac = i % 3 == 0 ? link.Mac : new(0x5254_0000_0000UL + (uint)_random.Next());
            guest.Send(Solicitation(source, mac, new(prefix | (UInt128)_random.NextInt64())));
            if (i % BetweenPackets == 0)
            {
                guest.Send(Packet(link, i));
            }

            if (i % BetweenProbes == 0)
            {
                guest.Send(Solicitation(link.HomeAddresses[0], link.Mac, AwaySite.Router));
            }
        }
    }

    private static byte[] Solicitation(Ipv6Address source, LinkLayerAddress mac, Ipv6Address target) =>
        Packets.Frame(LinkLayerAddress.ForMulticast(target.SolicitedNode), mac, EtherType.Ipv6, Packets.Solicitation(source, target, mac));

    private static byte[] Packet(AwayLink link, int number) => Packets.Frame(
        AwaySite.RouterMac,
        link.Mac,
        EtherType.Ipv6,
        Packets.Ipv6(link.HomeAddresses[0], new(Destinations.Bits + (UInt128)number), NoNextHeader, []));

    /// <summary>The targets of the answers that have come, and come within a moment.</summary>
    private static async Task<List<Ipv6Address>> AnswersAsync(PacketSocket guest)
    {
        var answers = new List<Ipv6Address>();
        var buffer = new byte[2048];
        using var moment = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        try
        {
            while (true)
            {
                var frame = await guest.ReceiveAsync(buffer, moment.Token);
                if (NeighbourDiscoveryPacket.TryParse(buffer.AsSpan(EthernetFrame.HeaderLength, frame.Length - EthernetFrame.HeaderLength), out var packet, out _)
                    && packet.Message is NeighbourAdvertisement advertisement)
                {
                    answers.Add(advertisement.Target);
                }
            }
        }
        catch (OperationCanceledException)
        {
            return answers;
        }
    }

    private static int Count(PacketSocket socket) => (int)socket.TakeStatistics().Packets;
}
