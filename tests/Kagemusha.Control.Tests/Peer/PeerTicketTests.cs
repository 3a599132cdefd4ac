using CsCheck;
using Kagemusha.Wire;

namespace Kagemusha.Control.Tests;

public class PeerTicketTests
{
    private const string Digits = "00112233445566778899aabbccddeeff";

    private const string Agent = $"""<agent address="2001:db8:f3::2" port="6275" name="hv-a" token="{Digits}" />""";

    private static readonly PeerEndpoint Endpoint = new(Ipv6Address.Parse("2001:db8:f3::2"), 6275, "hv-a");

    [Fact]
    public void It_stands_in_the_metadata_and_is_read_again()
    {
        Assert.True(OneTimeToken.TryParse(Digits, out var token));
        var profile = Domains.Profile with { Agent = new(Endpoint, token) };
        var metadata = profile.ToMetadata();
        Assert.Contains(Agent, metadata, StringComparison.Ordinal);
        Assert.Equal(profile, MobilityProfile.Parse(metadata));
        Assert.NotEqual(Domains.Profile, MobilityProfile.Parse(metadata));
    }

    [Fact]
    public void In_a_domain_it_takes_the_last_host_s_place()
    {
        var first = Domains.Profile with { Agent = new(Endpoint, OneTimeToken.Create()) };
        var second = Domains.Profile with { Agent = new(Endpoint with { CertificateName = "hv-b" }, OneTimeToken.Create()) };
        var domain = DomainXml.Parse(DomainXml.Parse(Domains.Xml()).WithProfile(first));
        Assert.Equal(first, domain.ReadProfile());
        domain = DomainXml.Parse(domain.WithProfile(second));
        Assert.Equal(second, domain.ReadProfile());
        Assert.Equal(Domains.Profile, DomainXml.Parse(domain.WithProfile(Domains.Profile)).ReadProfile());
    }

    [Theory]
    [InlineData("2001:db8:f3::2", "fe80::2", "'address' of 'agent' is not a unicast IPv6 address")]
    [InlineData("6275", "0", "'port' of 'agent' is not a port")]
    [InlineData("6275", "65536", "'port' of 'agent' is not a port")]
    [InlineData("hv-a", "", "'name' of 'agent' is not a name")]
    [InlineData(Digits, "0011", "'token' of 'agent' is not 32 hexadecimal digits")]
    [InlineData(" port=\"6275\"", "", "'agent' has no attribute 'port'")]
    [InlineData("<agent", "<agent key=\"x\"", "'agent' has an unknown attribute 'key'")]
    [InlineData("/>", "/><agent/>", "'agent' has no attribute 'address'")]
    [InlineData(Agent, Agent + Agent, "there are two agents")]
    public void Damage_is_named(string part, string damaged, string problem)
    {
        Assert.True(OneTimeToken.TryParse(Digits, out var token));
        var metadata = (Domains.Profile with { Agent = new(Endpoint, token) }).ToMetadata();
        var agent = metadata[metadata.IndexOf("<agent", StringComparison.Ordinal)..];
        var e = Assert.Throws<MalformedXmlException>(() =>
            MobilityProfile.Parse(metadata.Replace(agent, agent.Replace(part, damaged, StringComparison.Ordinal), StringComparison.Ordinal)));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_are_never_the_same_and_never_printed()
    {
        var tokens = Enumerable.Range(0, 100).Select(_ => OneTimeToken.Create()).ToList();
        Assert.Equal(tokens.Count, tokens.DistinctBy(token => token.Reveal()).Count());
        Assert.All(tokens, token => Assert.DoesNotContain(token.Reveal(), new PeerTicket(Endpoint, token).ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public void A_token_matches_itself_only() => Gen.Byte.Array[16].Select(Gen.Int[0, 127]).Sample((bytes, bit) =>
    {
        Assert.True(OneTimeToken.TryParse(Convert.ToHexStringLower(bytes), out var token));
        Assert.True(OneTimeToken.TryParse(token.Reveal().ToUpperInvariant(), out var same));
        Assert.Equal(Convert.ToHexStringLower(bytes), token.Reveal());
        bytes[bit / 8] ^= (byte)(1 << bit % 8);
        Assert.True(OneTimeToken.TryParse(Convert.ToHexStringLower(bytes), out var other));
        Assert.True(token.Matches(same));
        Assert.False(token.Matches(other));
    });

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("00112233445566778899aabbccddeef")]
    [InlineData("00112233445566778899aabbccddeeff0")]
    [InlineData("00112233445566778899aabbccddeefg")]
    [InlineData("0x112233445566778899aabbccddeeff")]
    public void What_is_no_token_is_not_taken_for_one(string? text) => Assert.False(OneTimeToken.TryParse(text, out _));
}
