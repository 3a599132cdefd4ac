using System.Text.Json;
using Kagemusha.Probe;

namespace Kagemusha.MoveReport;

/// <summary>How late the control process was: what is late on this machine whatever the network does.</summary>
internal sealed class ControlTrace(ControlRecord record)
{
    private readonly long _interval = record.IntervalMs * 1_000_000L;

    /// <summary>Reads what <c>kagemusha-probe control</c> wrote.</summary>
    /// <exception cref="InvalidDataException">There is nothing in it.</exception>
    public static ControlTrace Read(string path) =>
        new(JsonSerializer.Deserialize(File.ReadAllBytes(path), ControlRecordJson.Default.ControlRecord) is { IntervalMs: > 0 } record
            ? record : throw new InvalidDataException($"{path}: no interval"));

    /// <summary>Between two of its ticks.</summary>
    public int IntervalMs => record.IntervalMs;

    /// <summary>Its latest tick of those that were due in a window; null if it did not run through all of it.</summary>
    public long? Lateness(Window window)
    {
        var first = (window.Start - record.StartedAt + _interval - 1) / _interval;
        var last = (window.End - record.StartedAt) / _interval;
        return window.Start < record.StartedAt || last >= record.Lateness.Length
            ? null
            : record.Lateness[(int)first..(int)(last + 1)].Max();
    }
}
