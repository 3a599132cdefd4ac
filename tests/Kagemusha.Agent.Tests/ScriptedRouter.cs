using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>
/// A router on a bridge of its own, which answers each solicitation at once, and is a home agent too.
/// <code>
///   bridge === bridge-port ====== bridge-far (the router)
/// </code>
/// </summary>
internal sealed class ScriptedRouter : IDisposable
{
    private readonly PacketSocket _link;
    private readonly CancellationTokenSource _stop = new();
    private readonly Ipv6Address _homeAgent;
    private readonly LinkLayerAddress _mac;

    /// <param name="bridge">The bridge's name, of at most four letters; <see cref="Make"/> has made it.</param>
    /// <param name="homeAgent">Its global address.</param>
    public ScriptedRouter(string bridge, string homeAgent)
    {
        _homeAgent = Ipv6Address.Parse(homeAgent);
        using var kernel = new Kernel();
        var link = kernel.Interfaces().Find($"{bridge}-far")!;
        (_link, _mac) = (new(link.Index, PacketFilter.NeighbourDiscovery), link.Address!.Value);
        AnswerAsync();
    }

    /// <summary>Makes a bridge that has a port.</summary>
    public static void Make(NetworkNamespace space, string bridge)
    {
        space.Ip($"link add {bridge} type bridge forward_delay 0 mcast_snooping 0");
        space.Ip($"link add {bridge}-port type veth peer name {bridge}-far");
        space.Ip($"link set {bridge}-port master {bridge}");
        foreach (var link in (string[])[$"{bridge}-far", $"{bridge}-port", bridge])
        {
            space.Ip($"link set {link} addrgenmode none");
            space.Ip($"link set {link} up");
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _link.Dispose();
        _stop.Dispose();
    }

    private async void AnswerAsync()
    {
        var buffer = new byte[2048];
        try
        {
            while (true)
            {
                var frame = await _link.ReceiveAsync(buffer, _stop.Token);
                if (EthernetFrame.TryParse(buffer.AsSpan(0, frame.Length), out var received, out _)
                    && NeighbourDiscoveryPacket.TryParse(received.Payload.Span, out var packet, out _) && packet.Message is RouterSolicitation)
                {
                    _link.Send(EthernetFrame.Around(
                        new NeighbourDiscoveryPacket(Ipv6Address.Parse("fe80::1"), Ipv6Address.AllNodes, Advertisement()),
                        _mac,
                        LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes)).ToArray());
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private RouterAdvertisement Advertisement() => new(
        64, RouterAdvertisementFlags.HomeAgent, 1800, 0, 0, [new PrefixInformation(64, PrefixFlags.OnLink | PrefixFlags.RouterAddress, 86400, 14400, _homeAgent)]);
}
