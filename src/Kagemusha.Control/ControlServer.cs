using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kagemusha.Control;

/// <summary>The agent's end of the control socket: answers each connection's one request.</summary>
public sealed class ControlServer : IDisposable
{
    /// <summary>Callers other than root at a time: more are hung up on, root never.</summary>
    public const int MostReaders = 16;

    // sys/socket.h: struct ucred is pid, uid and gid, of 32 bits each.
    private const int SOL_SOCKET = 1;
    private const int SO_PEERCRED = 17;
    private const int CredentialsLength = 12;
    private const int UserOffset = 4;

    /// <summary>A caller that does not send its request is not one of ours; a hook has 2 s in all.</summary>
    private static readonly TimeSpan RequestDeadline = TimeSpan.FromSeconds(2);

    private readonly Socket _listener;
    private readonly FileStream _lock;
    private readonly string _path;
    private int _readers;

    /// <summary>
    /// Opens the socket, for root, and for the members of this process's group, who may ask what changes nothing; callers wait until
    /// <see cref="RunAsync"/> is called.
    /// </summary>
    /// <param name="path">Where; its directory is made if it is not there.</param>
    /// <exception cref="ControlException">Another agent serves this socket.</exception>
    /// <exception cref="IOException">It can't be made.</exception>
    public ControlServer(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _path = path;
        try
        {
            // The lock goes with its process, however that ends: a socket's file tells nothing of whether it is served.
            _lock = new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new ControlException(ExitCode.Refused, $"another kagemushad serves {path} on this host");
        }

        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(path);
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
            _listener.Listen();
        }
        catch (SocketException e)
        {
            Dispose();
            throw new IOException($"cannot listen on {path}: {e.Message}");
        }
    }

    /// <summary>Serves until it is cancelled; returns when all requests have been answered.</summary>
    /// <param name="handler">Answers a request. Called for several at once.</param>
    /// <param name="onError">Is told of a handler's exception, and of a caller that went away or spoke nonsense.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task RunAsync(
        Func<ControlRequest, CancellationToken, Task<ControlReply>> handler, Action<Exception> onError, CancellationToken cancellation)
    {
        var calls = new HashSet<Task>();
        try
        {
            while (true)
            {
                var caller = await _listener.AcceptAsync(cancellation);
                calls.RemoveWhere(call => call.IsCompleted);
                calls.Add(ServeAsync(caller, handler, onError, cancellation));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(calls);
        }
    }

    private async Task ServeAsync(
        Socket caller,
        Func<ControlRequest, CancellationToken, Task<ControlReply>> handler,
        Action<Exception> onError,
        CancellationToken cancellation)
    {
#pragma warning disable CA1031 // Whatever one caller or its request does, the next one is served.
        try
        {
            await using var stream = new NetworkStream(caller, ownsSocket: true);
            using var reader = IsRoot(caller) ? null : new Reader(this);
            var request = await ReadRequestAsync(stream, cancellation);
            var reply = reader is null || request.IsReadOnly
                ? await AnswerAsync(request, handler, onError, cancellation)
                : new Failed(ExitCode.Permission, "only root may do this");
            using var deadline = new CancellationTokenSource(RequestDeadline);
            await ControlFrame.WriteAsync(stream, reply, ControlJson.Default.ControlReply, deadline.Token);
        }
        catch (Exception e)
        {
            onError(e);
        }
#pragma warning restore CA1031
    }

    // Of who has connected: what becomes of it afterwards does not matter.
    private static bool IsRoot(Socket caller)
    {
        Span<byte> credentials = stackalloc byte[CredentialsLength];
        return caller.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, credentials) == CredentialsLength
            && MemoryMarshal.Read<uint>(credentials[UserOffset..]) == 0;
    }

    private static async Task<ControlRequest> ReadRequestAsync(Stream stream, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(RequestDeadline);
        return await ControlFrame.ReadAsync(stream, ControlJson.Default.ControlRequest, deadline.Token);
    }

    private static async Task<ControlReply> AnswerAsync(
        ControlRequest request,
        Func<ControlRequest, CancellationToken, Task<ControlReply>> handler,
        Action<Exception> onError,
        CancellationToken cancellation)
    {
#pragma warning disable CA1031 // The caller is told of any failure; onError keeps it for the log.
        try
        {
            return await handler(request, cancellation);
        }
        catch (Exception e)
        {
            onError(e);
            return new Failed(ExitCode.Failed, $"kagemushad failed: {e.Message}");
        }
#pragma warning restore CA1031
    }

    /// <summary>Closes the socket and takes its file away.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
        _lock.Dispose();
    }

    /// <summary>One of the callers that are not root.</summary>
    private sealed class Reader : IDisposable
    {
        private readonly ControlServer _server;

        public Reader(ControlServer server)
        {
            _server = server;
            if (Interlocked.Increment(ref server._readers) > MostReaders)
            {
                Dispose();
                throw new IOException($"a caller was hung up on: {MostReaders} others that are not root are served");
            }
        }

        public void Dispose() => Interlocked.Decrement(ref _server._readers);
    }
}
