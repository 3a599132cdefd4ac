using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>Another host's agent gave no answer; the message is half a sentence that says why.</summary>
internal sealed class PeerException(string message) : Exception(message);

/// <summary>Asks the agents of other hosts.</summary>
/// <param name="credentials">Who this agent is, and who is believed.</param>
/// <param name="deadline">For all of it: to connect, to shake hands, to ask and to be answered.</param>
internal sealed class PeerClient(PeerCredentials credentials, TimeSpan deadline)
{
    // linux/tcp.h: TCP_INFO, and where tcpi_min_rtt is in it.
    private const int TcpInformation = 11;
    private const int MinimumRoundTrip = 148;

    /// <summary>Sends one request and waits for its reply.</summary>
    /// <returns>The reply, and when it was sent: by <see cref="Clock"/>, half of the connection's shortest round trip before it came.</returns>
    /// <exception cref="PeerException">There is no answer.</exception>
    public Task<(PeerReply Reply, TimeSpan SentAt)> AskAsync(PeerEndpoint peer, PeerRequest request) =>
        // The handshake's arithmetic is not for the agent's loop.
        Task.Run(() => AskOffTheLoopAsync(peer, request));

    // As the kernel has measured it, which no busy processor makes longer.
    private static TimeSpan ShortestRoundTrip(Socket socket)
    {
        Span<byte> information = stackalloc byte[MinimumRoundTrip + sizeof(uint)];
        return socket.GetRawSocketOption((int)SocketOptionLevel.Tcp, TcpInformation, information) == information.Length
            ? TimeSpan.FromMicroseconds(MemoryMarshal.Read<uint>(information[MinimumRoundTrip..]))
            : TimeSpan.Zero;
    }

    private async Task<(PeerReply Reply, TimeSpan SentAt)> AskOffTheLoopAsync(PeerEndpoint peer, PeerRequest request)
    {
        using var patience = new CancellationTokenSource(deadline);
        using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        var doubt = new PeerDoubt();
        var authenticated = false;
        try
        {
            await socket.ConnectAsync(new IPEndPoint(new IPAddress(peer.Address.ToArray()), peer.Port), patience.Token);
            await using var stream = new NetworkStream(socket);
            await using var tls = new SslStream(stream);
            await tls.AuthenticateAsClientAsync(credentials.ForClient(peer.CertificateName, doubt), patience.Token);
            authenticated = true;
            await PeerFrame.WriteAsync(tls, request, patience.Token);
            var reply = await PeerFrame.ReadReplyAsync(tls, patience.Token);
            return (reply, Clock.Now - ShortestRoundTrip(socket) / 2);
        }
        catch (OperationCanceledException)
        {
            throw new PeerException($"it did not answer within {deadline.TotalSeconds:0} s");
        }
        catch (SocketException e)
        {
            throw new PeerException($"no connection: {e.Message}");
        }
        catch (AuthenticationException e)
        {
            throw new PeerException(doubt.Why ?? $"the TLS handshake failed: {e.Message}");
        }
        catch (IOException) when (authenticated)
        {
            // With TLS 1.3 the other side looks at our certificate when we are through (RFC 8446, section 4.4.2.4).
            throw new PeerException("it closed the connection without an answer: its log says why, maybe it does not believe this host's certificate");
        }
        catch (IOException e)
        {
            throw new PeerException($"the connection broke: {e.Message}");
        }
        catch (InvalidDataException e)
        {
            throw new PeerException($"its answer cannot be read, it may be of another version: {e.Message}");
        }
    }
}
