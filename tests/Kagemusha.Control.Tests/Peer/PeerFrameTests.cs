using System.Buffers.Binary;
using System.Text;
using Kagemusha.Wire;

namespace Kagemusha.Control.Tests;

public class PeerFrameTests
{
    private const string Digits = "00112233445566778899aabbccddeeff";

    private static readonly PeerEndpoint Endpoint = new(Ipv6Address.Parse("2001:db8:f4::2"), 6275, "hv-b");

    private static readonly Guid Domain = Guid.Parse("c0ffee00-0000-4000-8000-000000000001");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_is_written_and_read()
    {
        Assert.True(OneTimeToken.TryParse(Digits, out var token));
        var request = new HandOverRequest(PeerRequest.CurrentVersion, Domain, token, Endpoint);
        const string Json = $$"""
            {"request":"hand-over","domain":"c0ffee00-0000-4000-8000-000000000001","token":"{{Digits}}","destination":{"address":"2001:db8:f4::2","port":6275,"certificate_name":"hv-b"},"version":5}
            """;
        using var stream = new MemoryStream();
        await PeerFrame.WriteAsync(stream, request, Cancellation);
        Assert.Equal(Frame(Json), stream.ToArray());
        stream.Position = 0;
        Assert.Equal(request, await PeerFrame.ReadRequestAsync(stream, Cancellation));
    }

    [Fact]
    public async Task That_the_source_was_acknowledged_is_written_and_read()
    {
        Assert.True(OneTimeToken.TryParse(Digits, out var token));
        var request = new RegisteredRequest(PeerRequest.CurrentVersion, Domain, token, Ipv6Address.Parse("2001:db8:1::42"), 0.008);
        const string Json = $$"""
            {"request":"registered","domain":"c0ffee00-0000-4000-8000-000000000001","token":"{{Digits}}","home_address":"2001:db8:1::42","hold":0.008,"version":5}
            """;
        using var stream = new MemoryStream();
        await PeerFrame.WriteAsync(stream, request, Cancellation);
        Assert.Equal(Frame(Json), stream.ToArray());
        stream.Position = 0;
        Assert.Equal(request, await PeerFrame.ReadRequestAsync(stream, Cancellation));
    }

    [Fact]
    public async Task What_is_to_be_sent_for_another_host_and_its_answer_are_written_and_read()
    {
        const string Request = $$"""
            {"request":"deregistration","domain":"c0ffee00-0000-4000-8000-000000000001","token":"{{Digits}}","packet":"YAAA","version":5}
            """;
        using var request = new MemoryStream(Frame(Request));
        var read = Assert.IsType<DeregistrationRequest>(await PeerFrame.ReadRequestAsync(request, Cancellation));
        Assert.Equal([0x60, 0, 0], read.Packet);
        using var written = new MemoryStream();
        await PeerFrame.WriteAsync(written, read, Cancellation);
        Assert.Equal(Frame(Request), written.ToArray());

        using var reply = new MemoryStream(Frame("""{"reply":"home-agent-answer","packet":"YAAA"}"""));
        Assert.Equal([0x60, 0, 0], Assert.IsType<HomeAgentAnswer>(await PeerFrame.ReadReplyAsync(reply, Cancellation)).Packet);
    }

    public static TheoryData<PeerReply, string> Replies => new()
    {
        { new HandedOver(null), """{"reply":"handed-over","to":null}""" },
        { new HandedOver(Endpoint), """{"reply":"handed-over","to":{"address":"2001:db8:f4::2","port":6275,"certificate_name":"hv-b"}}""" },
        { new HomeAgentAnswer(null), """{"reply":"home-agent-answer","packet":null}""" },
        { new PeerRefused("no"), """{"reply":"refused","reason":"no"}""" },
        { new Understood(), """{"reply":"understood"}""" },
        { new DomainLeft(1.5, 1.25, MoveKind.Postcopy), """{"reply":"domain-left","suspended_ago":1.5,"turned_ago":1.25,"kind":"postcopy"}""" },
    };

    [Theory]
    [MemberData(nameof(Replies))]
    public async Task A_reply_is_written_and_read(PeerReply reply, string json)
    {
        using var stream = new MemoryStream();
        await PeerFrame.WriteAsync(stream, reply, Cancellation);
        Assert.Equal(Frame(json), stream.ToArray());
        stream.Position = 0;
        Assert.Equal(reply, await PeerFrame.ReadReplyAsync(stream, Cancellation));
    }

    [Fact]
    public async Task A_hand_over_is_written_and_read()
    {
        const string Json = """
            {"reply":"hand-over","interfaces":[{"mac":"52:54:00:00:00:01","prefixes":["2001:db8:1::/64"],"router":"fe80::1","router_link_layer_address":"52:54:00:ff:00:01","mtu":1500,"router_advertisement":"hgAA","care_of_address":null,"hold":0.008,"home_agents":["2001:db8:1::2","2001:db8:1::3"],"addresses":[{"home_address":"2001:db8:1::42","reserved_through":320,"care_of_address":null,"binding_remaining":0,"binding_may_remain":0.5,"home_agent":"2001:db8:1::3","home_address_remaining":86400,"may_remain_elsewhere":[{"home_agent":"2001:db8:1::2","remaining":3.5}]}]}]}
            """;
        using var read = new MemoryStream(Frame(Json));
        var handOver = Assert.IsType<HandOver>(await PeerFrame.ReadReplyAsync(read, Cancellation));
        var address = Assert.Single(Assert.Single(handOver.Interfaces).Addresses);
        var elsewhere = address.MayRemainElsewhere;
        Assert.Equal([new(Ipv6Address.Parse("2001:db8:1::2"), 3.5)], elsewhere);
        Assert.Equal(new(Ipv6Address.Parse("2001:db8:1::42"), 320, null, 0, 0.5, Ipv6Address.Parse("2001:db8:1::3"), 86400, elsewhere), address);
        using var written = new MemoryStream();
        await PeerFrame.WriteAsync(written, handOver, Cancellation);
        Assert.Equal(Frame(Json), written.ToArray());
    }

    [Fact]
    public async Task Every_shorter_frame_is_an_end()
    {
        var frame = Frame("""{"reply":"refused","reason":"no"}""");
        for (var length = 0; length < frame.Length; length++)
        {
            using var stream = new MemoryStream(frame[..length]);
            await Assert.ThrowsAsync<EndOfStreamException>(() => PeerFrame.ReadReplyAsync(stream, Cancellation));
        }
    }

    [Theory]
    [InlineData(PeerFrame.MaximumRequestLength + 1)]
    [InlineData(-1)]
    public async Task What_claims_to_be_longer_is_not_read(int length)
    {
        var header = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(header, length);
        using var stream = new MemoryStream(header);
        await Assert.ThrowsAsync<InvalidDataException>(() => PeerFrame.ReadRequestAsync(stream, Cancellation));
    }

    // Read as infinite, it could neither be waited for nor be written again.
    [Theory]
    [InlineData("1e999")]
    [InlineData("-1e999")]
    public async Task A_number_without_end_is_refused(string number)
    {
        using var stream = new MemoryStream(Frame(
            $$"""{"reply":"domain-left","suspended_ago":{{number}},"turned_ago":0.5,"kind":"precopy"}"""));
        await Assert.ThrowsAsync<InvalidDataException>(() => PeerFrame.ReadReplyAsync(stream, Cancellation));
    }

    [Fact]
    public async Task A_list_with_an_empty_element_is_refused()
    {
        using var stream = new MemoryStream(Frame("""{"reply":"hand-over","interfaces":[null]}"""));
        await Assert.ThrowsAsync<InvalidDataException>(() => PeerFrame.ReadReplyAsync(stream, Cancellation));
    }

    private static byte[] Frame(string json)
    {
        var frame = new byte[4 + Encoding.UTF8.GetByteCount(json)];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - 4);
        Encoding.UTF8.GetBytes(json, frame.AsSpan(4));
        return frame;
    }
}
