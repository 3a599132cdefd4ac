using System.Diagnostics;

namespace Kagemusha.Lab.Tests;

/// <summary>A tcpdump on a box, while it lasts.</summary>
internal abstract class Tcpdump : IDisposable
{
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Returns when it listens.</summary>
    /// <param name="box">The box.</param>
    /// <param name="link">The interface.</param>
    /// <param name="options">What it is to do.</param>
    /// <param name="filter">What is to be seen, as tcpdump has it; nothing for all.</param>
    protected Tcpdump(Box box, string link, IEnumerable<string> options, params IEnumerable<string> filter)
    {
        string[] always = ["--immediate-mode", "-Z", "root", "-B", "8192"];
        Process = Command.Start(box.Line("tcpdump", [.. always, .. options, "-i", link, .. filter]));
        var said = new List<string>();
        while (Process.StandardError.ReadLine() is { } line)
        {
            said.Add(line);
            if (line.Has("listening on"))
            {
                _ = Process.StandardError.ReadToEndAsync();
                return;
            }
        }

        throw new InvalidOperationException($"tcpdump does not start: {string.Join(' ', said)}");
    }

    protected Process Process { get; }

    public void Dispose()
    {
        Interrupt();
        Process.Dispose();
    }

    /// <summary>Tells it to end.</summary>
    protected void Interrupt()
    {
        if (!Process.HasExited)
        {
            // It is the process itself in a namespace, and a child of it on a host.
            Command.Run(["pkill", "-INT", "-P", $"{Process.Id}"]);
            Command.Run(["kill", "-INT", $"{Process.Id}"]);
            Assert.True(Process.WaitForExit(Patience), "tcpdump does not end");
        }
    }
}
