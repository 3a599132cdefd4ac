using System.Net.Sockets;
using System.Text;

namespace Kagemusha.Probe;

/// <summary>Answers whoever asks for the guest's report, one at a time; who comes later takes the place of who came before.</summary>
/// <param name="stop">Told the session asked for: whether it is the current one, which then sends no more probes.</param>
/// <param name="write">Makes the report.</param>
internal sealed class ReportServer(Func<string, bool> stop, Func<byte[]> write) : IDisposable
{
    private readonly Socket _listener = LineConnection.Listen(GuestReport.Port);
    private LineConnection? _asking;
    private long? _due;
    private byte[]? _report;
    private int _sent;

    /// <summary>When it has something to do besides its sockets.</summary>
    public long Due => _due ?? long.MaxValue;

    public void AddTo(Poller poller)
    {
        poller.Add(_listener);
        if (_due is null)
        {
            poller.Add(_asking?.Socket, write: _report is not null);
        }
    }

    public void Serve(long now)
    {
        if (LineConnection.Accept(_listener) is { } connection)
        {
            Close();
            _asking = connection;
        }

        if (_asking is null)
        {
            return;
        }

        if (_due is null && _report is null)
        {
            ReadRequest(now);
        }
        else if (now >= _due)
        {
            (_due, _report) = (null, write());
        }

        if (_report is not null)
        {
            Send();
        }
    }

    public void Dispose()
    {
        Close();
        _listener.Dispose();
    }

    private void ReadRequest(long now)
    {
        if (_asking!.TryRead(out var line))
        {
            if (Encoding.ASCII.GetString(line).Split(' ') is ["report", var session] && stop(session))
            {
                _due = now + GuestReport.Linger;
                return;
            }

            _asking.Break("no request of ours");
        }

        if (_asking.BrokenBy is not null)
        {
            Close();
        }
    }

    private void Send()
    {
        var sent = _asking!.Socket.Send(_report.AsSpan(_sent), SocketFlags.None, out var error);
        _sent += error == SocketError.Success ? sent : 0;
        if (_sent == _report!.Length || error is not (SocketError.Success or SocketError.WouldBlock))
        {
            Close();
        }
    }

    private void Close()
    {
        _asking?.Dispose();
        (_asking, _due, _report, _sent) = (null, null, null, 0);
    }
}
