using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>
/// Hears the agents of other hosts. Nothing of it runs on the agent's loop but the answer to a request whose caller has shown a certificate: a
/// stranger costs a handshake at most, a message of a few kilobytes is the longest that is kept, and too many strangers push each other out.
/// </summary>
internal sealed class PeerListener : IDisposable
{
    /// <summary>Connections that have not shown a certificate.</summary>
    internal const int MostStrangers = 64;

    /// <summary>All connections.</summary>
    private const int MostCallers = 512;

    private static readonly TimeSpan Backoff = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
    private readonly PeerCredentials _credentials;
    private readonly TimeSpan _patience;
    private readonly Func<PeerCaller, PeerRequest, Task<PeerAnswer>> _answer;
    private readonly Action<string> _refused;
    private readonly Strangers _strangers = new(MostStrangers);
    private int _callers;

    /// <param name="endpoint">Where to listen.</param>
    /// <param name="credentials">Who is believed.</param>
    /// <param name="patience">For a whole connection.</param>
    /// <param name="answer">Answers a request, on any thread.</param>
    /// <param name="refused">Is told in one line of each caller that got nothing.</param>
    /// <exception cref="IOException">It cannot be listened there.</exception>
    public PeerListener(
        IPEndPoint endpoint,
        PeerCredentials credentials,
        TimeSpan patience,
        Func<PeerCaller, PeerRequest, Task<PeerAnswer>> answer,
        Action<string> refused)
    {
        _credentials = credentials;
        _patience = patience;
        _answer = answer;
        _refused = refused;
        try
        {
            _socket.DualMode = false;
            _socket.Bind(endpoint);
            _socket.Listen();
        }
        catch (SocketException e)
        {
            _socket.Dispose();
            throw new IOException($"cannot listen on {endpoint}: {e.Message}");
        }
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint LocalEndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Listens until it is cancelled, on the pool's threads.</summary>
    public Task RunAsync(CancellationToken cancellation) => Task.Run(() => AcceptAsync(cancellation), CancellationToken.None);

    public void Dispose() => _socket.Dispose();

    private async Task AcceptAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                _ = ServeAsync(await _socket.AcceptAsync(cancellation), cancellation);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e)
            {
                // No descriptor is left, or the caller has gone again.
                _refused($"a connection was not taken: {e.Message}");
                await Task.Delay(Backoff, CancellationToken.None);
            }
        }
    }

    private async Task ServeAsync(Socket socket, CancellationToken cancellation)
    {
        using var owned = socket;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(_patience);
        var from = "a caller that has gone";
        var doubt = new PeerDoubt();
        try
        {
            if (Interlocked.Increment(ref _callers) > MostCallers)
            {
                return;
            }

            await using var stream = new NetworkStream(socket);
            var address = ((IPEndPoint)socket.RemoteEndPoint!).Address;
            from = address.ToString();
            await using var tls = new SslStream(stream);
            using (_strangers.Admit(address, patience))
            {
                await tls.AuthenticateAsServerAsync(_credentials.ForServer(doubt), patience.Token);
            }

            var certificate = (X509Certificate2)tls.RemoteCertificate!;
            var caller = new PeerCaller(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), certificate.Thumbprint, from);
            from = caller.ToString();
            var answer = await AnswerAsync(caller, await PeerFrame.ReadRequestAsync(tls, patience.Token));
            if (answer.Refused is { } why)
            {
                _refused($"{from} got nothing: {why}");
            }

            await PeerFrame.WriteAsync(tls, answer.Reply, patience.Token);
            await tls.ShutdownAsync();
        }
        catch (OperationCanceledException)
        {
            _refused($"{from} got nothing: it was too slow, or one stranger too many");
        }
        catch (Exception e) when (e is AuthenticationException or IOException or InvalidDataException or SocketException)
        {
            _refused($"{from} got nothing: {doubt.Why ?? e.Message}");
        }
        finally
        {
            Interlocked.Decrement(ref _callers);
        }
    }

    private async Task<PeerAnswer> AnswerAsync(PeerCaller caller, PeerRequest request)
    {
        const int Version = PeerRequest.CurrentVersion;
        return request.Version == Version
            ? await _answer(caller, request)
            : new(
                new PeerRefused($"it speaks version {Version} of the agents' messages, not {request.Version}: install the same version on both hosts"),
                $"it speaks version {request.Version} of the agents' messages");
    }
}
