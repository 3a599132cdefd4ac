using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport.Tests;

public sealed class ReadingTests
{
    private static readonly Ipv6Address From = Ipv6Address.Parse("2001:db8::a");
    private static readonly Ipv6Address To = Ipv6Address.Parse("2001:db8::b");

    [Theory]
    [InlineData(PcapFile.Nanoseconds, 1_800_000_000_123_456_789)]
    [InlineData(PcapFile.Microseconds, 1_800_000_000_123_456_000)]
    public void A_capture_is_read_as_it_was_written(uint magic, long expected)
    {
        using var file = new TemporaryFile();
        var writer = new CaptureWriter();
        writer.Add(1_800_000_000_123_456_789, [1, 2, 3]);
        writer.Add(1_800_000_001_000_000_000, []);
        writer.Write(file.Path, magic);

        var packets = PcapFile.Read(file.Path).Select(packet => (packet.At, Convert.ToHexString(packet.Data.Span))).ToArray();

        Assert.Equal([(expected, "010203"), (1_800_000_001_000_000_000, "")], packets);
    }

    [Fact]
    public void A_capture_that_ends_within_a_packet_is_refused_whole()
    {
        using var file = new TemporaryFile();
        var writer = new CaptureWriter();
        writer.Add(1, [1, 2, 3]);
        writer.Write(file.Path);
        var bytes = File.ReadAllBytes(file.Path);
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(file.Path, bytes[..length]);
            if (length == PcapFile.FileHeader)
            {
                Assert.Empty(PcapFile.Read(file.Path));
            }
            else
            {
                Assert.Throws<InvalidDataException>(() => PcapFile.Read(file.Path).Count());
            }
        }
    }

    [Fact]
    public void A_probe_is_written_and_read()
    {
        var payload = Enumerable.Repeat((byte)0xff, ProbePacket.Length + 4).ToArray();
        var probe = new ProbePacket(ProbeDirection.FromGuest, 0x1122334455667788, 0x99aabbccddeeff00, 77);
        probe.WriteTo(payload);

        Assert.Equal("6b677072010000001122334455667788" + "99aabbccddeeff000000004d00000000" + "ffffffff",
            Convert.ToHexStringLower(payload));
        Assert.True(ProbePacket.TryParse(payload, out var read));
        Assert.Equal(probe, read);
        for (var length = 0; length < ProbePacket.Length; length++)
        {
            Assert.False(ProbePacket.TryParse(payload.AsSpan(0, length), out _));
        }
    }

    public static TheoryData<byte[], bool, bool> Packets()
    {
        var probe = CaptureWriter.Probe(ProbeDirection.ToGuest, 5);
        byte[] encapsulationLimit = [41, 0, 4, 1, 4, 1, 0, 0]; // RFC 2473, section 4.1.1
        var wrongPort = CaptureWriter.Probe(ProbeDirection.ToGuest, 5);
        wrongPort[43]++;
        return new()
        {
            { probe, true, false },
            { CaptureWriter.Ipv6(From, To, 41, probe), true, true },
            { CaptureWriter.Ipv6(From, To, 60, [.. encapsulationLimit, .. probe]), true, true },
            { CaptureWriter.Ipv6(From, To, 41, CaptureWriter.Ipv6(To, From, 41, probe)), true, true },
            { wrongPort, false, false },
            { CaptureWriter.Ipv6(From, To, 58, probe), false, false },
            { CaptureWriter.Ipv6(From, To, 41, []), false, false },
            { CaptureWriter.Ipv6(From, To, 60, [41, 200, 0, 0, 0, 0, 0, 0]), false, false },
            { probe[..^1], false, false },
            { [], false, false },
        };
    }

    [Theory]
    [MemberData(nameof(Packets))]
    public void Probes_are_found_plain_and_in_tunnels(byte[] packet, bool isProbe, bool inTunnel)
    {
        foreach (var outgoing in new[] { true, false })
        {
            Assert.Equal(isProbe, ProbeDecoder.TryDecode(CaptureWriter.On(9, outgoing, packet), out var seen));
            if (isProbe)
            {
                var probe = new ProbePacket(ProbeDirection.ToGuest, CaptureWriter.Session, 1, 5);
                Assert.Equal(new(probe, 9, outgoing, inTunnel ? (From, To) : null), seen);
            }
        }
    }

    [Fact]
    public void Every_shorter_packet_is_no_probe()
    {
        var packet = CaptureWriter.On(9, true, CaptureWriter.Ipv6(From, To, 41, CaptureWriter.Probe(ProbeDirection.ToGuest, 5)));
        for (var length = 0; length < packet.Length; length++)
        {
            Assert.False(ProbeDecoder.TryDecode(packet.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void Taps_are_known_by_libvirt_s_address_or_our_name()
    {
        var links = new LinkNames(
        [
            @"3: lan@if5: <UP> mtu 1500 master br-home\    link/ether fa:9c:a4:61:63:7e brd ff:ff:ff:ff:ff:ff link-netnsid 1",
            @"5: vnet0: <BROADCAST> mtu 1500 qdisc noop\    link/ether 02:ea:db:3b:11:5a brd ff:ff:ff:ff:ff:ff",
            @"5: vnet0: <BROADCAST,MULTICAST> mtu 1500 master br-home state DOWN \    link/ether fe:54:00:00:00:10",
            @"Deleted 6: vnet1: <BROADCAST> mtu 1500 qdisc noop\    link/ether fe:54:00:00:00:11 brd ff:ff:ff:ff:ff:ff",
            @"8: kg525400000010: <BROADCAST,UP> mtu 1440 master kgvrf state UP \    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff",
            "nothing of the kind",
        ]);

        Assert.Equal([5, 8], links.TapsOf(LinkLayerAddress.Parse("52:54:00:00:00:10")).Order());
        Assert.Equal([6], links.TapsOf(LinkLayerAddress.Parse("52:54:00:00:00:11")));
        Assert.Equal([3], links.Named("lan"));
        Assert.Empty(links.Named("la"));
    }

    [Fact]
    public void Lifecycle_events_are_those_of_the_domain()
    {
        string[] lines =
        [
            "2026-11-24 06:41:58.931+0000: event 'migration-iteration' for domain 'vm': iteration: '1'",
            "2026-11-24 06:42:07.156+0000: event 'lifecycle' for domain 'vm': Suspended Migrated",
            "2026-11-24 06:42:07.160+0000: event 'lifecycle' for domain 'vm2': Suspended Migrated",
            "2026-11-24 06:42:08.442+0000: event 'job-completed' for domain 'vm':",
            "\toperation: 5",
            "2026-11-24 06:42:08.503+0000: event 'lifecycle' for domain 'vm': Resumed Post-copy",
        ];

        Assert.Equal(
            [new(1795502527_156000000, EventLog.SuspendedMigrated), new(1795502528_503000000, EventLog.ResumedPostCopy)],
            EventLog.Read(lines, "vm"));
    }

    [Fact]
    public void A_run_file_is_read()
    {
        var run = RunFile.Read(
        [
            "domain vm", "guest-mac 52:54:00:00:00:10", "home-agent 2001:db8:1::1", "home-link home lan", "",
            "host hv-a 2001:db8::a 2001:db8::aa", "host hv-b 2001:db8::b", "home-host hv-b", "home-agent-rtt-ms 50",
            "host-to-host-one-way-ms 2.5", "kind postcopy", "move hv-a hv-b 1795502513.287234 1795502528.505179001 0",
        ]);

        Assert.Equal(("vm", ("home", "lan"), "hv-b", 50, 2.5, "postcopy"),
            (run.Domain, run.HomeLink, run.HomeHost, run.HomeAgentRttMs, run.HostToHostOneWayMs, run.Kind));
        Assert.Equal([From, Ipv6Address.Parse("2001:db8::aa")], run.Hosts["hv-a"]);
        Assert.Equal([new("hv-a", "hv-b", 1795502513_287234000, 1795502528_505179001, 0)], run.Moves);
    }

    [Theory]
    [InlineData("guest-mac 52:54", "line 8")]
    [InlineData("host hv-b", "line 8")]
    [InlineData("host hv-a 2001:db8::b", "line 8")]
    [InlineData("host hv-b 2001:db8::b x", "line 8")]
    [InlineData("home-agent-rtt-ms -1", "line 8")]
    [InlineData("moves hv-a hv-a 1 2 0", "line 8")]
    [InlineData("kind live", "line 8")]
    [InlineData("move hv-a hv-a 1 2", "line 8")]
    [InlineData("move hv-a hv-a 1e9 2 0", "line 8")]
    [InlineData("move hv-a hv-z 1 2 0", "move 1")]
    [InlineData("move hv-a hv-a 2 1 0", "move 1")]
    public void A_wrong_line_is_told_by_its_number(string line, string told)
    {
        string[] lines =
        [
            "domain vm", "guest-mac 52:54:00:00:00:10", "home-agent 2001:db8:1::1", "home-link home lan", "host hv-a 2001:db8::a",
            "home-host hv-a", "kind precopy", line,
        ];

        Assert.StartsWith(told, Assert.Throws<InvalidDataException>(() => RunFile.Read(lines)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void A_run_file_is_refused_without_any_of_its_lines(int missing)
    {
        string[] lines =
        [
            "domain vm", "guest-mac 52:54:00:00:00:10", "home-agent 2001:db8:1::1", "home-link home lan", "host hv-a 2001:db8::a",
            "home-host hv-a", "kind precopy",
        ];

        Assert.Equal("vm", RunFile.Read(lines).Domain);
        Assert.Throws<InvalidDataException>(() => RunFile.Read(lines.Where((_, i) => i != missing)));
    }

    private sealed class TemporaryFile : IDisposable
    {
        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
