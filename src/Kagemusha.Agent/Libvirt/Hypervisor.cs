using Kagemusha.Control;
using Kagemusha.Linux;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>This host's libvirt: connected again whenever it has gone, its events on the agent's loop before all else, its calls off it.</summary>
/// <param name="uri">The connection's URI.</param>
/// <param name="loop">The agent's loop.</param>
/// <param name="log">Where gains and losses of the connection are told.</param>
internal sealed class Hypervisor(string uri, AgentLoop loop, AgentLog log)
{
    private static readonly TimeSpan ReconnectInterval = TimeSpan.FromSeconds(1);

    private LibvirtConnection? _connection;
    private string _whyNot = "not yet";

    /// <summary>Stays connected until it is cancelled.</summary>
    /// <param name="connected">Called after each connection, on the loop.</param>
    /// <param name="happened">Takes each event and when it came, by <see cref="Clock"/>, on the loop.</param>
    /// <param name="plugged">Takes each device that has come or gone, on the loop.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task RunAsync(Func<Task> connected, Action<LifecycleEvent, TimeSpan> happened, Action<DeviceEvent> plugged, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                // Packets wait for its events as they do for what the loop makes of them.
                EventLoop.EnsureRunning(Scheduling.GoFirst, loop.Wake);
                using var connection = await Task.Run(() => LibvirtConnection.Open(uri), cancellation);
                using var watch = connection.WatchLifecycle(e =>
                {
                    var at = Clock.Now;
                    loop.PostUrgent(() => happened(e, at));
                });
                using var devices = connection.WatchDevices(e => loop.Post(() => plugged(e)));
                _connection = connection;
                _whyNot = "";
                log.Info($"connected to libvirt at {uri}");
                await connected();
                var reason = await connection.Closed.WaitAsync(cancellation);
                Lose($"the connection was closed: {reason}");
            }
            catch (LibvirtException e)
            {
                Lose(e.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            finally
            {
                _connection = null;
            }

            await Task.Delay(ReconnectInterval, cancellation).ContinueWith(_ => { }, TaskScheduler.Current);
        }
    }

    /// <summary>Asks libvirt, on a thread of its own: it may block for as long as a migration takes, and the pool's few are for sockets.</summary>
    /// <exception cref="RefusedException">libvirt does not answer.</exception>
    /// <exception cref="LibvirtException">libvirt refused.</exception>
    public Task<T> AskAsync<T>(Func<LibvirtConnection, T> question)
    {
        var connection = _connection
            ?? throw new RefusedException($"libvirt at {uri} does not answer: {_whyNot}", ExitCode.Libvirt);
        return Task.Factory.StartNew(Ask, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        T Ask()
        {
            try
            {
                return question(connection);
            }
            catch (ObjectDisposedException)
            {
                throw new RefusedException($"libvirt at {uri} does not answer: the connection was closed", ExitCode.Libvirt);
            }
        }
    }

    private void Lose(string why)
    {
        if (_whyNot != why)
        {
            log.Warn($"no connection to libvirt at {uri}, trying again each second: {why}");
        }

        _whyNot = why;
    }
}
