using System.Diagnostics;

namespace LibvirtSharp.Tests;

/// <summary>What only a connection to a daemon has: it can be lost.</summary>
public sealed class LibvirtDaemonTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("kg-libvirtd");
    private readonly Process _daemon;

    /// <summary>Starts a libvirtd with a /run and a /var of its own; nothing of the machine's libvirt is touched.</summary>
    public LibvirtDaemonTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root, for a mount namespace of its own");
        Assert.SkipUnless(File.Exists("/usr/sbin/libvirtd"), "needs libvirtd, of Debian's package libvirt-daemon");
        const string script = """
            mkdir -p run/libvirt etc lib cache log
            mount --bind run /run && mount --bind etc /etc/libvirt && mount --bind lib /var/lib/libvirt
            mount --bind cache /var/cache/libvirt && mount --bind log /var/log/libvirt
            echo 'auth_unix_rw = "none"' >etc/libvirtd.conf
            exec libvirtd --config etc/libvirtd.conf --pid-file run/libvirtd.pid >log/libvirtd.log 2>&1
            """;
        _daemon = Process.Start(new ProcessStartInfo("unshare", ["--mount", "sh", "-ec", script])
        {
            WorkingDirectory = _directory.FullName,
        })!;
    }

    public void Dispose()
    {
        _daemon?.Kill();
        _daemon?.WaitForExit();
        _daemon?.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Events_come_from_a_daemon_and_its_end_is_told()
    {
        using var connection = await OpenAsync();
        using var domain = connection.FindByName("test")!;
        var seen = new TaskCompletionSource<LifecycleEvent>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var watch = connection.WatchLifecycle(happened => seen.TrySetResult(happened));

        domain.Suspend();
        Assert.Equal("test Suspended/Paused", (await seen.Task.WaitAsync(Patience, TestContext.Current.CancellationToken)).ToString());
        Assert.False(connection.Closed.IsCompleted);

        _daemon.Kill();

        Assert.Equal(CloseReason.EndOfFile, await connection.Closed.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.False(connection.IsAlive);
        Assert.Throws<LibvirtException>(domain.Resume);
    }

    /// <summary>Opens the daemon's test driver as soon as it listens.</summary>
    private async Task<LibvirtConnection> OpenAsync()
    {
        var socket = Path.Combine(_directory.FullName, "run", "libvirt", "libvirt-sock");
        for (var began = Stopwatch.StartNew(); ; await Task.Delay(20, TestContext.Current.CancellationToken))
        {
            try
            {
                return LibvirtConnection.Open($"test+unix:///default?socket={socket}");
            }
            catch (LibvirtException) when (began.Elapsed < Patience)
            {
                // It does not listen yet, and tells nobody when it does.
            }
        }
    }
}
