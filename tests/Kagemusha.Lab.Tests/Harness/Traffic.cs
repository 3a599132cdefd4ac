using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Kagemusha.MoveReport;
using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.Lab.Tests;

/// <summary>A probe that its receiver did not count once.</summary>
/// <param name="Direction">Which way it was to go.</param>
/// <param name="Sequence">Its number.</param>
/// <param name="Copies">How many came.</param>
/// <param name="SentAt">When it was sent: of those from the guest nobody knows.</param>
internal readonly record struct MiscountedProbe(ProbeDirection Direction, int Sequence, int Copies, DateTimeOffset? SentAt);

/// <summary>
/// Numbered probes between the correspondent node and a guest, as often each way as KG_PROBE_INTERVAL_MS says, while it lasts; with
/// captures of which host the guest's come from.
/// </summary>
internal sealed partial class Traffic : IDisposable
{
    // The lab says how many its guest keeps up with.
    private static readonly int IntervalMs = int.Parse(Environment.GetEnvironmentVariable("KG_PROBE_INTERVAL_MS")!, CultureInfo.InvariantCulture);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Lab _lab;
    private readonly string _directory;
    private readonly Process _probe;
    private readonly Task _reading;
    private volatile string _progress = "";
    private bool _isStopped;

    /// <summary>Returns when probes come, both ways.</summary>
    public Traffic(Lab lab, LabGuest guest)
    {
        _lab = lab;
        _directory = Path.Combine(lab.Out, "traffic", TestContext.Current.TestMethod!.MethodName);
        Directory.CreateDirectory(_directory);
        Command.Run(["capture", "start", _directory, .. ProbeOrigins.Boxes]).Succeed();
        _probe = Command.Start(lab.Correspondent.Line(
            Path.Combine(lab.Repository, "artifacts/publish/kagemusha-probe"),
            "correspondent", "--guest", guest.Address, "--interval-ms", $"{IntervalMs}", "--out", Path.Combine(_directory, "probes.json"), "--progress"));
        _reading = ReadAsync();
        Flow();
    }

    [GeneratedRegex(@"to the guest (\d+) sent, (\d+) received; from it (\d+) sent, (\d+) received")]
    private static partial Regex Progress { get; }

    /// <summary>Waits until probes have come that were not sent before, both ways; those of some time.</summary>
    public void Flow(TimeSpan time = default)
    {
        var before = Counts();
        var more = (int)(time.TotalMilliseconds / IntervalMs) + 1;
        Wait.Until($"{more} more probes come, both ways", time + Patience, () =>
            Counts() is var now && now.ToGuest.Received >= before.ToGuest.Sent + more && now.FromGuest.Received >= before.FromGuest.Sent + more);
    }

    /// <summary>Ends it: no probe was lost or came twice, and they came from these hosts, one after the other and never from two.</summary>
    public void AssertWhole(params Hypervisor[] hosts)
    {
        var miscounted = Stop(hosts);
        Assert.True(miscounted.Count == 0, $"lost or doubled: {string.Join(", ", miscounted)}");
    }

    /// <summary>Ends it: the guest's probes came from these hosts, one after the other and never from two.</summary>
    /// <returns>What was lost or came twice.</returns>
    public IReadOnlyList<MiscountedProbe> Stop(params Hypervisor[] hosts)
    {
        Flow();
        End();
        Assert.True(_probe.ExitCode == 0, _probe.StandardError.ReadToEnd());
        var record = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(_directory, "probes.json")), ProbeRecordJson.Default.ProbeRecord)!;
        Assert.Single(record.Boots);
        Assert.Equal(0, record.ReceivedByGuest!.BufferDrops + record.ReceivedFromGuest.BufferDrops);

        var addresses = _lab.Hosts.ToDictionary(host => host.Name, host => (IReadOnlyList<Ipv6Address>)[Ipv6Address.Parse(host.CareOfAddress)]);
        var origins = new ProbeOrigins(_directory, addresses, ulong.Parse(record.Session, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        Assert.Equal(hosts.Select(host => host.Name), origins.Hosts);
        Assert.Equal(0, origins.Doubled);
        return
        [
            .. Miscounted(record.ReceivedByGuest, record.SentToGuestAt.Length)
                .Select(probe => new MiscountedProbe(
                    ProbeDirection.ToGuest, probe.Sequence, probe.Copies, DateTimeOffset.UnixEpoch.AddTicks(record.SentToGuestAt[probe.Sequence] / 100))),
            .. Miscounted(record.ReceivedFromGuest, record.SentByGuest!.Value)
                .Select(probe => new MiscountedProbe(ProbeDirection.FromGuest, probe.Sequence, probe.Copies, SentAt: null)),
        ];
    }

    public void Dispose()
    {
        End();
        _probe.Dispose();
    }

    private static IEnumerable<(int Sequence, int Copies)> Miscounted(ProbesReceived received, int sent) =>
        from sequence in Enumerable.Range(0, sent)
        let copies = sequence < received.Copies.Length ? received.Copies[sequence] : 0
        where copies != 1
        select (sequence, copies);

    private ((int Sent, int Received) ToGuest, (int Sent, int Received) FromGuest) Counts()
    {
        var groups = Progress.Match(_progress).Groups;
        return ((Number(1), Number(2)), (Number(3), Number(4)));

        int Number(int group) => groups[group].Success ? int.Parse(groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
    }

    private void End()
    {
        if (_isStopped)
        {
            return;
        }

        _isStopped = true;
        Command.Run(["kill", "-TERM", $"{_probe.Id}"]);
        var hasEnded = _probe.WaitForExit(Patience);
        Command.Run(["capture", "stop", _directory]).Succeed();
        Assert.True(hasEnded && _reading.Wait(Patience), "kagemusha-probe does not end");
    }

    private async Task ReadAsync()
    {
        while (await _probe.StandardOutput.ReadLineAsync() is { } line)
        {
            _progress = line;
        }
    }
}
