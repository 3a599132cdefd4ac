using System.Globalization;
using System.Net;
using System.Text;

namespace Kagemusha.Probe;

/// <summary>
/// The correspondent's side: connects until the guest answers, then sends probes and lines until told to end, then asks for the
/// guest's report while it still receives.
/// </summary>
internal sealed class Correspondent(IPAddress guest, int intervalMs, TimeSpan? duration, bool progress) : IDisposable
{
    private const long Retry = Clock.Second;
    private const long ReportTimeout = 20 * Clock.Second;

    private readonly ulong _session = BitConverter.ToUInt64(Guid.NewGuid().ToByteArray());
    private readonly Poller _poller = new();
    private readonly ProbeSocket _probes = new(IPAddress.IPv6Any);
    private readonly SocketAddress _guest = new IPEndPoint(guest, ProbePacket.Port).Serialize();
    private readonly long[] _sentAt = new long[ProbePacket.MaximumCount];
    private readonly ReceivedProbes _received = new();
    private readonly List<ulong> _boots = [];
    private readonly List<StreamLog> _streams = [];

    private NumberedStream? _stream;
    private StreamLog? _log;
    private StreamLine _guestSays;
    private long _nextConnect;
    private int _sent;

    private bool HasMetGuest => _boots.Count > 0;

    /// <summary>Runs to the end; the record, or null if the guest never answered.</summary>
    public ProbeRecord? Run(Func<bool> ended)
    {
        while (!HasMetGuest)
        {
            if (ended())
            {
                return null;
            }

            Step(Clock.Monotonic + Clock.Second);
        }

        var start = Clock.Monotonic;
        var end = duration is { } time ? start + (long)(time.TotalSeconds * Clock.Second) : long.MaxValue;
        var pace = new Pace(intervalMs * Clock.Millisecond, start);
        var progressPace = new Pace(Clock.Second, start + Clock.Second);
        while (!ended() && Clock.Monotonic < end && _sent < ProbePacket.MaximumCount)
        {
            if (pace.IsDue(Clock.Monotonic))
            {
                _sentAt[_sent] = Clock.RealTime;
                _probes.Send(new(ProbeDirection.ToGuest, _session, 0, _sent++), _guest);
            }

            SendLine();
            if (progress && progressPace.IsDue(Clock.Monotonic))
            {
                PrintProgress(start);
            }

            Step(Math.Min(pace.Next, end));
        }

        return Record(AskForReport());
    }

    public void Dispose()
    {
        _stream?.Dispose();
        _probes.Dispose();
    }

    private void Step(long until)
    {
        _poller.Add(_probes.Socket);
        _poller.Add(_stream?.Connection.Socket, write: _stream?.Connection.HasOutput ?? false);
        _poller.Wait(Math.Min(until, _stream is null ? _nextConnect : long.MaxValue));
        ReceiveProbes();
        ServeStream();
    }

    private void ReceiveProbes()
    {
        while (_probes.TryReceive(out var probe, out var at))
        {
            if (probe.Direction == ProbeDirection.FromGuest && probe.Session == _session)
            {
                SeeBoot(probe.Boot);
                if (probe.Boot == _boots[0])
                {
                    _received.Add(probe.Sequence, at);
                }
            }
        }
    }

    private void ServeStream()
    {
        if (_stream is null)
        {
            if (Clock.Monotonic < _nextConnect)
            {
                return;
            }

            _stream = new(LineConnection.Connect(guest, NumberedStream.Port));
            _stream.Connection.TryWrite(Encoding.ASCII.GetBytes($"session {_session:x16} {intervalMs}\n"));
        }

        _stream.Connection.Flush();
        if (_log is null && _stream.ReceiveGreeting() is ["boot", var word]
            && ulong.TryParse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var boot))
        {
            SeeBoot(boot);
            _log = new(Clock.RealTime);
            _streams.Add(_log);
        }

        while (_log is not null && _stream.TryReceive(out var line))
        {
            _guestSays = line;
            _log.ReceivedAt.Add(Clock.RealTime);
            _log.Answered.Add(line.Answered);
        }

        if (_stream.Connection.BrokenBy is { } why)
        {
            if (_log is not null)
            {
                (_log.BrokenAt, _log.BrokenBy) = (Clock.RealTime, why);
            }

            _stream.Dispose();
            (_stream, _log, _nextConnect) = (null, null, Clock.Monotonic + Retry);
        }
    }

    private void SeeBoot(ulong boot)
    {
        if (!_boots.Contains(boot))
        {
            _boots.Add(boot);
        }
    }

    private static string Name(ulong number) => number.ToString("x16", CultureInfo.InvariantCulture);

    private void SendLine()
    {
        if (_log is not null && _stream!.SendDue(Clock.Monotonic, _sent, _received.Distinct))
        {
            _log.SentAt.Add(Clock.RealTime);
        }
    }

    private void PrintProgress(long start)
    {
        var seconds = (Clock.Monotonic - start) / (double)Clock.Second;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{seconds,5:0.0} s: to the guest {_sent} sent, {_guestSays.ProbesReceived} received; "
            + $"from it {_guestSays.ProbesSent} sent, {_received.Distinct} received; stream {(_log is null ? "broken" : "up")}"));
    }

    private GuestReport? AskForReport()
    {
        using var connection = LineConnection.Connect(guest, GuestReport.Port);
        connection.TryWrite(Encoding.ASCII.GetBytes($"report {_session:x16}\n"));
        using var report = new MemoryStream();
        var buffer = new byte[4096];
        for (var until = Clock.Monotonic + ReportTimeout; connection.BrokenBy is null && Clock.Monotonic < until;)
        {
            _poller.Add(connection.Socket, write: connection.HasOutput);
            Step(until);
            connection.Flush();
            while (connection.TryReadBytes(buffer, out var length))
            {
                report.Write(buffer, 0, length);
            }
        }

        return GuestReport.Read(report.ToArray());
    }

    private ProbeRecord Record(GuestReport? report)
    {
        if (report is not null)
        {
            SeeBoot(report.Boot);
        }

        return new(guest.ToString(), Name(_session), intervalMs, [.. _boots.Select(Name)], _sentAt[.._sent], report?.Received, report?.Sent,
            new(_received.At.ToArray(), [.. _received.Copies.ToArray().Select(copies => (int)copies)], _probes.BufferDrops),
            [.. _streams.Select(log => log.ToRecord())]);
    }

    private sealed class StreamLog(long connectedAt)
    {
        public long? BrokenAt { get; set; }

        public string? BrokenBy { get; set; }

        public List<long> SentAt { get; } = [];

        public List<long> ReceivedAt { get; } = [];

        public List<int> Answered { get; } = [];

        public StreamRecord ToRecord() => new(connectedAt, BrokenAt, BrokenBy, SentAt, ReceivedAt, Answered);
    }
}
