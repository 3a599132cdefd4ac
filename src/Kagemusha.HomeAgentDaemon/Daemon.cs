using System.Diagnostics;
using System.Threading.Channels;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;
using NLog;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>Joins the home agent, which decides, to the kernel, the home link and the stored cache. One input at a time.</summary>
internal sealed partial class Daemon : IDisposable
{
    // The longest packet that the home agent has any use for, and how many inputs may wait: what floods is dropped.
    private const int LargestFrame = 2048;
    private const int MostWaiting = 1024;

    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);
    private static readonly Logger Log = LogManager.GetLogger("home-agent");

    private readonly HomeSite _site;
    private readonly CacheFile _file;
    private readonly Kernel _kernel;
    private readonly HomeAgent _agent;

    private readonly KernelMonitor _monitor;
    private readonly RawIpv6Sender _sender = new();
    private readonly PacketSocket _homeLink;

    // A router on this machine advertises what counts, too.
    private readonly PacketSocket _routers;

    // Of all interfaces. A raw socket would not do: the kernel discards a packet with a Home Address option that it does not know.
    private readonly PacketSocket _mobility = new(
        0, PacketFilter.NextHeader((byte)NextHeader.Mobility, headerLength: 0), (ushort)EtherType.Ipv6, withoutLinkHeader: true);

    // The kernel would answer a mobility header that nobody listens for by a parameter problem.
    private readonly ProtocolHolder _holder = new((byte)NextHeader.Mobility);

    private readonly Channel<HomeAgentInput> _inputs = Channel.CreateBounded<HomeAgentInput>(
        new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Opens all that it needs and takes over the bindings of an earlier run.</summary>
    /// <exception cref="KernelException">A socket could not be had.</exception>
    public Daemon(HomeSite site, CacheFile file, Kernel kernel)
    {
        _site = site;
        _file = file;
        _kernel = kernel;
        _monitor = new(kernel);
        _dataPath = new(site.Link.Name, site.Configuration.Address);
        _homeLink = new(site.Link.Index, PacketFilter.NeighbourDiscovery, (ushort)EtherType.Ipv6);
        _homeLink.ListenToAllGroups();
        _anycast = new(site.Link);
        _routers = new(site.Link.Index, PacketFilter.RouterAdvertisements, (ushort)EtherType.Ipv6);
        _agent = new(site.Configuration, TakeOver(), Now, Random.Shared.NextDouble);
    }

    private static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    /// <summary>Serves until it is told to stop. The tunnels stay in the kernel and the bindings in the file, for the next run.</summary>
    /// <exception cref="RefusedException">The home link is no longer what it was.</exception>
    /// <exception cref="KernelException">A socket failed.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task[] receivers =
        [
            FeedAsync(ReceiveMobilityAsync(end.Token)),
            FeedAsync(ReceiveQuestionsAsync(end.Token)),
            FeedAsync(ReceiveNeighbourDiscoveryAsync(end.Token)),
            FeedAsync(ReceiveRouterAdvertisementsAsync(end.Token)),
            FeedAsync(WatchLinkAsync(end.Token)),
        ];
        StoreAll();
        MakeDataPath();
        Carry(_agent.Handle(Now, new HomeAgentInput.Started()));
        Log.Info($"serving {_site.Link.Name} as {_site.Configuration.Address}; {_agent.Bindings.Count} bindings taken over");
        try
        {
            while (!stop.IsCancellationRequested)
            {
                var input = await NextAsync(stop);
                Carry(_agent.Handle(Now, input));
                RepairDataPath();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end that is wanted.
        }
        finally
        {
            StoreAll();
            await end.CancelAsync();
            await Task.WhenAll(receivers);
        }

        Log.Info($"stopped; {_agent.Bindings.Count} bindings and their tunnels stay as they are");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _holder.Dispose();
        _mobility.Dispose();
        _questions.Dispose();
        _anycast.Dispose();
        _homeLink.Dispose();
        _routers.Dispose();
        _sender.Dispose();
        _monitor.Dispose();
    }

    /// <summary>What has come in, or that it is time.</summary>
    private async Task<HomeAgentInput> NextAsync(CancellationToken stop)
    {
        using var wakeUp = CancellationTokenSource.CreateLinkedTokenSource(stop);
        if (new[] { _agent.NextWakeUp, NextRepair }.Min() - Now is { } wait)
        {
            if (wait <= TimeSpan.Zero)
            {
                return new HomeAgentInput.WakeUp();
            }

            // Timers count whole milliseconds, and must not end before it is time.
            wakeUp.CancelAfter(wait < LongestWait ? wait + TimeSpan.FromMilliseconds(1) : LongestWait);
        }

        try
        {
            // Throws what a receiver threw.
            await _inputs.Reader.WaitToReadAsync(wakeUp.Token);
            return _inputs.Reader.TryRead(out var input) ? input : new HomeAgentInput.WakeUp();
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return new HomeAgentInput.WakeUp();
        }
    }

    private void Carry(IReadOnlyList<HomeAgentEffect> effects)
    {
        // File and kernel first: nothing is acknowledged that does not hold. The file before the kernel: if only one of them has a change when this program is
        // killed, the next run finds it in the file; and the disk after the kernel, which no packet waits for.
        var holds = true;
        var changes = effects.OfType<HomeAgentEffect.BindingChanged>().ToList();
        if (changes.Count > 0)
        {
            Store(changes);
            holds = TurnDataPath(changes);
            Try(_file.Flush);
        }

        foreach (var effect in effects)
        {
            switch (effect)
            {
                case HomeAgentEffect.Send { Packet: MobilityPacket packet } when !holds && Accepts(packet, out var homeAddress):
                    Carry(_agent.Handle(Now, new HomeAgentInput.DataPathFailed(homeAddress, packet)));
                    break;
                case HomeAgentEffect.Send { Packet: var packet }:
                    Send(() => _sender.Send(packet.ToArray()));
                    break;
                case HomeAgentEffect.SendOnHomeLink { Packet: var packet, Destination: var destination }:
                    Send(() => _homeLink.Send(EthernetFrame.Around(packet, _site.Configuration.LinkLayerAddress, destination).ToArray()));
                    break;
                case HomeAgentEffect.HomePrefixesChanged changed:
                    ListenForDiscovery(changed);
                    HomeAgentLog.Write(Log, effect);
                    break;
                default:
                    HomeAgentLog.Write(Log, effect);
                    break;
            }
        }

        if (changes.Count > 0)
        {
            SettleDataPath();
            if (_file.IsMostlyOutdated(_agent.Bindings.Count))
            {
                StoreAll();
            }
        }
    }

    private static bool Accepts(MobilityPacket packet, out Ipv6Address homeAddress)
    {
        homeAddress = packet.HomeAddress ?? default;
        return packet is { HomeAddress: not null, Message: BindingAcknowledgement { Status.IsAccepted: true, Lifetime: > 0 } };
    }

    private static void Send(Action send)
    {
        try
        {
            send();
        }
        catch (KernelException e)
        {
            Log.Warn($"not sent: {e.Message}");
        }
    }

    /// <summary>Writes what has changed, in time for a program that is killed.</summary>
    private void Store(IReadOnlyCollection<HomeAgentEffect.BindingChanged> changes) => Try(() => _file.Append(
        [.. changes.Select(change => new BindingSnapshot(
            change.Binding.HomeAddress, change.Binding.CareOfAddress, change.Binding.Sequence, change.HasEnded ? TimeSpan.Zero : change.Remaining)
        {
            LinkLocalAddress = change.Binding.LinkLocalAddress,
        })],
        () => _agent.TakeSnapshot(Now),
        DateTimeOffset.UtcNow));

    private void StoreAll() => Try(() => _file.Begin(_agent.TakeSnapshot(Now), DateTimeOffset.UtcNow));

    /// <summary>A full disk costs no guest its reachability; nor is it silent.</summary>
    private static void Try(Action store)
    {
        try
        {
            store();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.Error($"the bindings are not stored and would not outlive this program: {e.Message}");
        }
    }

    private IReadOnlyList<BindingSnapshot> TakeOver()
    {
        var journal = _file.Read(DateTimeOffset.UtcNow);
        var there = journal.Fault is null ? [] : _kernel.Owned(DataPath.Scope);
        var bindings = Takeover.Bindings(journal, there, _site.Configuration.Address, _site.Configuration.MaximumLifetime);
        if (journal.ClockFault is { } clockFault)
        {
            Log.Warn(clockFault);
        }

        if (journal.Fault is { } fault)
        {
            Log.Warn($"{fault}; going on with {bindings.Count} bindings, {bindings.Count(binding => binding.Sequence is null)} of them from the tunnels in the kernel alone");
        }

        return bindings;
    }

    /// <summary>A receiver's failure is the reader's to see.</summary>
    private async Task FeedAsync(Task receiver)
    {
        try
        {
            await receiver;
        }
        catch (Exception e) when (e is KernelException or RefusedException)
        {
            _inputs.Writer.TryComplete(e);
        }
        catch (OperationCanceledException)
        {
            // All is over.
        }
    }

    private async Task ReceiveNeighbourDiscoveryAsync(CancellationToken end)
    {
        var buffer = new byte[LargestFrame];
        for (; ; )
        {
            var frame = await _homeLink.ReceiveAsync(buffer, end);
            if (!frame.IsTruncated
                && NeighbourDiscoveryPacket.TryParse(buffer.AsSpan(EthernetFrame.HeaderLength..frame.Length), out var packet, out _)
                && packet.Message is NeighbourSolicitation or NeighbourAdvertisement)
            {
                _inputs.Writer.TryWrite(new HomeAgentInput.SeenOnHomeLink(packet));
            }
        }
    }

    private async Task ReceiveRouterAdvertisementsAsync(CancellationToken end)
    {
        var buffer = new byte[LargestFrame];
        for (; ; )
        {
            var frame = await _routers.ReceiveAsync(buffer, end);
            if (!frame.IsTruncated
                && NeighbourDiscoveryPacket.TryParse(buffer.AsSpan(EthernetFrame.HeaderLength..frame.Length), out var packet, out _)
                && packet.Message is RouterAdvertisement advertisement)
            {
                _inputs.Writer.TryWrite(new HomeAgentInput.Advertised(packet.Source, advertisement));
            }
        }
    }
}
