using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Kagemusha.Control;

namespace Kagemusha.Agent.Tests;

/// <summary>The channel between agents over real TLS: who gets a guest's hand-over, and who gets nothing.</summary>
public sealed class ChannelTests : IDisposable
{
    private readonly PeerRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task The_host_that_the_guest_moves_to_gets_what_is_known_of_it()
    {
        var handOver = Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request));
        var interface_ = Assert.Single(handOver.Interfaces);
        var link = _rig.Guest.Links[0].Enrolled.Link;
        Assert.Equal(_rig.Guest.Links[0].Enrolled.Mac, interface_.Mac);
        Assert.Equal(link.Router, interface_.Router);
        Assert.Equal(link.RouterAdvertisement.Span.ToArray(), interface_.RouterAdvertisement);
        var address = Assert.Single(interface_.Addresses);
        Assert.Equal((PeerRig.HomeAddress, (ushort)320, PeerRig.CareOfAddress), (address.HomeAddress, address.ReservedThrough, address.CareOfAddress!.Value));
        Assert.InRange(address.BindingRemaining, 300, 400);
        Assert.InRange(address.BindingMayRemain, 500, 600);
        Assert.Equal("vm: handed over to the agent of hv-b (::1)", Assert.Single(_rig.Told));
        Assert.Same(_rig.Guest, Assert.Single(_rig.Renewed));
        Assert.Empty(_rig.Refused);
    }

    [Fact]
    public async Task A_token_serves_one_host_only()
    {
        Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request));
        Assert.IsType<PeerRefused>(await _rig.AskAsync(_rig.Request, "hv-c"));
        Assert.Equal("hv-c (::1) got nothing: it shows vm's token, which was used already by another host", _rig.NextRefusal());
    }

    [Fact]
    public async Task The_same_host_may_show_it_again_as_long_as_the_metadata_has_no_other()
    {
        var settings = _rig.Authority.For("hv-b");
        Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request, settings: settings));
        Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request, settings: settings));
        Assert.Single(_rig.Renewed);

        var next = _rig.Ticket with { Token = OneTimeToken.Create() };
        (_rig.Guest.Ticket, _rig.Guest.PublishedTicket) = (next, next);
        Assert.IsType<PeerRefused>(await _rig.AskAsync(_rig.Request, settings: settings));
        Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request with { Token = next.Token }, "hv-c"));
        Assert.Equal(2, _rig.Renewed.Count);
    }

    [Fact]
    public async Task Who_shows_another_token_gets_nothing()
    {
        await RefusedAsync(_rig.Request with { Token = OneTimeToken.Create() }, "it does not show vm's token");
    }

    [Fact]
    public async Task Who_asks_for_another_domain_gets_nothing()
    {
        var other = Guid.Parse("c0ffee00-0000-4000-8000-000000000002");
        await RefusedAsync(_rig.Request with { Domain = other }, $"it asks for {other}, which is no enrolled VM here");
    }

    [Fact]
    public async Task Without_a_migration_nobody_gets_anything()
    {
        _rig.IsMigrating = false;
        await RefusedAsync(_rig.Request, "it shows vm's token, but libvirt is not sending vm to another host");
        Assert.Null(_rig.Guest.HandedOver);
    }

    [Theory]
    [InlineData(nameof(Presence.Incoming))]
    [InlineData(nameof(Presence.Leaving))]
    public async Task A_guest_that_does_not_run_here_is_not_handed_over(string presence)
    {
        _rig.Guest.Presence = Enum.Parse<Presence>(presence);
        await RefusedAsync(_rig.Request, "it asks for vm, which does not run here");
    }

    [Fact]
    public async Task A_guest_without_a_ticket_is_not_handed_over()
    {
        (_rig.Guest.Ticket, _rig.Guest.PublishedTicket) = (null, null);
        await RefusedAsync(_rig.Request, "it does not show vm's token");
    }

    [Fact]
    public async Task Who_comes_too_late_is_told_where_the_guest_went()
    {
        Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request));
        _rig.Guests.Remove(PeerRig.Uuid);
        _rig.Departures.Add(_rig.Guest);
        Assert.Equal(new HandedOver(PeerRig.Destination), await _rig.AskAsync(_rig.Request, "hv-c"));
        await RefusedAsync(_rig.Request with { Token = OneTimeToken.Create() }, $"it asks for {PeerRig.Uuid}, which is no enrolled VM here");
    }

    [Fact]
    public async Task Who_comes_too_late_is_told_so_where_nobody_knows_more()
    {
        _rig.Guests.Remove(PeerRig.Uuid);
        _rig.Departures.Add(_rig.Guest);
        Assert.Equal(new HandedOver(null), await _rig.AskAsync(_rig.Request));
    }

    [Fact]
    public async Task Where_packets_cannot_be_led_the_caller_gets_nothing_and_both_are_told_why()
    {
        var settings = _rig.Authority.For("hv-b");
        _rig.Obstacle = "there is no route to 2001:db8:f4::2";
        var reply = Assert.IsType<PeerRefused>(await _rig.AskAsync(_rig.Request, settings: settings));
        Assert.Equal($"it cannot lead packets to this host: {_rig.Obstacle}", reply.Reason);
        Assert.Equal($"hv-b (::1) got nothing: vm cannot be handed over to it: {_rig.Obstacle}", _rig.NextRefusal());
        Assert.Empty(_rig.Told);

        // The token is spent, and still the same caller's.
        _rig.Obstacle = null;
        Assert.IsType<PeerRefused>(await _rig.AskAsync(_rig.Request, "hv-c"));
        Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request, settings: settings));
    }

    [Fact]
    public async Task Who_says_that_a_guest_has_arrived_is_answered_and_known_by_its_certificate()
    {
        var arrived = new ArrivedRequest(PeerRequest.CurrentVersion, PeerRig.Uuid, _rig.Ticket.Token);
        var settings = _rig.Authority.For("hv-b");
        Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request, settings: settings));
        Assert.Equal(PeerRig.Left, await _rig.AskAsync(arrived, settings: settings));
        Assert.True(_rig.Arrived.TryTake(out var told));
        Assert.Equal((arrived, _rig.Guest.HandedOver!.Certificate), (told.Request, told.Caller.Thumbprint));
        Assert.Empty(_rig.Arrived);

        Assert.IsType<DomainLeft>(await _rig.AskAsync(arrived, "hv-c"));
        Assert.True(_rig.Arrived.TryTake(out told));
        Assert.NotEqual(_rig.Guest.HandedOver.Certificate, told.Caller.Thumbprint);
        Assert.Empty(_rig.Refused);
    }

    [Fact]
    public async Task An_answer_was_sent_after_the_question_and_before_it_came()
    {
        using var credentials = new PeerCredentials(_rig.Authority.For("hv-b"));
        var client = new PeerClient(credentials, TimeSpan.FromSeconds(20));
        var asked = Clock.Now;
        var (reply, sentAt) = await client.AskAsync(_rig.Endpoint, _rig.Request);
        Assert.IsType<HandOver>(reply);
        Assert.InRange(sentAt, asked, Clock.Now);
    }

    [Fact]
    public async Task What_the_home_agent_has_answered_comes_back_with_the_reply()
    {
        var request = new DeregistrationRequest(PeerRequest.CurrentVersion, PeerRig.Uuid, _rig.Ticket.Token, [1, 2, 3]);
        Assert.Equal([1, 2, 3], Assert.IsType<HomeAgentAnswer>(await _rig.AskAsync(request)).Packet);
    }

    [Fact]
    public async Task Who_tells_of_a_guest_that_is_not_coming_from_there_is_told_so()
    {
        var request = new RegisteredRequest(PeerRequest.CurrentVersion, PeerRig.Uuid, _rig.Ticket.Token, PeerRig.HomeAddress, 0.008);
        Assert.IsType<Understood>(await _rig.AskAsync(request));
        Assert.IsType<PeerRefused>(await _rig.AskAsync(request with { Hold = 2 }));
        Assert.Equal($"hv-b (::1) got nothing: it tells of {PeerRig.Uuid}, which is not coming from there", _rig.NextRefusal());
    }

    [Fact]
    public async Task Another_version_is_named()
    {
        var reply = Assert.IsType<PeerRefused>(await _rig.AskAsync(_rig.Request with { Version = 1 }));
        Assert.Contains("version 5 of the agents' messages, not 1", reply.Reason, StringComparison.Ordinal);
        Assert.Equal("hv-b (::1) got nothing: it speaks version 1 of the agents' messages", _rig.NextRefusal());
    }

    [Fact]
    public async Task A_caller_from_another_authority_gets_nothing()
    {
        using var stranger = new TestAuthority("a stranger");
        var own = _rig.Authority.For("hv-b");
        await Assert.ThrowsAsync<PeerException>(() => _rig.AskAsync(_rig.Request, settings: stranger.For("hv-b", believing: own)));
        Assert.Equal($"::1 got nothing: its certificate 'CN=hv-b' is not from the authority in {own.Authority}", _rig.NextRefusal());
        Assert.Empty(_rig.Told);
    }

    [Fact]
    public async Task A_caller_whose_certificate_has_expired_gets_nothing()
    {
        using var expired = _rig.Authority.Issue("hv-b", server: false, expired: true);
        await DropsAsync(expired);
        Assert.StartsWith("::1 got nothing: its certificate 'CN=hv-b' has expired or is not valid yet", _rig.NextRefusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_s_certificate_is_none_for_a_caller()
    {
        using var server = _rig.Authority.Issue("hv-b", server: true);
        await DropsAsync(server);
        Assert.StartsWith("::1 got nothing: its certificate 'CN=hv-b' cannot be used: NotValidForUsage", _rig.NextRefusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_without_a_certificate_gets_nothing()
    {
        await DropsAsync(null);
        Assert.Equal("::1 got nothing: it shows no certificate", _rig.NextRefusal());
    }

    [Fact]
    public async Task A_peer_from_another_authority_is_not_asked()
    {
        using var stranger = new TestAuthority("a stranger");
        var settings = _rig.Authority.For("hv-b") with { Authority = stranger.For("hv-b").Authority };
        var e = await Assert.ThrowsAsync<PeerException>(() => _rig.AskAsync(_rig.Request, settings: settings));
        Assert.Equal($"its certificate 'CN=hv-a' is not from the authority in {settings.Authority}", e.Message);
        Assert.Empty(_rig.Told);
    }

    [Fact]
    public async Task A_peer_of_another_name_is_not_asked()
    {
        var e = await Assert.ThrowsAsync<PeerException>(() =>
            _rig.AskAsync(_rig.Request, endpoint: _rig.Endpoint with { CertificateName = "hv-x" }));
        Assert.Equal("its certificate 'CN=hv-a' is not for the name 'hv-x'", e.Message);
        Assert.Empty(_rig.Told);
    }

    [Fact]
    public async Task A_peer_whose_certificate_has_expired_is_not_asked()
    {
        using var certificate = _rig.Authority.Issue("hv-a", server: true, expired: true);
        using var listener = new TcpListener(IPAddress.IPv6Loopback, 0);
        listener.Start();
        var serving = ServeAsync();
        var e = await Assert.ThrowsAsync<PeerException>(() =>
            _rig.AskAsync(_rig.Request, endpoint: _rig.Endpoint with { Port = (ushort)((IPEndPoint)listener.LocalEndpoint).Port }));
        Assert.StartsWith("its certificate 'CN=hv-a' has expired or is not valid yet", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, await serving);

        async Task<int> ServeAsync()
        {
            using var client = await listener.AcceptTcpClientAsync();
            await using var tls = new SslStream(client.GetStream());
            try
            {
                await tls.AuthenticateAsServerAsync(certificate);
                // Not a byte of the request, and so of the token.
                return await tls.ReadAsync(new byte[1]);
            }
            catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
            {
                return 0;
            }
        }
    }

    [Fact]
    public async Task Where_nobody_listens_it_is_said_at_once()
    {
        using var listener = new TcpListener(IPAddress.IPv6Loopback, 0);
        listener.Start();
        var port = (ushort)((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var e = await Assert.ThrowsAsync<PeerException>(() => _rig.AskAsync(_rig.Request, endpoint: _rig.Endpoint with { Port = port }));
        Assert.Equal("no connection: Connection refused", e.Message);
    }

    [Fact]
    public async Task A_message_that_is_too_long_is_not_read()
    {
        using var certificate = _rig.Authority.Issue("hv-b", server: false);
        await using var tls = await _rig.ConnectTlsAsync(certificate);
        var header = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(header, uint.MaxValue);
        await tls.WriteAsync(header, TestContext.Current.CancellationToken);
        Assert.Equal($"hv-b (::1) got nothing: a message of {uint.MaxValue} bytes is longer than {PeerFrame.MaximumRequestLength}", _rig.NextRefusal());
        await ClosedAsync(tls);
    }

    [Theory]
    [InlineData("""{"request":"everything","version":1}""")]
    [InlineData("""{"request":"hand-over","version":1}""")]
    [InlineData("""{"request":"hand-over","version":1,"domain":null,"token":"00","destination":null}""")]
    [InlineData("nonsense")]
    [InlineData("null")]
    public async Task A_message_that_is_not_ours_is_answered_by_nothing(string json)
    {
        using var certificate = _rig.Authority.Issue("hv-b", server: false);
        await using var tls = await _rig.ConnectTlsAsync(certificate);
        var body = System.Text.Encoding.UTF8.GetBytes(json);
        var header = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(header, body.Length);
        await tls.WriteAsync((byte[])[.. header, .. body], TestContext.Current.CancellationToken);
        Assert.StartsWith("hv-b (::1) got nothing: the message is ", _rig.NextRefusal(), StringComparison.Ordinal);
        await ClosedAsync(tls);
    }

    [Fact]
    public async Task Who_takes_too_long_is_dropped_while_others_are_served()
    {
        using var rig = new PeerRig(patience: TimeSpan.FromSeconds(2));
        using var silent = await rig.ConnectAsync();
        using var certificate = rig.Authority.Issue("hv-b", server: false);
        await using var tls = await rig.ConnectTlsAsync(certificate);
        Assert.IsType<HandOver>(await rig.AskAsync(rig.Request));
        string[] lines = [rig.NextRefusal(), rig.NextRefusal()];
        Assert.Contains("::1 got nothing: it was too slow, or one stranger too many", lines);
        Assert.Contains("hv-b (::1) got nothing: it was too slow, or one stranger too many", lines);
        await ClosedAsync(tls);
    }

    [Fact]
    public async Task Too_many_strangers_push_each_other_out_and_not_a_peer()
    {
        var strangers = new List<Socket>();
        try
        {
            for (var i = 0; i < 2 * PeerListener.MostStrangers; i++)
            {
                strangers.Add(await _rig.ConnectAsync());
            }

            Assert.IsType<HandOver>(await _rig.AskAsync(_rig.Request));
            for (var i = 0; i < PeerListener.MostStrangers; i++)
            {
                Assert.Equal("::1 got nothing: it was too slow, or one stranger too many", _rig.NextRefusal());
            }
        }
        finally
        {
            strangers.ForEach(stranger => stranger.Dispose());
        }
    }

    private async Task RefusedAsync(HandOverRequest request, string why)
    {
        var reply = Assert.IsType<PeerRefused>(await _rig.AskAsync(request));
        Assert.Equal("it has no migration of this VM under way that would allow it: its log says more", reply.Reason);
        Assert.Equal($"hv-b (::1) got nothing: {why}", _rig.NextRefusal());
        Assert.Empty(_rig.Told.Except(["vm: handed over to the agent of hv-b (::1)"]));
    }

    private async Task DropsAsync(X509Certificate2? certificate)
    {
        try
        {
            await using var tls = await _rig.ConnectTlsAsync(certificate);
            await PeerFrame.WriteAsync(tls, _rig.Request, TestContext.Current.CancellationToken);
            await ClosedAsync(tls);
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // It was refused already.
        }
    }

    private static async Task ClosedAsync(SslStream tls)
    {
        try
        {
            Assert.Equal(0, await tls.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        }
        catch (IOException)
        {
            // By a reset, or TLS's own alert.
        }
    }
}
