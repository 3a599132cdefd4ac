using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class FramePortTests
{
    private static readonly EthernetFrame Solicitation = EthernetFrame.Around(
        new NeighbourDiscoveryPacket(Ipv6Address.Unspecified, Ipv6Address.AllRouters, new RouterSolicitation([])),
        Guests.Mac,
        LinkLayerAddress.ForMulticast(Ipv6Address.AllRouters));

    [Fact]
    public async Task However_many_frames_wait_all_else_has_its_turn_after_each() => await OnLink(async (near, far) =>
    {
        var received = 0;
        var all = new TaskCompletionSource();
        using var port = new FramePort(
            near,
            PacketFilter.NeighbourDiscovery,
            _ =>
            {
                if (++received == 100)
                {
                    all.SetResult();
                }
            },
            e => all.SetException(e));
        using var sender = new PacketSocket(far, PacketFilter.NeighbourDiscovery);
        for (var i = 0; i < 100; i++)
        {
            sender.Send(Solicitation.ToArray());
        }

        Assert.Equal(0, received);
        while (!all.Task.IsCompleted)
        {
            var before = received;
            await Task.Yield();
            Assert.InRange(received - before, 0, 1);
        }
    });

    [Fact]
    public async Task A_port_that_is_closed_takes_no_more_from_its_own_frame_on() => await OnLink(async (near, far) =>
    {
        var received = new TaskCompletionSource();
        FramePort? port = null;
        port = new FramePort(
            near,
            PacketFilter.NeighbourDiscovery,
            _ =>
            {
                received.SetResult();
                port!.Dispose();
            },
            e => received.SetException(e));
        using var sender = new PacketSocket(far, PacketFilter.NeighbourDiscovery);
        sender.Send(Solicitation.ToArray());
        sender.Send(Solicitation.ToArray());
        await received.Task;
        for (var i = 0; i < 10; i++)
        {
            // A second frame would complete the task a second time, which ends the loop.
            await Task.Yield();
        }
    });

    [Fact]
    public async Task What_cannot_be_sent_is_told() => await OnLink((near, _) =>
    {
        var failures = new List<KernelException>();
        using var port = new FramePort(near, PacketFilter.NeighbourDiscovery, _ => Assert.Fail("a frame"), failures.Add);
        port.Send(Solicitation);
        Assert.Empty(failures);
        using var down = new FramePort(1, PacketFilter.NeighbourDiscovery, _ => Assert.Fail("a frame"), failures.Add);
        down.Send(Solicitation);
        Assert.Single(failures);
        return Task.CompletedTask;
    });

    /// <summary>Runs on a loop in a network namespace with a link from near to far.</summary>
    private static async Task OnLink(Func<int, int, Task> main)
    {
        using var space = new NetworkNamespace();
        space.Ip("link add near type veth peer name far");
        space.Ip("link set near up addrgenmode none");
        space.Ip("link set far up addrgenmode none");
        space.Ip("link set lo down");
        await Task.Factory.StartNew(
            () => space.Run(() =>
            {
                var loop = new AgentLoop();
                using var kernel = new Kernel();
                var links = kernel.Interfaces();
                loop.Run(() => main(links.Find("near")!.Index, links.Find("far")!.Index));
            }),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }
}
