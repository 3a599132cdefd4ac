using System.Runtime.InteropServices;
using Kagemusha.Linux;
using NLog;

namespace Kagemusha.HomeAgentDaemon;

internal static class Program
{
    private const string LockPath = "/run/kagemusha/home-agent.lock";

    /// <summary>How the program ends: 0 done, 1 failed, 2 usage or configuration, 6 permission, 7 refused by a check.</summary>
    private static async Task<int> Main(string[] args)
    {
        try
        {
            if (args.Length > 0)
            {
                return End(2, $"takes no arguments; it is configured by {HomeAgentSettings.Path}");
            }

            if (!Environment.IsPrivilegedProcess)
            {
                return End(6, "needs root: for tunnels, routes and packet sockets");
            }

            var settings = HomeAgentSettings.Read();
            using var instance = TakeLock();
            if (instance is null)
            {
                return End(7, $"another one is running: it holds {LockPath}");
            }

            HomeAgentLog.Open();
            await ServeAsync(settings);
            return 0;
        }
        catch (ConfigurationException e)
        {
            return End(2, e.Message);
        }
        catch (RefusedException e)
        {
            return End(7, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return End(1, e.Message);
        }
        finally
        {
            LogManager.Shutdown();
        }
    }

    private static async Task ServeAsync(HomeAgentSettings settings)
    {
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        // Tunnelled packets follow an update closely, and the kernel drops what passes it: nobody else's work is to hold it up.
        Scheduling.GoFirstWithThreads();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);

        using var kernel = new Kernel();
        var links = kernel.Interfaces();
        var site = HomeSite.Find(settings, links, kernel.Addresses());
        DataPath.RequireTunnels(kernel, site.Configuration.Address);
        if (SystemControl.KeepRouterAdvertisements(links) is { Count: > 0 } changed)
        {
            LogManager.GetLogger("home-agent").Info(
                $"accept_ra is 2 now on {string.Join(", ", changed)}: this machine forwards, and goes on hearing its router");
        }

        using var file = new CacheFile();
        using var daemon = new Daemon(site, file, kernel);
        await daemon.RunAsync(stop.Token);
    }

    private static FileStream? TakeLock()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(LockPath)!);
        try
        {
            // FileShare.None is an flock: it ends with the process, however that ends.
            return new(LockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static int End(int exitCode, string line)
    {
        if (LogManager.Configuration is null)
        {
            Console.Error.WriteLine($"kagemusha-ha: {line}");
        }
        else
        {
            // Standard error and the file, for whoever looks there.
            LogManager.GetLogger("home-agent").Fatal(line);
        }

        return exitCode;
    }
}
