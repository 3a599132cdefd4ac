namespace Kagemusha.Lab.Tests;

/// <summary>What a tcpdump on a box sees while it lasts.</summary>
internal sealed class Capture : Tcpdump
{
    private readonly List<string> _lines = [];
    private readonly Task _reading;

    /// <summary>Returns when it listens.</summary>
    /// <param name="box">The box.</param>
    /// <param name="link">The interface.</param>
    /// <param name="filter">What is to be seen, as tcpdump has it.</param>
    /// <param name="options">More options, such as -e.</param>
    public Capture(Box box, string link, string filter, params string[] options)
        : base(box, link, ["-n", "-l", .. options], filter) => _reading = ReadAsync();

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
        Interrupt();
        Assert.True(_reading.Wait(Patience), "tcpdump does not end");
        return Lines;
    }

    private async Task ReadAsync()
    {
        while (await Process.StandardOutput.ReadLineAsync() is { } line)
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
