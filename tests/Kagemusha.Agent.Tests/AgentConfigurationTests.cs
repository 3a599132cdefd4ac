using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class AgentConfigurationTests : IDisposable
{
    private static readonly AgentConfiguration Defaults =
        new("qemu:///system", null, TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(1.5), 6275);

    private readonly TemporaryDirectory _directory = new();

    private string Path => _directory.File("kagemushad.toml");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_file_that_is_not_there_leaves_the_defaults()
    {
        Assert.Equal(Defaults, AgentConfiguration.Read(Path));
        Assert.Equal(Defaults, AgentConfiguration.Read(_directory.File("no/such/directory.toml")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# libvirt_uri = \"test:///default\"\n\n")]
    public void An_empty_file_leaves_the_defaults(string text) => Assert.Equal(Defaults, Read(text));

    [Fact]
    public void Each_key_is_read()
    {
        Assert.Equal(Defaults with { LibvirtUri = "qemu+unix:///session" }, Read("libvirt_uri = 'qemu+unix:///session'"));
        Assert.Equal(Defaults with { CareOfAddress = Ipv6Address.Parse("2001:db8::1") }, Read("care_of_address = \"2001:db8::1\""));
        Assert.Equal(Defaults with { BindingLifetime = TimeSpan.FromSeconds(60) }, Read("binding_lifetime_s = 60"));
        Assert.Equal(Defaults with { BindingLifetime = TimeSpan.FromSeconds(262_140) }, Read("binding_lifetime_s = 262_140"));
        Assert.Equal(Defaults with { FirstAcknowledgementTimeout = TimeSpan.FromSeconds(0.1) }, Read("first_acknowledgement_timeout_ms = 100"));
        Assert.Equal(Defaults with { FirstAcknowledgementTimeout = TimeSpan.FromSeconds(32) }, Read("first_acknowledgement_timeout_ms = 32000"));
        Assert.Equal(Defaults with { VrfTable = 256 }, Read("vrf_table = 256"));
        Assert.Equal(Defaults with { VrfTable = int.MaxValue }, Read("vrf_table = 0x7fffffff"));
        Assert.Equal(Peer(new() { Address = Ipv6Address.Parse("2001:db8::1") }), Read("peer_address = \"2001:db8::1\""));
        Assert.Equal(Peer(new() { Port = 1 }), Read("peer_port = 1"));
        Assert.Equal(Peer(new() { SourceAgent = SourceAgentPolicy.Optional }), Read("source_agent = \"optional\""));
        Assert.Equal(Defaults, Read("source_agent = \"required\""));
        Assert.Equal(Peer(new() { Authority = "/x" }), Read("peer_ca = \"/x\""));
        Assert.Equal(Peer(new() { ServerCertificate = "/x" }), Read("peer_server_certificate = \"/x\""));
        Assert.Equal(Peer(new() { ServerKey = "/x" }), Read("peer_server_key = \"/x\""));
        Assert.Equal(Peer(new() { ClientCertificate = "/x" }), Read("peer_client_certificate = \"/x\""));
        Assert.Equal(Peer(new() { ClientKey = "/x" }), Read("peer_client_key = \"/x\""));

        static AgentConfiguration Peer(PeerSettings settings) => Defaults with { Peer = settings };
    }

    [Fact]
    public void The_shipped_file_documents_every_key_and_its_examples_can_be_used()
    {
        var shipped = File.ReadAllLines(System.IO.Path.Combine(AppContext.BaseDirectory, "kagemushad.toml"));
        Assert.Equal(Defaults, Read(string.Join('\n', shipped)));

        var examples = shipped.Where(line => line.StartsWith('#') && !line.StartsWith("# ", StringComparison.Ordinal)).Select(line => line[1..]).ToList();
        Assert.Equal(
            [
                "binding_lifetime_s", "care_of_address", "first_acknowledgement_timeout_ms", "libvirt_uri", "peer_address", "peer_ca",
                "peer_client_certificate", "peer_client_key", "peer_port", "peer_server_certificate", "peer_server_key", "source_agent", "vrf_table",
            ],
            examples.Select(line => line.Split(' ')[0]).Order());
        var address = Ipv6Address.Parse("2001:db8:f4::2");
        Assert.Equal(Defaults with { CareOfAddress = address, Peer = new() { Address = address } }, Read(string.Join('\n', examples)));
    }

    [Theory]
    [InlineData("\nlibvirt_url = \"x\"", "line 2: unknown key 'libvirt_url': remove it, or see the comments of the shipped file")]
    [InlineData("libvirt_uri = 1", "line 1: libvirt_uri must be a text in quotes, not 1")]
    [InlineData("libvirt_uri = true # no", "line 1: libvirt_uri must be a text in quotes, not true")]
    [InlineData("libvirt_uri = [\n  1, # no\n  2,\n]", "line 1: libvirt_uri must be a text in quotes, not [")]
    [InlineData("care_of_address = \"x#y\" # no", "line 1: care_of_address must be an IPv6 address in quotes, not \"x#y\"")]
    [InlineData("care_of_address = \"2001:db8::1/64\"", "line 1: care_of_address must be an IPv6 address in quotes, not \"2001:db8::1/64\"")]
    [InlineData("care_of_address = \"192.0.2.1\"", "line 1: care_of_address must be an IPv6 address in quotes, not \"192.0.2.1\"")]
    [InlineData("care_of_address = \"\"", "line 1: care_of_address must be an IPv6 address in quotes, not \"\"")]
    [InlineData("care_of_address = \"fe80::1\"", "line 1: care_of_address: fe80::1 is no address that a home agent could reach")]
    [InlineData("care_of_address = \"ff02::1\"", "line 1: care_of_address: ff02::1 is no address that a home agent could reach")]
    [InlineData("care_of_address = \"::1\"", "line 1: care_of_address: ::1 is no address that a home agent could reach")]
    [InlineData("# so long\n\nbinding_lifetime_s = \"600\"", "line 3: binding_lifetime_s must be a whole number from 60 to 262140, not \"600\"")]
    [InlineData("binding_lifetime_s = 59", "line 1: binding_lifetime_s must be a whole number from 60 to 262140, not 59")]
    [InlineData("binding_lifetime_s = 262141", "line 1: binding_lifetime_s must be a whole number from 60 to 262140, not 262141")]
    [InlineData("binding_lifetime_s = 600.0", "line 1: binding_lifetime_s must be a whole number from 60 to 262140, not 600.0")]
    [InlineData("binding_lifetime_s = 4294967356", "line 1: binding_lifetime_s must be a whole number from 60 to 262140, not 4294967356")]
    [InlineData("first_acknowledgement_timeout_ms = 99", "line 1: first_acknowledgement_timeout_ms must be a whole number from 100 to 32000, not 99")]
    [InlineData("first_acknowledgement_timeout_ms = 32001", "line 1: first_acknowledgement_timeout_ms must be a whole number from 100 to 32000, not 32001")]
    [InlineData("vrf_table = 255", "line 1: vrf_table must be a whole number from 256 to 2147483647, not 255")]
    [InlineData("vrf_table = -6275", "line 1: vrf_table must be a whole number from 256 to 2147483647, not -6275")]
    [InlineData("vrf_table = 2147483648", "line 1: vrf_table must be a whole number from 256 to 2147483647, not 2147483648")]
    [InlineData("vrf_table = [6275]", "line 1: vrf_table must be a whole number from 256 to 2147483647, not [6275]")]
    [InlineData("\n\n[agent]\nvrf_table = 6275", "line 3: tables are not used here: remove [agent]")]
    [InlineData("[[agent]]", "line 1: tables are not used here: remove [agent]")]
    [InlineData("agent.vrf_table = 6275", "line 1: unknown key 'agent.vrf_table': remove it, or see the comments of the shipped file")]
    public void What_is_wrong_is_said_with_file_line_and_key(string text, string message) =>
        Assert.Equal($"{Path}: {message}", Assert.Throws<ConfigurationException>(() => Read(text)).Message);

    [Theory]
    [InlineData("vrf_table = 6275\nlibvirt_uri = \"qemu:///system", 2)]
    [InlineData("vrf_table", 1)]
    [InlineData("\n= 5", 2)]
    [InlineData("vrf_table = 6275\nvrf_table = 6276", 2)]
    [InlineData("vrf_table = 99999999999999999999", 1)]
    public void A_syntax_error_is_said_with_file_and_line_in_one_line(string text, int line)
    {
        var message = Assert.Throws<ConfigurationException>(() => Read(text)).Message;
        Assert.StartsWith($"{Path}: line {line}: ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_said()
    {
        Directory.CreateDirectory(Path);
        Assert.StartsWith($"{Path}: cannot be read: ", Assert.Throws<ConfigurationException>(() => AgentConfiguration.Read(Path)).Message, StringComparison.Ordinal);
    }

    private AgentConfiguration Read(string text)
    {
        File.WriteAllText(Path, text);
        return AgentConfiguration.Read(Path);
    }
}
