using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Kagemusha.Probe;

namespace Kagemusha.MoveReport.Tests;

/// <summary>
/// The probe as it was published, against what the kernel counts. Both ways the probes, and nothing else, pass a netem:
/// <code>
///   cn  2001:db8:77::2 eth0 ------------- eth0 2001:db8:77::1  guest
/// </code>
/// </summary>
[Trait("Needs", "kernel")]
public sealed class ProbeTests : IDisposable
{
    private const string Guest = "2001:db8:77::1";

    private readonly string _id = $"kg{Environment.ProcessId}";
    private readonly string _record = Path.GetTempFileName();
    private readonly List<Process> _guests = [];

    public ProbeTests()
    {
        foreach (var module in new[] { "ipv6", "veth", "sch_prio", "sch_netem", "cls_u32" })
        {
            using var modprobe = Process.Start("modprobe", ["-q", module]); // It may be built in: what is missing fails below.
            modprobe.WaitForExit();
        }

        Run("ip", "netns", "add", Name("guest"));
        Run("ip", "netns", "add", Name("cn"));
        Run("ip", "link", "add", "eth0", "netns", Name("guest"), "type", "veth", "peer", "name", "eth0", "netns", Name("cn"));
        foreach (var (box, address) in new[] { ("guest", Guest), ("cn", "2001:db8:77::2") })
        {
            Run("ip", "-n", Name(box), "address", "add", $"{address}/64", "dev", "eth0", "nodad");
            Run("ip", "-n", Name(box), "link", "set", "eth0", "up");
            Run("tc", "-n", Name(box), "qdisc", "add", "dev", "eth0", "root", "handle", "1:", "prio", "bands", "4");
            Run("tc", "-n", Name(box), "filter", "add", "dev", "eth0", "parent", "1:", "protocol", "ipv6", "prio", "1",
                "u32", "match", "ip6", "dport", $"{ProbePacket.Port}", "0xffff", "flowid", "1:4");
        }
    }

    public void Dispose()
    {
        foreach (var guest in _guests)
        {
            guest.Kill();
            guest.WaitForExit();
            guest.Dispose();
        }

        Run("ip", "netns", "del", Name("guest"));
        Run("ip", "netns", "del", Name("cn"));
        File.Delete(_record);
    }

    [Theory]
    [InlineData("loss 10% delay 5ms", "duplicate 10%")]
    [InlineData("duplicate 10%", "loss 10% delay 5ms")]
    public void What_the_kernel_loses_and_repeats_is_what_both_ends_count(string toGuest, string fromGuest)
    {
        SetNetem("cn", toGuest);
        SetNetem("guest", fromGuest);
        StartGuest();

        using var correspondent = StartCorrespondent("--duration", "3");
        correspondent.WaitForExit();

        Assert.Equal(0, correspondent.ExitCode);
        var record = ReadRecord();
        Assert.Single(record.Boots);
        AssertAgree(record.SentToGuestAt.Length, record.ReceivedByGuest!, "cn");
        AssertAgree(record.SentByGuest!.Value, record.ReceivedFromGuest, "guest");
        var stream = Assert.Single(record.Streams);
        Assert.Null(stream.BrokenAt);
        Assert.InRange(stream.Answered[^1], 15, stream.SentAt.Count);

        void AssertAgree(int sent, ProbesReceived received, string sender)
        {
            var (passed, dropped) = ReadNetem(sender);
            Assert.InRange(sent, 200, 310); // less than 300 on a busy machine
            Assert.True(dropped > 0 || passed > sent); // netem did something
            Assert.Equal(passed, received.Copies.Sum());
            Assert.Equal(0, received.BufferDrops);
            if (dropped > 0)
            {
                Assert.Equal(dropped, sent - received.Copies.Count(copies => copies > 0));
            }
            else
            {
                Assert.Equal(passed - sent, received.Copies.Sum(copies => copies - 1));
            }
        }
    }

    [Fact]
    public void A_guest_that_boots_again_is_seen_to_and_its_stream_to_break()
    {
        StartGuest();
        using var correspondent = StartCorrespondent("--progress");
        ReadProgress("stream up");
        _guests[0].Kill();
        ReadProgress("stream broken");
        StartGuest();
        ReadProgress("stream up");
        Run("kill", "-TERM", correspondent.Id.ToString(CultureInfo.InvariantCulture));
        correspondent.WaitForExit();

        Assert.Equal(0, correspondent.ExitCode);
        var record = ReadRecord();
        Assert.Equal(2, record.Boots.Distinct().Count());
        Assert.Equal([true, false], record.Streams.Select(stream => stream.BrokenAt is not null));

        void ReadProgress(string state)
        {
            string? line;
            do
            {
                line = correspondent.StandardOutput.ReadLine();
                Assert.NotNull(line);
            }
            while (!line.EndsWith(state, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_control_sees_how_long_it_could_not_run()
    {
        const int stopped = 200;
        using var control = StartProbe("cn", ["control", "--interval-ms", "2", "--out", _record]);
        while (Switches() is var before && !SpinWait.SpinUntil(() => Switches() > before + 10, TimeSpan.FromSeconds(1)))
        {
            Assert.False(control.HasExited);
        }

        Run("kill", "-STOP", Id());
        Thread.Sleep(stopped);
        Run("kill", "-CONT", Id());
        Run("kill", "-TERM", Id());
        control.WaitForExit();

        Assert.Equal(0, control.ExitCode);
        var record = JsonSerializer.Deserialize(File.ReadAllBytes(_record), ControlRecordJson.Default.ControlRecord)!;
        Assert.Equal(2, record.IntervalMs);
        Assert.True(record.Lateness.Max() >= stopped * 1_000_000L, $"{record.Lateness.Max()} ns");
        Assert.All(record.Lateness, late => Assert.True(late >= 0));

        string Id() => control.Id.ToString(CultureInfo.InvariantCulture);

        // It gives the processor back at each tick.
        int Switches() => File.ReadLines($"/proc/{Id()}/status")
            .Where(line => line.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal))
            .Select(line => int.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture)).First();
    }

    private static string Root
    {
        get
        {
            var directory = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(directory.FullName, "Kagemusha.sln")))
            {
                directory = directory.Parent!;
            }

            return directory.FullName;
        }
    }

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
        return output;
    }

    private string Name(string box) => $"{_id}-{box}";

    private void SetNetem(string box, string what) =>
        Run("tc", ["-n", Name(box), "qdisc", "add", "dev", "eth0", "parent", "1:4", "handle", "4:", "netem", .. what.Split(' ')]);

    private (int Passed, int Dropped) ReadNetem(string box)
    {
        using var qdiscs = JsonDocument.Parse(Run("tc", "-n", Name(box), "-s", "-j", "qdisc", "show", "dev", "eth0"));
        var netem = qdiscs.RootElement.EnumerateArray().Single(qdisc => qdisc.GetProperty("kind").GetString() == "netem");
        return (netem.GetProperty("packets").GetInt32(), netem.GetProperty("drops").GetInt32());
    }

    private void StartGuest() => _guests.Add(StartProbe("guest", "guest"));

    private Process StartCorrespondent(params string[] options) =>
        StartProbe("cn", ["correspondent", "--guest", Guest, "--interval-ms", "10", "--out", _record, .. options]);

    // ip becomes the program that it runs.
    private Process StartProbe(string box, params string[] arguments) => Process.Start(
        new ProcessStartInfo("ip", ["netns", "exec", Name(box), Path.Combine(Root, "artifacts/publish/kagemusha-probe"), .. arguments])
        {
            RedirectStandardOutput = true,
        })!;

    private ProbeRecord ReadRecord() =>
        JsonSerializer.Deserialize(File.ReadAllBytes(_record), ProbeRecordJson.Default.ProbeRecord)!;
}
