using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>An echo through a real kernel's tunnel; the home agent is an end of a wire.</summary>
[Trait("Needs", "kernel")]
public sealed class TunnelProbeTests : IDisposable
{
    private const byte Icmpv6 = 58;
    private const byte Ipv6InIpv6 = 41;
    private const int InnerOffset = EthernetFrame.HeaderLength + 40;
    private const int EchoLength = 48;

    private readonly AwaySite _site = new();
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));

    private Ipv6Address Home => _site.First.HomeAddresses[0];

    public void Dispose()
    {
        _site.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task It_is_answered_by_who_has_the_other_end()
    {
        _site.Apply(_site.First);
        using var homeAgent = _site.Open("ha", PacketFilter.NextHeader(Ipv6InIpv6));
        TimeSpan? elapsed = null;
        await Task.WhenAll(AnswerAsync(homeAgent), Task.Run(async () => elapsed = await AskAsync()));
        Assert.NotNull(elapsed);
    }

    [Fact]
    public async Task Without_an_answer_there_is_none_and_it_takes_two_seconds_at_most()
    {
        _site.Apply(_site.First);
        var began = Environment.TickCount64;
        Assert.Null(await AskAsync());
        Assert.InRange(Environment.TickCount64 - began, 1900, 20_000);
    }

    private Task<TimeSpan?> AskAsync()
    {
        var tunnel = AwayDataPath.HomeAgentTunnelName(AwaySite.CareOf.Address, AwaySite.HomeAgent);
        return _site.Host.Run(() =>
        {
            using var kernel = new Kernel();
            return TunnelProbe.AskAsync(kernel.Interfaces().Find(tunnel)!, Home, AwaySite.HomeAgent);
        });
    }

    // Takes the request out of the tunnel, and puts the reply into it.
    private async Task AnswerAsync(PacketSocket homeAgent)
    {
        var buffer = new byte[2048];
        await homeAgent.ReceiveAsync(buffer, _deadline.Token);
        var inner = buffer.AsSpan(InnerOffset, EchoLength).ToArray();
        Assert.Equal((AwaySite.HomeAgent, Home), (Ipv6Address.Read(inner.AsSpan(24)), Ipv6Address.Read(inner.AsSpan(8))));
        Assert.Equal((Icmpv6, 128), (inner[6], inner[40]));
        byte[] message = [129, 0, 0, 0, .. inner[44..]];
        var checksum = InternetChecksumOf(message);
        (message[2], message[3]) = ((byte)(checksum >> 8), (byte)checksum);
        var reply = Packets.Ipv6(AwaySite.HomeAgent, Home, Icmpv6, message);
        homeAgent.Send(Packets.Frame(
            _site.Wan, LinkLayerAddress.Parse("02:00:00:00:00:09"), EtherType.Ipv6, Packets.Ipv6(AwaySite.HomeAgent, AwaySite.CareOf.Address, Ipv6InIpv6, reply)));
    }

    private ushort InternetChecksumOf(byte[] message)
    {
        byte[] all = [.. AwaySite.HomeAgent.ToArray(), .. Home.ToArray(), 0, 0, 0, (byte)message.Length, 0, 0, 0, Icmpv6, .. message];
        var sum = 0;
        for (var at = 0; at < all.Length; at += 2)
        {
            sum += (all[at] << 8) | all[at + 1];
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
