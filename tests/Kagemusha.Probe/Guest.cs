using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kagemusha.Probe;

/// <summary>
/// The guest's side: serves one correspondent at a time, whose address and interval it learns from the TCP connection that the
/// correspondent makes. A new session replaces the one before; the same session over a new connection goes on counting.
/// </summary>
internal sealed class Guest : IDisposable
{
    private readonly ulong _boot = BitConverter.ToUInt64(Guid.NewGuid().ToByteArray());
    private readonly Poller _poller = new();
    private readonly ReceivedProbes _received = new();
    private readonly Socket _streams = LineConnection.Listen(NumberedStream.Port);
    private readonly ReportServer _reports;

    private NumberedStream? _stream;
    private bool _greeted;
    private ProbeSocket? _probes;
    private SocketAddress? _correspondent;
    private ulong _session;
    private Pace _pace;
    private int _sent;
    private bool _stopped;

    public Guest() => _reports = new(Stop, () => GuestReport.Write(_boot, _sent, _probes!.BufferDrops, _received));

    /// <summary>Waits for a global address.</summary>
    public IPAddress WaitForAddress()
    {
        using var watch = new AddressWatch();
        while (true)
        {
            if (watch.Find() is { } address)
            {
                return address;
            }

            _poller.Add(watch.Socket);
            _poller.Wait(until: null);
        }
    }

    /// <summary>Serves until <paramref name="ended"/> says so.</summary>
    public void Run(Func<bool> ended)
    {
        while (!ended())
        {
            _poller.Add(_streams);
            _reports.AddTo(_poller);
            _poller.Add(_probes?.Socket);
            _poller.Add(_stream?.Connection.Socket, write: _stream?.Connection.HasOutput ?? false);
            _poller.Wait(NextDue());

            ReceiveProbes();
            SendProbe();
            ServeStream();
            _reports.Serve(Clock.Monotonic);
        }
    }

    public void Dispose()
    {
        _streams.Dispose();
        _reports.Dispose();
        _stream?.Dispose();
        _probes?.Dispose();
    }

    private bool IsSending => _probes is not null && !_stopped && _sent < ProbePacket.MaximumCount;

    private bool Stop(string session)
    {
        if (_probes is null || session != _session.ToString("x16", CultureInfo.InvariantCulture))
        {
            return false;
        }

        return _stopped = true;
    }

    private long NextDue()
    {
        var due = Math.Min(_reports.Due, Clock.Monotonic + Clock.Second);
        due = _greeted ? Math.Min(due, _stream!.Due) : due;
        return IsSending ? Math.Min(due, _pace.Next) : due;
    }

    private void ReceiveProbes()
    {
        while (_probes is not null && _probes.TryReceive(out var probe, out var at))
        {
            if (probe.Direction == ProbeDirection.ToGuest && probe.Session == _session)
            {
                _received.Add(probe.Sequence, at);
            }
        }
    }

    private void SendProbe()
    {
        if (IsSending && _pace.IsDue(Clock.Monotonic))
        {
            _probes!.Send(new(ProbeDirection.FromGuest, _session, _boot, _sent++), _correspondent!);
        }
    }

    private void ServeStream()
    {
        if (LineConnection.Accept(_streams) is { } connection)
        {
            _stream?.Dispose();
            (_stream, _greeted) = (new(connection), false);
        }

        if (_stream is null)
        {
            return;
        }

        if (!_greeted && _stream.ReceiveGreeting() is { } greeting)
        {
            Greet(greeting);
        }

        while (_greeted && _stream.TryReceive(out _))
        {
        }

        _stream.Connection.Flush();
        if (_greeted)
        {
            _stream.SendDue(Clock.Monotonic, _sent, _received.Distinct);
        }

        if (_stream.Connection.BrokenBy is { } why)
        {
            Console.WriteLine($"stream: {why}");
            _stream.Dispose();
            (_stream, _greeted) = (null, false);
        }
    }

    private void Greet(string[] greeting)
    {
        var connection = _stream!.Connection;
        if (greeting is not ["session", var number, var milliseconds]
            || !ulong.TryParse(number, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var session)
            || !int.TryParse(milliseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var interval) || interval == 0)
        {
            connection.Break("no correspondent of ours");
            return;
        }

        if (session != _session)
        {
            _probes?.Dispose();
            _probes = new(connection.Local.Address);
            _correspondent = new IPEndPoint(connection.Remote.Address, ProbePacket.Port).Serialize();
            _received.Clear();
            (_session, _sent, _stopped) = (session, 0, false);
            _pace = new(interval * Clock.Millisecond, Clock.Monotonic);
            Console.WriteLine($"session {number} with {connection.Remote.Address}");
        }

        _greeted = connection.TryWrite(Encoding.ASCII.GetBytes($"boot {_boot:x16}\n"));
    }
}
