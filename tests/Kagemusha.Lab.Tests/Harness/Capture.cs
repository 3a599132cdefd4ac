using System.Diagnostics;

namespace Kagemusha.Lab.Tests;

/// <summary>What a tcpdump on a box sees while it lasts.</summary>
internal sealed class Capture : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Process _tcpdump;
    private readonly List<string> _lines = [];
    private readonly Task _reading;

    /// <summary>Returns when it listens.</summary>
    /// <param name="box">The box.</param>
    /// <param name="link">The interface.</param>
    /// <param name="filter">What is to be seen, as tcpdump has it.</param>
    /// <param name="options">More options, such as -e.</param>
    public Capture(Box box, string link, string filter, params string[] options)
    {
        string[] always = ["-n", "-l", "--immediate-mode", "-Z", "root", "-B", "8192"];
        _tcpdump = Command.Start(box.Line("tcpdump", [.. always, .. options, "-i", link, filter]));
        var said = new List<string>();
        while (_tcpdump.StandardError.ReadLine() is { } line)
        {
            said.Add(line);
            if (line.StartsWith("listening on", StringComparison.Ordinal))
            {
                _reading = ReadAsync();
                _ = _tcpdump.StandardError.ReadToEndAsync();
                return;
            }
        }

        throw new InvalidOperationException($"tcpdump does not start: {string.Join(' ', said)}");
    }

    /// <summary>What it has seen so far, one line a packet, without the time.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Waits for a packet.</summary>
    /// <param name="what">What it is, for whoever reads the failure.</param>
    /// <param name="wanted">Whether a line is it.</param>
    public string WaitFor(string what, Func<string, bool> wanted) => Wait.For(what, Patience, () => Lines.FirstOrDefault(wanted));

    /// <summary>Ends it.</summary>
    /// <returns>All that it has seen.</returns>
    public IReadOnlyList<string> Stop()
    {
        if (!_tcpdump.HasExited)
        {
            // It is the process itself in a namespace, and a child of it on a host.
            Command.Run(["pkill", "-INT", "-P", $"{_tcpdump.Id}"]);
            Command.Run(["kill", "-INT", $"{_tcpdump.Id}"]);
        }

        Assert.True(_reading.Wait(Patience), "tcpdump does not end");
        return Lines;
    }

    public void Dispose()
    {
        Stop();
        _tcpdump.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _tcpdump.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Length == 0)
            {
                continue; // what it prints when it is interrupted
            }

            lock (_lines)
            {
                // The time comes first.
                _lines.Add(line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
            }
        }
    }
}
