using System.Diagnostics;

namespace Kagemusha.Agent;

/// <summary>Lets ten lines through in ten seconds, and then says how many more there were: strangers must not fill a log.</summary>
/// <param name="write">Takes the lines.</param>
internal sealed class LineLimit(Action<string> write)
{
    private const int Most = 10;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private long _began;
    private int _written;
    private int _dropped;

    /// <summary>Writes the line, or counts it. From any thread.</summary>
    public void Write(string line)
    {
        lock (_lock)
        {
            if (_written == 0 || Stopwatch.GetElapsedTime(_began) > Interval)
            {
                if (_dropped > 0)
                {
                    write($"{_dropped} more were like those before");
                }

                (_began, _written, _dropped) = (Stopwatch.GetTimestamp(), 0, 0);
            }

            if (_written < Most)
            {
                _written++;
                write(line);
            }
            else
            {
                _dropped++;
            }
        }
    }
}
