using System.Threading.Channels;

namespace LibvirtSharp.Tests;

public sealed class LifecycleEventTests : IDisposable
{
    private readonly TestDriver _driver = new();
    private readonly Channel<LifecycleEvent> _events = Channel.CreateUnbounded<LifecycleEvent>();

    public void Dispose() => _driver.Dispose();

    [Fact]
    public async Task A_life_is_told_in_its_order()
    {
        using var watch = _driver.Connection.WatchLifecycle(happened => _events.Writer.TryWrite(happened));

        _driver.Domain.Suspend();
        _driver.Domain.Resume();
        _driver.Domain.Destroy();
        _driver.Domain.Create();
        _driver.Domain.Destroy();
        _driver.Domain.Undefine();

        Assert.Equal(
            [
                "-vm1 Suspended/Paused",
                "-vm1 Resumed/Unpaused",
                "-vm1 Stopped/Destroyed",
                "-vm1 Started/Booted",
                "-vm1 Stopped/Destroyed",
                "-vm1 Undefined/0",
            ],
            [await Next(), await Next(), await Next(), await Next(), await Next(), await Next()]);
    }

    [Fact]
    public async Task An_event_names_its_domain_by_uuid()
    {
        using var watch = _driver.Connection.WatchLifecycle(happened => _events.Writer.TryWrite(happened));

        _driver.Domain.Suspend();

        Assert.Equal(
            new LifecycleEvent(TestDriver.Uuid, TestDriver.Name, LifecycleEventType.Suspended, (int)SuspendedDetail.Paused),
            await _events.Reader.ReadAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Events_come_on_the_loop_s_own_thread()
    {
        using var watch = _driver.Connection.WatchLifecycle(
            happened => _events.Writer.TryWrite(happened with { Name = Thread.CurrentThread.Name ?? "" }));

        _driver.Domain.Suspend();

        Assert.Equal("libvirt events", (await _events.Reader.ReadAsync(TestContext.Current.CancellationToken)).Name);
    }

    [Fact]
    public async Task A_watch_that_is_disposed_tells_no_more_and_makes_room_for_the_next()
    {
        var disposed = _driver.Connection.WatchLifecycle(happened => _events.Writer.TryWrite(happened with { Name = "disposed" }));
        Assert.Throws<LibvirtException>(() => _driver.Connection.WatchLifecycle(_ => { }));
        disposed.Dispose();
        disposed.Dispose();
        using var watch = _driver.Connection.WatchLifecycle(happened => _events.Writer.TryWrite(happened));

        _driver.Domain.Suspend();
        _driver.Domain.Resume();

        Assert.Equal(["-vm1 Suspended/Paused", "-vm1 Resumed/Unpaused"], [await Next(), await Next()]);
    }

    [Fact]
    public async Task A_watch_may_outlive_its_connection()
    {
        using var other = new TestDriver();
        var watch = other.Connection.WatchLifecycle(happened => _events.Writer.TryWrite(happened));
        other.Domain.Suspend();
        Assert.Equal("-vm1 Suspended/Paused", await Next());

        other.Connection.Dispose();

        watch.Dispose();
    }

    private async Task<string> Next() => (await _events.Reader.ReadAsync(TestContext.Current.CancellationToken)).ToString();
}
