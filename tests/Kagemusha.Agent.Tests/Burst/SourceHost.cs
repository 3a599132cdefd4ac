using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>The parts of an agent that hand guests over; what libvirt would say is the test's. Made and used on a loop of its own.</summary>
internal sealed class SourceHost : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly Underlay _underlay;
    private readonly MoveJournal _journal;
    private readonly ArrivingGuests _arriving;
    private readonly Timer _timer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _channelRuns;

    /// <param name="loop">The loop.</param>
    /// <param name="peer">Its end of the channel.</param>
    /// <param name="address">Where it is reached.</param>
    /// <param name="directory">Where it writes.</param>
    /// <param name="mainLoopRound">Waits until the guests' taps have been read once more.</param>
    public SourceHost(AgentLoop loop, PeerSettings peer, Ipv6Address address, string directory, Func<Task> mainLoopRound)
    {
        HostKernel = new(_kernel, Guests.Configuration, TestLog.Log);
        _underlay = new(Guests.Configuration, _kernel, TestLog.Log, _ => { }, _ => { }, _ => { }, _ => { });
        _journal = new(TestLog.Log.Warn, directory);
        OutgoingHandOvers? outgoing = null;
        Channel = new(peer, _ => address, (caller, request) => loop.Ask(() => outgoing!.AnswerAsync(caller, request)), TestLog.Log);
        var registrar = new Registrar(Table, _ => { }, (_, _) => Task.FromResult<MobilityPacket?>(null), _ => { }, HostKernel.PortsOf, TestLog.Log, _ => { }, (_, _, _, _) => { });
        Departing = new(Table, HostKernel, Channel, _journal, new(), _ => Task.FromResult(true), new(_ => mainLoopRound(), _journal, TestLog.Log), TestLog.Log);
        _arriving = new(Table, HostKernel, Channel, new(Channel, _journal, TestLog.Log), _journal, new(), TestLog.Log);
        Lifecycle = new(Guests.Configuration, Table, HostKernel, _underlay, registrar, Departing, _arriving, _journal, Channel, new(), new(Guests.Configuration, Table, HostKernel, registrar, TestLog.Log), TestLog.Log);
        outgoing = new(Table, new(), _ => Task.FromResult(true), Departing.Prepare, Departing.Settled, (_, _) => throw new InvalidOperationException("no guest goes home"), _ => false, Lifecycle.RenewTicket, (_, _) => { });
        Departing.Changed += () => loop.Post(Lifecycle.Reapply);
        _timer = new(_ => loop.Post(Departing.WakeUp));
        loop.Worked += () => _timer.Change(
            Departing.NextWakeUp is { } next ? TimeSpan.FromMilliseconds(Math.Max(0, (next - Clock.Now).TotalMilliseconds)) : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _channelRuns = Channel.RunAsync(_stop.Token);
    }

    public GuestTable Table { get; } = new();

    public HostKernel HostKernel { get; }

    public PeerChannel Channel { get; }

    public DepartingGuests Departing { get; }

    public GuestLifecycle Lifecycle { get; }

    /// <summary>Takes up a guest that runs here, on its home link.</summary>
    public Guest Take(SimulatedGuest one)
    {
        var enrolled = Guests.Enrolled with { Mac = one.Mac, Addresses = [new(one.Home, 0, BindingPossible: false)] };
        return Lifecycle.Take(
            one.Uuid, one.Name, new MobilityProfile([enrolled]), _ => new Attachment.Home("br0", one.TapName), Presence.Running, new Dictionary<Ipv6Address, Mobility.MobileNodeSnapshot>());
    }

    public void Dispose()
    {
        _timer.Dispose();
        foreach (var guest in Table.All)
        {
            guest.Dispose();
        }

        _stop.Cancel();
        _channelRuns.Wait(TimeSpan.FromSeconds(20));
        _stop.Dispose();
        _arriving.Dispose();
        Channel.Dispose();
        _underlay.Dispose();
        _journal.Dispose();
        _kernel.Dispose();
    }
}
