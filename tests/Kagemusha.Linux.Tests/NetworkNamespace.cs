using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.Json;
using Tmds.Linux;

namespace Kagemusha.Linux.Tests;

/// <summary>A network namespace of a test's own, which goes with all that is in it when the test ends.</summary>
internal sealed class NetworkNamespace : IDisposable
{
    private static int Made;

    public NetworkNamespace()
    {
        Name = string.Create(CultureInfo.InvariantCulture, $"kgtest-{Environment.ProcessId}-{Interlocked.Increment(ref Made)}");
        Execute("ip", $"netns add {Name}");
        Ip("link set lo up");
    }

    public string Name { get; }

    /// <summary>Runs something on a thread that is in the namespace.</summary>
    public T Run<T>(Func<T> what)
    {
        T? result = default;
        ExceptionDispatchInfo? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                result = what();
            }
#pragma warning disable CA1031 // It is thrown again by the caller's thread.
            catch (Exception thrown)
#pragma warning restore CA1031
            {
                error = ExceptionDispatchInfo.Capture(thrown);
            }
        });
        thread.Start();
        thread.Join();
        error?.Throw();
        return result!;
    }

    public void Run(Action what) => Run(() =>
    {
        what();
        return 0;
    });

    /// <summary>Runs iproute2's ip in the namespace.</summary>
    public string Ip(string arguments) => Execute("ip", $"-n {Name} {arguments}");

    /// <summary>Runs ip in the namespace and reads what it prints.</summary>
    public List<JsonElement> Json(string arguments)
    {
        var text = Execute("ip", $"-n {Name} -json {arguments}");
        return text.Length == 0 ? [] : [.. JsonDocument.Parse(text).RootElement.EnumerateArray().Where(element => element.EnumerateObject().Any())];
    }

    /// <summary>Runs a program in the namespace.</summary>
    public string Execute(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        return Run(() => Execute(line[..space], line[(space + 1)..]));
    }

    public void Dispose() => Execute("ip", $"netns delete {Name}");

    private static string Execute(string program, string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} {arguments}: {error.Result}");
    }

    private unsafe void Enter()
    {
        fixed (byte* path = Encoding.UTF8.GetBytes($"/run/netns/{Name}\0"))
        {
            var fd = LibC.open(path, LibC.O_RDONLY | LibC.O_CLOEXEC);
            Assert.True(fd >= 0 && LibC.setns(fd, LibC.CLONE_NEWNET) == 0, $"cannot enter {Name}");
            _ = LibC.close(fd);
        }
    }
}
