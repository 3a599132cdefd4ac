using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport.Tests;

/// <summary>Which host sends the guest's probes, told by captures in core and on the home link.</summary>
public sealed class ProbeOriginsTests : IDisposable
{
    private const ulong OtherSession = 1;

    private static readonly Dictionary<string, IReadOnlyList<Ipv6Address>> Hosts = new[] { "hv-a", "hv-b", "hv-c" }
        .Select((name, i) => (name, (IReadOnlyList<Ipv6Address>)[Ipv6Address.Parse($"2001:db8:f{i + 3}::2")])).ToDictionary();

    private static readonly Ipv6Address HomeAgent = Ipv6Address.Parse("2001:db8:1::1");
    private static readonly string[] Links = ["home", "cn", .. Hosts.Keys];

    private readonly string _directory = Directory.CreateTempSubdirectory("kg-probe-origins-").FullName;
    private readonly Dictionary<string, CaptureWriter> _boxes = new() { ["core"] = new(), ["home-link"] = new() };

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_a_host_got_by_a_tunnel_and_sends_on_is_not_from_there()
    {
        Native(0, 1, "hv-a");
        Core(5, 1, "home", null);
        // From home: through the host that it has left.
        Core(10, 2, "hv-b", "hv-a");
        Native(11, 2, "hv-a");
        Core(12, 2, "home", null);
        Core(20, 3, "hv-b", "home");
        // Away to away, while no acknowledgement comes.
        Core(30, 4, "hv-c", "hv-b");
        Core(31, 4, "hv-b", "home");
        Core(40, 5, "hv-c", "home");
        Native(50, 6, "hv-a");

        var origins = Read();

        Assert.Equal(["hv-a", "hv-b", "hv-c", "hv-a"], origins.Hosts);
        Assert.Equal(0, origins.Doubled);
    }

    [Fact]
    public void A_host_that_goes_on_sending_is_seen()
    {
        Native(0, 1, "hv-a");
        Core(10, 2, "hv-b", "hv-a");
        Native(20, 3, "hv-a");
        Core(30, 4, "hv-b", "home");
        Assert.Equal(["hv-a", "hv-b", "hv-a", "hv-b"], Read().Hosts);
    }

    [Theory]
    [InlineData("home", 1)]
    [InlineData("hv-c", 1)]
    [InlineData("hv-a", 0)]
    public void A_probe_that_two_hosts_send_is_seen_unless_one_got_it_from_the_other(string to, int doubled)
    {
        Core(10, 1, "hv-b", to);
        Native(11, 1, "hv-a");
        var origins = Read();
        Assert.Equal(["hv-b"], origins.Hosts);
        Assert.Equal(doubled, origins.Doubled);
    }

    [Fact]
    public void Other_sessions_other_ways_and_what_goes_to_a_host_say_nothing()
    {
        Native(0, 1, "hv-a");
        Add(1, "core", "hv-b", outgoing: false, CaptureWriter.Probe(ProbeDirection.FromGuest, 2, OtherSession));
        Add(2, "core", "hv-b", outgoing: false, CaptureWriter.Probe(ProbeDirection.ToGuest, 3));
        Add(3, "core", "hv-b", outgoing: true, CaptureWriter.Probe(ProbeDirection.FromGuest, 4));
        Assert.Equal(["hv-a"], Read().Hosts);
    }

    private ProbeOrigins Read()
    {
        foreach (var (box, writer) in _boxes)
        {
            writer.Write(Path.Combine(_directory, $"{box}.pcap"));
            File.WriteAllLines(Path.Combine(_directory, $"{box}.links"), Links.Select((link, i) => $"{i + 2}: {link}@if2: <UP> mtu 1500"));
        }

        return new(_directory, Hosts, CaptureWriter.Session);
    }

    /// <summary>A probe that a host puts on the home link.</summary>
    private void Native(long at, int sequence, string from) =>
        Add(at, "home-link", from, outgoing: false, CaptureWriter.Probe(ProbeDirection.FromGuest, sequence));

    /// <summary>A probe that comes to core, natively or in a tunnel.</summary>
    private void Core(long at, int sequence, string from, string? to)
    {
        var probe = CaptureWriter.Probe(ProbeDirection.FromGuest, sequence);
        Add(at, "core", from, outgoing: false, to is null ? probe : CaptureWriter.Ipv6(AddressOf(from), AddressOf(to), 41, probe));
    }

    private static Ipv6Address AddressOf(string box) => Hosts.TryGetValue(box, out var addresses) ? addresses[0] : HomeAgent;

    private void Add(long at, string box, string link, bool outgoing, byte[] packet) =>
        _boxes[box].Add(at, CaptureWriter.On(Array.IndexOf(Links, link) + 2, outgoing, packet));
}
