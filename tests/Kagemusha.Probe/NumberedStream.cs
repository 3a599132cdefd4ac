using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Kagemusha.Probe;

/// <summary>
/// The conversation over one TCP connection. Each side says first who it is, then sends a line every 100 ms:
/// <code>
/// correspondent: session SESSION INTERVAL_MS      guest: boot BOOT
/// both:          NUMBER ANSWERED PROBES_SENT PROBES_RECEIVED
/// </code>
/// Numbers count from 0 without a gap; ANSWERED is how many lines of the other side have come.
/// </summary>
internal sealed class NumberedStream(LineConnection connection) : IDisposable
{
    /// <summary>The TCP port that the guest listens on.</summary>
    public const int Port = 7101;

    private Pace _pace = new(100 * Clock.Millisecond, Clock.Monotonic);

    public LineConnection Connection => connection;

    /// <summary>When the next line is due.</summary>
    public long Due => _pace.Next;

    /// <summary>Lines sent.</summary>
    public int Sent { get; private set; }

    /// <summary>Lines received.</summary>
    public int Received { get; private set; }

    /// <summary>Sends a line if one is due.</summary>
    public bool SendDue(long now, int probesSent, int probesReceived)
    {
        if (!_pace.IsDue(now))
        {
            return false;
        }

        Span<byte> line = stackalloc byte[64];
        Utf8.TryWrite(line, CultureInfo.InvariantCulture, $"{Sent} {Received} {probesSent} {probesReceived}\n", out var length);
        if (!connection.TryWrite(line[..length]))
        {
            return false;
        }

        Sent++;
        return true;
    }

    /// <summary>Takes the other side's next line; one out of turn breaks the connection.</summary>
    public bool TryReceive(out StreamLine line)
    {
        line = default;
        if (!connection.TryRead(out var text))
        {
            return false;
        }

        if (!TryTake(ref text, out var number) || !TryTake(ref text, out var answered) || !TryTake(ref text, out var sent)
            || !TryTake(ref text, out var received) || number != Received)
        {
            connection.Break($"not line {Received} came after line {Received - 1}");
            return false;
        }

        Received++;
        line = new(answered, sent, received);
        return true;
    }

    /// <summary>Takes the other side's first word, of the form <c>WORD VALUE...</c>; null when it has not come yet.</summary>
    public string[]? ReceiveGreeting() => connection.TryRead(out var text) ? Encoding.ASCII.GetString(text).Split(' ') : null;

    public void Dispose() => connection.Dispose();

    private static bool TryTake(ref ReadOnlySpan<byte> text, out int number)
    {
        if (!Utf8Parser.TryParse(text, out number, out var length))
        {
            return false;
        }

        text = text[length..].TrimStart((byte)' ');
        return true;
    }
}

/// <summary>What a line says besides its number.</summary>
/// <param name="Answered">How many lines the sender had received.</param>
/// <param name="ProbesSent">How many probes it had sent.</param>
/// <param name="ProbesReceived">How many different probes it had received.</param>
internal readonly record struct StreamLine(int Answered, int ProbesSent, int ProbesReceived);
