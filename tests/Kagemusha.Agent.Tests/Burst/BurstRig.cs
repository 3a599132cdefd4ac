using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>
/// Two hosts, an agent on each, the channel between them, and guests that are nothing but taps: all are handed over, and leave their home link when
/// they are told to.
/// <code>
///    sender
///      |
///     far -- uplink == br0 == vnet1, vnet2, ... (the guests' taps)              kg525400000001, ... (their taps here)
///                       |                                                            |
///                  kgb.... -- kgs.... -- kgvrf -- kgho.... -- wan ------ wan -- kgho.... -- kgvrf
///
///     [ the source: a namespace of its own                      ]    [ the destination: the process's own namespace ]
/// </code>
/// </summary>
internal sealed class BurstRig : IAsyncDisposable
{
    private const byte NoNextHeader = 59;
    private const int PollMilliseconds = 10;
    private const int PayloadAt = EthernetFrame.HeaderLength + 40;

    private static readonly Ipv6Address SourceAddress = Ipv6Address.Parse("2001:db8:f0::1");
    private static readonly Ipv6Address Correspondent = Ipv6Address.Parse("2001:db8:2::1");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);

    private readonly NetworkNamespace _source = new();
    private readonly TemporaryDirectory _directory = new();
    private readonly TestAuthority _authority = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly AgentLoop _loop = new();
    private readonly List<Task> _running = [];
    private readonly ConcurrentQueue<TaskCompletionSource> _rounds = [];
    private SourceHost? _host;

    private BurstRig(int guests) => All = [.. Enumerable.Range(1, guests).Select(number => new SimulatedGuest(number))];

    public IReadOnlyList<SimulatedGuest> All { get; }

    private string ControlSocket => _directory.File("control.sock");

    /// <summary>Draws the two hosts and hands all guests over.</summary>
    public static async Task<BurstRig> StartAsync(int guests)
    {
        var rig = new BurstRig(guests);
        try
        {
            rig.Draw();
            await rig.StartSourceAsync();
            rig.StartDestination();
            rig.Run(rig.ReadTaps);
            foreach (var guest in rig.All)
            {
                await rig.HandOverAsync(guest);
            }

            return rig;
        }
        catch
        {
            await rig.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends numbered packets to all guests in turn, so many in a second, until the result is disposed.</summary>
    public IAsyncDisposable Send(int rate) => new Sending(this, rate);

    /// <summary>Stops guests, and tells the source's agent as libvirt's thread does with what has come together.</summary>
    /// <returns>How long it took from the first event until the last one's traffic was turned.</returns>
    public async Task<TimeSpan> SuspendAsync(IReadOnlyList<SimulatedGuest> guests)
    {
        foreach (var guest in guests)
        {
            guest.IsStopped = true;
        }

        var began = await Task.Factory.StartNew(Tell, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return await AskAsync(_ => guests.Max(guest => guest.Guest!.MoveAway!.At(MoveStep.TrafficTurned)!.Value)) - began;

        TimeSpan Tell()
        {
            Scheduling.GoFirst();
            var first = Clock.Now;
            foreach (var guest in guests)
            {
                var at = Clock.Now;
                _loop.PostUrgent(() => _host!.Lifecycle.Leave(guest.Guest!, at));
            }

            _loop.Wake();
            return first;
        }
    }

    /// <summary>Asks on the loop of the source's agent.</summary>
    public Task<T> AskAsync<T>(Func<SourceHost, T> question) => _loop.Ask(() => Task.FromResult(question(_host!)));

    /// <summary>Waits until the tails of all these have been sent.</summary>
    public async Task TailsAsync(IReadOnlyList<SimulatedGuest> guests)
    {
        var limit = Clock.Now + Patience;
        while (!await AskAsync(_ => guests.All(guest => guest.Guest!.MoveAway!.At(MoveStep.TailSent) is not null)))
        {
            Assert.True(Clock.Now < limit, "a tail was not sent");
            await Task.Delay(50);
        }
    }

    /// <summary>Reads the taps at the destination until all that was sent has come, or nothing more comes.</summary>
    public async Task CollectAsync()
    {
        var last = Clock.Now;
        while (All.Any(guest => guest.Lost > 0) && Clock.Now - last < LongestSilence)
        {
            foreach (var guest in All)
            {
                while (guest.Destination!.Read() is { } frame)
                {
                    Get(guest, frame);
                    last = Clock.Now;
                }
            }

            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        foreach (var guest in All)
        {
            guest.Dispose();
        }

        using (var kernel = new Kernel())
        {
            kernel.Apply([], new("kg", KernelScope.DefaultProtocol));
        }

        _source.Dispose();
        _authority.Dispose();
        _directory.Dispose();
        _stop.Dispose();
    }

    private void Draw()
    {
        string[] ports = ["uplink", .. All.Select(guest => guest.TapName)];
        _source.Run(() =>
        {
            foreach (var guest in All)
            {
                guest.Source = new(guest.TapName, withOffloads: false);
            }
        });
        foreach (var guest in All)
        {
            guest.Destination = new(GuestLink.TapName(guest.Mac), withOffloads: false);
        }

        Batch(
            $"-n {_source.Name}",
            [
                "link add br0 type bridge mcast_snooping 0 ageing_time 100000000",
                "link add uplink type veth peer name far",
                $"link add wan type veth peer name wan netns {Environment.ProcessId}",
                "link set br0 addrgenmode none",
                "link set br0 up",
                "link set far addrgenmode none",
                "link set far up",
                .. ports.SelectMany(port => new[] { $"link set {port} addrgenmode none master br0", $"link set {port} up" }),
                "link set wan up",
                $"address add {SourceAddress}/64 dev wan nodad",
            ]);
        Batch("", ["link set lo up", "link set wan up", "address add 2001:db8:f0::2/64 dev wan nodad", $"route add 2001:db8:1::/64 via {SourceAddress} dev wan"]);
    }

    private void Batch(string options, string[] lines)
    {
        var path = _directory.File("batch");
        File.WriteAllLines(path, lines);
        using var ip = Process.Start("ip", $"{options} -batch {path}");
        ip.WaitForExit();
        Assert.Equal(0, ip.ExitCode);
    }

    private Task StartSourceAsync()
    {
        var started = new TaskCompletionSource();
        var settings = _authority.For("hv-a");
        Run(() => _source.Run(() => _loop.Run(async () =>
        {
            using (_host = new(_loop, settings, SourceAddress, _directory.File("moves"), RoundAsync))
            {
                started.SetResult();
                await Task.Delay(Timeout.Infinite, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Current);
            }
        })));
        return started.Task;
    }

    private void StartDestination()
    {
        var node = _directory.File("node.xml");
        File.WriteAllText(node, "<node/>");
        var configuration = Guests.Configuration with { LibvirtUri = $"test://{node}", Peer = _authority.For("hv-b") };
        Run(() =>
        {
            using var server = new ControlServer(ControlSocket);
            var loop = new AgentLoop();
            loop.Run(async () =>
            {
                using var agent = new Agent(configuration, loop, TestLog.Log);
                await agent.RunAsync(server, _stop.Token);
            });
        });
    }

    private void Run(Action what) => _running.Add(Task.Factory.StartNew(what, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));

    private async Task HandOverAsync(SimulatedGuest one)
    {
        one.Guest = await AskAsync(host => host.Take(one));
        var xml = Guests.Xml(
            one.Guest.Profile,
            $"    <interface type='bridge'><mac address='{one.Mac}'/><source bridge='br0'/><target dev='{one.TapName}'/></interface>",
            one.Name,
            one.Uuid);
        var changed = await CallAsync(one, "migrate", xml);
        Assert.NotNull(changed);
        await CallAsync(one, "started", changed);
    }

    private async Task<string?> CallAsync(SimulatedGuest one, string operation, string xml)
    {
        while (!File.Exists(ControlSocket))
        {
            await Task.Delay(10);
        }

        var reply = Assert.IsType<HookReply>(await ControlClient.CallAsync(ControlSocket, new HookCall(one.Name, operation, "begin", "-", xml), Patience));
        Assert.Null(reply.Error);
        return reply.Xml;
    }

    /// <summary>Waits until all taps at the source have been read once more.</summary>
    private Task RoundAsync()
    {
        var round = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _rounds.Enqueue(round);
        return round.Task;
    }

    /// <summary>What QEMU does with the taps at the source.</summary>
    private void ReadTaps()
    {
        while (!_stop.IsCancellationRequested)
        {
            var rounds = _rounds.Count;
            Tap.Wait([.. All.Where(guest => !guest.IsDeaf).Select(guest => guest.Source!)], PollMilliseconds);
            foreach (var guest in All)
            {
                while (!guest.IsDeaf && guest.Source!.Read() is { } frame)
                {
                    guest.IsDeaf = guest.IsStopped;
                    if (!guest.IsDeaf)
                    {
                        Get(guest, frame);
                    }
                }
            }

            for (; rounds > 0 && _rounds.TryDequeue(out var round); rounds--)
            {
                round.SetResult();
            }
        }
    }

    private static void Get(SimulatedGuest guest, ReadOnlySpan<byte> frame)
    {
        // Some frames in a tap are for nobody.
        if (frame.Length == PayloadAt + 4 && LinkLayerAddress.Read(frame) == guest.Mac
            && frame[EthernetFrame.HeaderLength + 6] == NoNextHeader)
        {
            guest.Get(BinaryPrimitives.ReadInt32BigEndian(frame[PayloadAt..]));
        }
    }

    private sealed class Sending : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _sender;

        public Sending(BurstRig rig, int rate) => _sender = Task.Factory.StartNew(
            () => rig._source.Run(() => Send(rig, rate)), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _sender;
            _stop.Dispose();
        }

        private void Send(BurstRig rig, int rate)
        {
            using var kernel = new Kernel();
            using var socket = new PacketSocket(kernel.Interfaces().IndexOf("far"), PacketFilter.Nothing);
            var router = Guests.Enrolled.Link.RouterLinkLayerAddress;
            // The bridge learns where everybody is.
            socket.Send(Packets.Frame(rig.All[0].Mac, router, EtherType.Ipv6, new byte[46]));
            foreach (var guest in rig.All)
            {
                guest.Source!.Write(Packets.Frame(router, guest.Mac, EtherType.Ipv6, new byte[46]));
            }

            var began = Stopwatch.GetTimestamp();
            for (var sent = 0; !_stop.IsCancellationRequested; Thread.Sleep(1))
            {
                for (var due = (int)(Stopwatch.GetElapsedTime(began).TotalSeconds * rate); sent < due; sent++)
                {
                    var guest = rig.All[sent % rig.All.Count];
                    var number = new byte[4];
                    BinaryPrimitives.WriteInt32BigEndian(number, guest.Sent++);
                    socket.Send(Packets.Frame(guest.Mac, router, EtherType.Ipv6, Packets.Ipv6(Correspondent, guest.Home, NoNextHeader, number)));
                }
            }
        }
    }
}
