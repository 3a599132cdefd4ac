using System.Buffers.Binary;
using System.Text.Json;

namespace Kagemusha.Wire.Tests;

/// <summary>
/// Tshark reads our packets out of a capture file. It checks the checksum of ICMPv6; that of the mobility header it only shows, and scapy
/// checks it.
/// </summary>
public sealed class TsharkTests(TsharkTests.Capture capture) : IClassFixture<TsharkTests.Capture>
{
    public static TheoryData<string, string[]> Fields => new()
    {
        { "binding-update", [
            "ipv6.opt.mipv6.home_address=2001:db8:1::75", "mip6.mhtype=5", "mip6.bu.seqnr=4660", "mip6.bu.a_flag=1", "mip6.bu.h_flag=1",
            "mip6.bu.l_flag=0", "mip6.bu.k_flag=0", "mip6.bu.lifetime=150", "mip6.acoa.acoa=2001:db8:2::b"] },
        { "binding-update-all-flags", [
            "mip6.bu.seqnr=65535", "mip6.bu.l_flag=1", "mip6.bu.k_flag=1", "mip6.bra.interval=50", "mip6.acoa.acoa=2001:db8:2::b"] },
        { "de-registration", ["ipv6.src=2001:db8:1::75", "mip6.bu.seqnr=4661", "mip6.bu.lifetime=0"] },
        { "binding-update-with-identifier", ["mip6.mnid.identifier=a@b.c", "mip6.acoa.acoa=2001:db8:2::b"] },
        { "binding-acknowledgement", [
            "ipv6.routing.mipv6.home_address=2001:db8:1::75", "mip6.mhtype=6", "mip6.ba.status=0", "mip6.ba.k_flag=1",
            "mip6.ba.seqnr=4660", "mip6.ba.lifetime=100", "mip6.bra.interval=50"] },
        { "refusal", ["mip6.ba.status=135", "mip6.ba.k_flag=0", "mip6.ba.seqnr=4608", "mip6.ba.lifetime=0"] },
        { "binding-error", ["mip6.mhtype=7", "mip6.be.status=2", "mip6.be.haddr=2001:db8:1::75"] },
        { "binding-refresh-request", ["mip6.mhtype=0", "ipv6.routing.mipv6.home_address=2001:db8:1::75"] },
        { "between-mobile-nodes", [
            "ipv6.routing.mipv6.home_address=2001:db8:4::9", "ipv6.opt.mipv6.home_address=2001:db8:1::75", "mip6.bu.h_flag=0",
            "mip6.bu.seqnr=7"] },
        { "home-test-init", ["mip6.mhtype=1"] },
        { "binding-revocation-indication", [
            "ipv6.routing.mipv6.home_address=2001:db8:1::75", "mip6.mhtype=16", "mip6.bri_br.type=1", "mip6.bri_r.trigger=1",
            "mip6.bri_seqnr=4660", "mip6.bri_ip=0", "mip6.bri_iv=0", "mip6.bri_ig=0"] },
        { "binding-revocation-acknowledgement", [
            "ipv6.opt.mipv6.home_address=2001:db8:1::75", "mip6.bri_br.type=2", "mip6.bri_status=128", "mip6.bri_seqnr=4660",
            "mip6.bri_ap=0", "mip6.bri_av=0", "mip6.bri_ag=1"] },
        { "home-agent-address-discovery-request", [
            "icmpv6.type=144", "icmpv6.mip6.identifier=4660", "ipv6.dst=2001:db8:1:0:fdff:ffff:ffff:fffe"] },
        { "home-agent-address-discovery-reply", [
            "icmpv6.type=145", "icmpv6.mip6.identifier=4660", "icmpv6.mip6.home_agent_address=2001:db8:1::1",
            "icmpv6.mip6.home_agent_address=2001:db8:4::9"] },
        { "mobile-prefix-solicitation", [
            "icmpv6.type=146", "icmpv6.mip6.identifier=4661", "ipv6.opt.mipv6.home_address=2001:db8:1::75"] },
        { "mobile-prefix-advertisement", [
            "icmpv6.type=147", "icmpv6.mip6.identifier=4661", "ipv6.routing.mipv6.home_address=2001:db8:1::75", "icmpv6.mip6.flag.m=0",
            "icmpv6.mip6.flag.o=1", "icmpv6.opt.prefix.length=64", "icmpv6.opt.prefix.flag.r=1", "icmpv6.opt.prefix.valid_lifetime=86400",
            "icmpv6.opt.prefix=2001:db8:1::1"] },
        { "router-solicitation", ["icmpv6.type=133", "icmpv6.opt.src_linkaddr=52:54:00:12:34:56"] },
        { "router-solicitation-unspecified", ["icmpv6.type=133", "ipv6.src=::", "ipv6.dst=ff02::2"] },
        { "router-advertisement", [
            "icmpv6.type=134", "icmpv6.nd.ra.cur_hop_limit=64", "icmpv6.nd.ra.flag.m=0", "icmpv6.nd.ra.flag.o=1", "icmpv6.nd.ra.flag.h=1",
            "icmpv6.nd.ra.flag.prf=3", "icmpv6.nd.ra.router_lifetime=1800", "icmpv6.nd.ra.reachable_time=30000",
            "icmpv6.nd.ra.retrans_timer=1000", "icmpv6.opt.src_linkaddr=02:00:00:00:00:01", "icmpv6.opt.mtu=1500",
            "icmpv6.opt.prefix.length=64", "icmpv6.opt.prefix.flag.l=1", "icmpv6.opt.prefix.flag.a=1", "icmpv6.opt.prefix.flag.r=1",
            "icmpv6.opt.prefix.valid_lifetime=86400", "icmpv6.opt.prefix.preferred_lifetime=14400", "icmpv6.opt.prefix=2001:db8:1::1",
            "icmpv6.opt.home_agent_preference=10", "icmpv6.opt.home_agent_lifetime=1800", "icmpv6.opt.rdnss=2001:db8:1::1"] },
        { "neighbour-solicitation", [
            "icmpv6.type=135", "icmpv6.nd.ns.target_address=2001:db8:1::1", "icmpv6.opt.src_linkaddr=52:54:00:12:34:56"] },
        { "duplicate-address-detection", ["ipv6.dst=ff02::1:ff00:75", "icmpv6.nd.ns.target_address=2001:db8:1::75"] },
        { "neighbour-advertisement", [
            "icmpv6.type=136", "icmpv6.nd.na.flag.r=1", "icmpv6.nd.na.flag.s=1", "icmpv6.nd.na.flag.o=0",
            "icmpv6.nd.na.target_address=2001:db8:1::1", "icmpv6.opt.target_linkaddr=02:00:00:00:00:01"] },
        { "overriding-advertisement", [
            "icmpv6.nd.na.flag.r=0", "icmpv6.nd.na.flag.s=0", "icmpv6.nd.na.flag.o=1", "icmpv6.nd.na.target_address=2001:db8:1::75"] },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    public void Tshark_sees_what_was_written(string name, string[] fields)
    {
        var seen = capture.Fields(name);
        Assert.All(fields, field => Assert.Contains(field, seen));
        Assert.Contains($"eth.dst={Samples.RouterMac}", seen);
        Assert.DoesNotContain(seen, field => field.StartsWith("_ws.", StringComparison.Ordinal));
        var packet = Samples.Named(name).Packet;
        if (packet is not MobilityPacket)
        {
            Assert.Contains("icmpv6.checksum.status=1", seen);
            Assert.Contains($"ipv6.hlim={(packet is NeighbourDiscoveryPacket ? 255 : 64)}", seen);
        }
    }

    [Fact]
    public void Every_sample_is_looked_at() => Assert.Equal(Samples.Names.Count, Fields.Count);

    /// <summary>One run of tshark over all samples.</summary>
    public sealed class Capture : IAsyncLifetime
    {
        private IReadOnlyList<IReadOnlyList<string>> _frames = [];

        public async ValueTask InitializeAsync()
        {
            var file = Path.GetTempFileName();
            try
            {
                await File.WriteAllBytesAsync(file, Pcap());
                var json = await Tool.RunAsync("tshark", ["-n", "-r", file, "-T", "json"], "", TestContext.Current.CancellationToken);
                using var document = JsonDocument.Parse(json);
                _frames = [.. document.RootElement.EnumerateArray().Select(frame => Leaves(frame, "").ToList())];
            }
            finally
            {
                File.Delete(file);
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public IReadOnlyList<string> Fields(string name)
        {
            Assert.Equal(Samples.All.Count, _frames.Count);
            return _frames[Samples.All.ToList().FindIndex(sample => sample.Name == name)];
        }

        // "field=value" of each leaf, and "field=" of what holds more.
        private static IEnumerable<string> Leaves(JsonElement element, string name) => element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().SelectMany(member => Leaves(member.Value, member.Name)).Prepend($"{name}="),
            JsonValueKind.Array => element.EnumerateArray().SelectMany(item => Leaves(item, name)),
            _ => [$"{name}={element}"],
        };

        // draft-ietf-opsawg-pcap: a file header with link type 1, Ethernet, and a record header before each frame.
        private static byte[] Pcap()
        {
            const int SnapLength = 65535;
            var pcap = new List<byte>();
            Add(0xa1b2c3d4, 2 << 16 | 4, 0, 0, SnapLength, 1);
            foreach (var sample in Samples.All)
            {
                var frame = new EthernetFrame(Samples.RouterMac, Samples.GuestMac, EtherType.Ipv6, [.. sample.Packet.ToArray()]);
                Add(0, 0, (uint)frame.Length, (uint)frame.Length);
                pcap.AddRange(frame.ToArray());
            }

            return [.. pcap];

            void Add(params ReadOnlySpan<uint> words)
            {
                Span<byte> bytes = stackalloc byte[4];
                foreach (var word in words)
                {
                    BinaryPrimitives.WriteUInt32BigEndian(bytes, word);
                    pcap.AddRange(bytes);
                }
            }
        }
    }
}
