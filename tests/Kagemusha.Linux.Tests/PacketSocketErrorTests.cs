using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>Errors that come to a packet socket while somebody waits for a frame.</summary>
public sealed class PacketSocketErrorTests
{
    [Fact]
    public async Task A_socket_goes_on_when_its_link_has_been_down()
    {
        using var space = new NetworkNamespace();
        space.Ip("link add near type veth peer name far");
        space.Ip("link set near up addrgenmode none");
        space.Ip("link set far up addrgenmode none");
        using var near = Open(space, "near");
        using var far = Open(space, "far");
        var waiting = near.ReceiveAsync(new byte[2048], TestContext.Current.CancellationToken).AsTask();

        space.Ip("link set near down");
        space.Ip("link set near up");
        var solicitation = new NeighbourDiscoveryPacket(Ipv6Address.Unspecified, Ipv6Address.AllRouters, new RouterSolicitation([]));
        var sender = LinkLayerAddress.Parse("52:54:00:00:00:01");
        far.Send(EthernetFrame.Around(solicitation, sender, LinkLayerAddress.ForMulticast(Ipv6Address.AllRouters)).ToArray());

        var received = await waiting.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(sender, received.Source);
    }

    private static PacketSocket Open(NetworkNamespace space, string link) => space.Run(() =>
    {
        using var kernel = new Kernel();
        return new PacketSocket(kernel.Interfaces().Find(link)!.Index, PacketFilter.NeighbourDiscovery);
    });
}
