using System.Net;
using System.Net.Sockets;

namespace Kagemusha.Probe;

/// <summary>Lines of text over a TCP connection that never blocks.</summary>
internal sealed class LineConnection(Socket socket) : IDisposable
{
    private readonly byte[] _input = new byte[4096];
    private readonly byte[] _output = new byte[4096];
    private int _inputStart, _inputEnd, _outputEnd;

    public Socket Socket => socket;

    /// <summary>The other side's address.</summary>
    public IPEndPoint Remote => (IPEndPoint)socket.RemoteEndPoint!;

    /// <summary>Our own address.</summary>
    public IPEndPoint Local => (IPEndPoint)socket.LocalEndPoint!;

    /// <summary>Why nothing can come any more; null while all is well.</summary>
    public string? BrokenBy { get; private set; }

    /// <summary>Whether lines wait for the socket to take them.</summary>
    public bool HasOutput => _outputEnd > 0;

    public static Socket Listen(int port)
    {
        var listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
        listener.Listen(4);
        return listener;
    }

    /// <summary>Takes a connection that waits, if one does.</summary>
    public static LineConnection? Accept(Socket listener)
    {
        if (!listener.Poll(0, SelectMode.SelectRead))
        {
            return null;
        }

        try
        {
            var socket = listener.Accept();
            socket.Blocking = false;
            socket.NoDelay = true;
            return new(socket);
        }
        catch (SocketException)
        {
            return null; // It was gone before we took it.
        }
    }

    /// <summary>Begins to connect; what is written goes out once that is done.</summary>
    public static LineConnection Connect(IPAddress address, int port)
    {
        var connection = new LineConnection(
            new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { Blocking = false, NoDelay = true });
        try
        {
            connection.Socket.Connect(address, port);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
        }
        catch (SocketException e)
        {
            connection.Break(e.Message);
        }

        return connection;
    }

    /// <summary>Whether <paramref name="line"/> was queued: not, when there is no room because the other side does not take any.</summary>
    public bool TryWrite(ReadOnlySpan<byte> line)
    {
        if (BrokenBy is not null || line.Length > _output.Length - _outputEnd)
        {
            return false;
        }

        line.CopyTo(_output.AsSpan(_outputEnd));
        _outputEnd += line.Length;
        Flush();
        return true;
    }

    /// <summary>Sends what waits.</summary>
    public void Flush()
    {
        if (_outputEnd == 0 || BrokenBy is not null)
        {
            return;
        }

        var sent = socket.Send(_output.AsSpan(0, _outputEnd), SocketFlags.None, out var error);
        if (error == SocketError.Success)
        {
            _output.AsSpan(sent, _outputEnd - sent).CopyTo(_output);
            _outputEnd -= sent;
        }
        else if (!IsTransient(error))
        {
            Break($"send: {error}");
        }
    }

    /// <summary>The next whole line without its end; false when there is none yet, or <see cref="BrokenBy"/> tells why never.</summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        while (true)
        {
            var end = _input.AsSpan(_inputStart, _inputEnd - _inputStart).IndexOf((byte)'\n');
            if (end >= 0)
            {
                line = _input.AsSpan(_inputStart, end);
                _inputStart += end + 1;
                return true;
            }

            line = default;
            if (BrokenBy is not null || !TryFill())
            {
                return false;
            }
        }
    }

    /// <summary>What has come, not taken as lines.</summary>
    public bool TryReadBytes(Span<byte> buffer, out int length)
    {
        length = 0;
        if (BrokenBy is not null || (_inputStart == _inputEnd && !TryFill()))
        {
            return false;
        }

        length = Math.Min(buffer.Length, _inputEnd - _inputStart);
        _input.AsSpan(_inputStart, length).CopyTo(buffer);
        _inputStart += length;
        return true;
    }

    /// <summary>Gives up.</summary>
    public void Break(string why) => BrokenBy ??= why;

    public void Dispose() => socket.Dispose();

    private bool TryFill()
    {
        _input.AsSpan(_inputStart, _inputEnd - _inputStart).CopyTo(_input);
        (_inputStart, _inputEnd) = (0, _inputEnd - _inputStart);
        if (_inputEnd == _input.Length)
        {
            Break("a line without an end");
            return false;
        }

        var read = socket.Receive(_input.AsSpan(_inputEnd), SocketFlags.None, out var error);
        if (error != SocketError.Success)
        {
            if (!IsTransient(error))
            {
                Break($"receive: {error}");
            }

            return false;
        }

        if (read == 0)
        {
            Break("closed by the other side");
            return false;
        }

        _inputEnd += read;
        return true;
    }

    // A connection that is still being made takes and gives nothing: the kernel says EAGAIN to send, ENOTCONN to receive.
    private static bool IsTransient(SocketError error) =>
        error is SocketError.WouldBlock or SocketError.InProgress or SocketError.NotConnected;
}
