using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>The agent of hv-a with one guest, which is being migrated from there, and the way to it over TLS on the loopback.</summary>
internal sealed class PeerRig : IDisposable
{
    public static readonly Guid Uuid = Guid.Parse("c0ffee00-0000-4000-8000-000000000001");
    public static readonly Ipv6Address HomeAddress = Ipv6Address.Parse("2001:db8:1::42");
    public static readonly Ipv6Address CareOfAddress = Ipv6Address.Parse("2001:db8:f3::2");
    public static readonly PeerEndpoint Destination = new(Ipv6Address.Parse("2001:db8:f4::2"), 6275, "hv-b");

    private readonly CancellationTokenSource _stop = new();
    private readonly PeerCredentials _server;
    private readonly PeerListener _listener;
    private readonly Task _running;

    public PeerRig(TimeSpan? patience = null)
    {
        Guest = new(Uuid, "vm", [Link()]) { Presence = Presence.Running };
        Guests.Put(Guest);
        _server = new(Authority.For("hv-a"));
        Outgoing = new(Guests, Departures, _ => Task.FromResult(IsMigrating), Prepare, Answer, DeregisterAsync, registered => registered.Hold < 1, Renewed.Add, (guest, line) => Told.Add($"{guest.Name}: {line}"));
        _listener = new(new(IPAddress.IPv6Loopback, 0), _server, patience ?? TimeSpan.FromSeconds(20), Outgoing.AnswerAsync, Refused.Add);
        _running = _listener.RunAsync(_stop.Token);
        Endpoint = new(Ipv6Address.Parse("::1"), (ushort)_listener.LocalEndPoint.Port, "hv-a");
        Ticket = new(Endpoint, OneTimeToken.Create());
        (Guest.Ticket, Guest.PublishedTicket) = (Ticket, Ticket);
    }

    public TestAuthority Authority { get; } = new();

    public GuestTable Guests { get; } = new();

    public Departures Departures { get; } = new();

    public Guest Guest { get; }

    public OutgoingHandOvers Outgoing { get; }

    /// <summary>What libvirt is to say.</summary>
    public bool IsMigrating { get; set; } = true;

    public PeerEndpoint Endpoint { get; }

    public PeerTicket Ticket { get; }

    public HandOverRequest Request => new(PeerRequest.CurrentVersion, Uuid, Ticket.Token, Destination);

    /// <summary>The log's lines of callers that got nothing.</summary>
    public BlockingCollection<string> Refused { get; } = [];

    /// <summary>The log's other lines.</summary>
    public BlockingCollection<string> Told { get; } = [];

    public BlockingCollection<Guest> Renewed { get; } = [];

    /// <summary>Who has said that a guest has arrived.</summary>
    public BlockingCollection<(PeerCaller Caller, ArrivedRequest Request)> Arrived { get; } = [];

    /// <summary>What they are answered.</summary>
    public static DomainLeft Left { get; } = new(1.5, 1.499, MoveKind.Precopy);

    /// <summary>Why this host's kernel cannot lead packets to another, if it cannot.</summary>
    public string? Obstacle { get; set; }

    /// <summary>The next line of a caller that got nothing.</summary>
    public string NextRefusal()
    {
        Assert.True(Refused.TryTake(out var line, TimeSpan.FromSeconds(20)), "nothing was logged");
        Assert.DoesNotContain(Ticket.Token.Reveal(), line, StringComparison.OrdinalIgnoreCase);
        return line;
    }

    /// <summary>Asks as another host's agent would.</summary>
    public async Task<PeerReply> AskAsync(PeerRequest request, string host = "hv-b", PeerSettings? settings = null, PeerEndpoint? endpoint = null)
    {
        using var credentials = new PeerCredentials(settings ?? Authority.For(host));
        return (await new PeerClient(credentials, TimeSpan.FromSeconds(20)).AskAsync(endpoint ?? Endpoint, request)).Reply;
    }

    /// <summary>A connection without TLS.</summary>
    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(_listener.LocalEndPoint);
        return socket;
    }

    /// <summary>A connection over TLS that believes anybody.</summary>
    public async Task<SslStream> ConnectTlsAsync(X509Certificate2? certificate)
    {
        var stream = new SslStream(new NetworkStream(await ConnectAsync(), ownsSocket: true));
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "hv-a",
            ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
#pragma warning disable CA5359 // This is the caller that is to be refused; whom it calls does not matter.
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
        });
        return stream;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _running.Wait(TimeSpan.FromSeconds(20));
        _listener.Dispose();
        _server.Dispose();
        Guest.Dispose();
        Authority.Dispose();
        Refused.Dispose();
        Told.Dispose();
        Renewed.Dispose();
        Arrived.Dispose();
        _stop.Dispose();
    }

    private DomainLeft Answer(PeerCaller caller, ArrivedRequest arrived)
    {
        Arrived.Add((caller, arrived));
        return Left;
    }

    private Task<PeerAnswer> DeregisterAsync(PeerCaller caller, DeregistrationRequest request) =>
        Task.FromResult(new PeerAnswer(new HomeAgentAnswer(request.Packet)));

    private HandOver Prepare(Guest guest, PeerEndpoint to) =>
        Obstacle is null ? GuestHandOver.Of(guest, _ => TimeSpan.FromMilliseconds(8)) : throw new UnreachableException(Obstacle);

    /// <summary>The guest's interface: registered from hv-a, with numbers through 320.</summary>
    public static GuestLink Link()
    {
        var enrolled = new EnrolledInterface(
            LinkLayerAddress.Parse("52:54:00:00:00:01"),
            new(HomeSourceType.Bridge, "br0"),
            new(
                [Ipv6Prefix.Parse("2001:db8:1::/64")],
                Ipv6Address.Parse("fe80::1"),
                LinkLayerAddress.Parse("52:54:00:ff:00:01"),
                1500,
                [134, 0, 0, 0, 64, 0x20, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
            Ipv6Address.Parse("2001:db8:1::2"),
            [new(HomeAddress, 64, BindingPossible: false)]);
        var link = new GuestLink(enrolled, new Attachment.Home("br0", "vnet0"));
        var snapshot = new MobileNodeSnapshot(320, CareOfAddress, TimeSpan.FromSeconds(400), TimeSpan.FromSeconds(600));
        link.Registrations.Add(new(HomeAddress, new(new(HomeAddress, enrolled.HomeAgent), snapshot, Clock.Now, () => 0)));
        return link;
    }
}
