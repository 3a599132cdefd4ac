namespace Kagemusha.Wire.Tests;

/// <summary>Scapy makes the same packets, is read by us, and reads ours (Debian's python3-scapy).</summary>
public class ScapyTests
{
    [Fact]
    public async Task Scapy_and_we_read_each_others_packets()
    {
        var ours = string.Concat(Samples.All.Select(sample => $"{sample.Name} {Convert.ToHexStringLower(Written(sample))}\n"));
        var script = Path.Combine(AppContext.BaseDirectory, "scapy_samples.py");
        var lines = (await Tool.RunAsync("/usr/bin/python3", [script], ours, TestContext.Current.CancellationToken))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.DoesNotContain(" differs: ", line, StringComparison.Ordinal));
        Assert.Equal(Samples.All.Select(sample => sample.Name), lines.Select(line => line.Split(' ')[0]));
        Assert.All(Samples.All.Zip(lines), pair =>
            Assert.Equal(pair.First.Packet, pair.First.Parse(Convert.FromHexString(pair.Second.Split(' ')[1]), out _)));
    }

    private static byte[] Written(Sample sample)
    {
        var bytes = new byte[sample.Packet.Length];
        sample.Packet.WriteTo(bytes);
        return bytes;
    }
}
