using System.Diagnostics;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.StrictNode;

/// <summary>
/// Runs in a guest, as root, in place of its kernel's IPv6. Each second it says what it has found of its link:
/// <code>kagemusha-strict-node INTERFACE</code>
/// </summary>
internal static class Program
{
    private const int LongestFrame = 2048;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    private static async Task<int> Main(string[] arguments)
    {
        if (arguments is not [var link])
        {
            await Console.Error.WriteLineAsync("kagemusha-strict-node: INTERFACE");
            return 2;
        }

        try
        {
            using var kernel = new Kernel();
            if (kernel.Interfaces().Find(link) is not { Address: { } own, Index: var index })
            {
                await Console.Error.WriteLineAsync($"kagemusha-strict-node: there is no {link}");
                return 1;
            }

            await RunAsync(new(own), index);
            return 0;
        }
        catch (KernelException e)
        {
            await Console.Error.WriteLineAsync($"kagemusha-strict-node: {e.Message}");
            return 1;
        }
    }

    private static async Task RunAsync(Node node, int link)
    {
        using var socket = new PacketSocket(link, PacketFilter.Received);
        socket.ListenToAllGroups();
        var buffer = new byte[LongestFrame];
        var clock = Stopwatch.StartNew();
        var sayAt = TimeSpan.Zero;
        while (true)
        {
            Send(node.WakeUp(clock.Elapsed));
            if (sayAt <= clock.Elapsed)
            {
                sayAt = clock.Elapsed + TimeSpan.FromSeconds(1);
                Console.WriteLine(
                    $"STRICT {string.Join(',', node.Addresses)} reachable {node.Satisfied.Reachable} advertisements {node.Satisfied.Advertisements} complaints {node.Complaints}");
            }

            using var patience = new CancellationTokenSource(Tick);
            try
            {
                var received = await socket.ReceiveAsync(buffer, patience.Token);
                if (!received.IsTruncated && EthernetFrame.TryParse(buffer.AsSpan(0, received.Length), out var frame, out _))
                {
                    Send(node.Receive(clock.Elapsed, frame));
                }
            }
            catch (OperationCanceledException)
            {
            }
        }

        void Send(IEnumerable<byte[]> frames)
        {
            foreach (var frame in frames.ToList())
            {
                socket.Send(frame);
            }
        }
    }
}
