using System.Globalization;
using System.Text.Json;
using Kagemusha.Intruder;
using Kagemusha.Wire;

namespace Kagemusha.Lab.Tests;

/// <summary>
/// A guest that tries all that a guest may try: at home first, where it is seen to leave the guest, then away, with another guest on the same host.
/// </summary>
public sealed class HostileGuest : IDisposable
{
    /// <summary>How many neighbour solicitations there are in a flood, and in one that has little time.</summary>
    internal const int WholeFlood = 100_000;
    internal const int ShortFlood = 10_000;

    /// <summary>How many there are in this one.</summary>
    internal static readonly int FloodLength = Environment.GetEnvironmentVariable("KG_TEST_ALL") == "1" ? WholeFlood : ShortFlood;

    private static readonly TimeSpan FloodPatience = TimeSpan.FromMinutes(3);
    private static readonly byte[] End = "kgends"u8.ToArray();

    private readonly Lab _lab;
    private readonly LabGuest _guest;
    private readonly LabGuest _other;
    private readonly Scene _scene;

    public HostileGuest(Lab lab)
    {
        (_lab, _guest, _other, Host) = (lab, lab.VM, lab.Dash, lab.B);
        _scene = new(
            "eth0",
            StationOf(_guest),
            StationOf(_other),
            new(LinkLayerAddress.Parse(HomeBox.Mac), Ipv6Address.Parse("fe80::ff:fe00:1")),
            Ipv6Address.Parse(HomeBox.Address),
            Ipv6Address.Parse(Host.CareOfAddress),
            Ipv6Address.Parse(Lab.CorrespondentAddress));
        _other.BeAt(Host);
        _guest.BeAt(lab.A);
        var (bridge, link) = AttackAtHome();
        _guest.BeAt(Host);
        Host.WaitForBinding(_guest.Name, "registered");
        Host.WaitForBinding(_other.Name, "registered");
        BindingsBefore = Bindings();
        var (tap, uplink, neighbour) = AttackAway();
        var careOf = _scene.CareOf.ToArray();
        var homeAgent = _scene.HomeAgent.ToArray();
        var atTap = Marks.In(tap.Where(frame => !IsFromHost(frame.Span)));
        var inTunnel = Marks.In(uplink.Where(frame => Marks.IsTunnelled(frame.Span, careOf, homeAgent)));
        var onLink = Marks.In(uplink.Where(frame =>
            !Marks.IsTunnelled(frame.Span, careOf, homeAgent) && !Marks.IsTunnelled(frame.Span, homeAgent, careOf)));
        var atOther = Marks.In(neighbour.Where(frame => !frame.Span[6..].StartsWith(_scene.Other.Mac.ToArray())));
        Outcomes =
        [
            .. Attack.All.Select(attack => new Outcome(attack, attack.Frames(_scene).Count)
            {
                AtBridge = bridge[attack.Number].ToHashSet(),
                OnHomeLink = link[attack.Number].ToHashSet(),
                AtTap = atTap[attack.Number].ToHashSet(),
                InTunnel = inTunnel[attack.Number].ToHashSet(),
                OnForeignLink = onLink[attack.Number].ToHashSet(),
                AtOther = atOther[attack.Number].ToHashSet(),
            }),
        ];
        FromHost = [.. tap.Where(frame => IsFromHost(frame.Span))];
        FloodAway();
        BindingsAfter = Bindings();
    }

    internal Hypervisor Host { get; }

    internal IReadOnlyList<Outcome> Outcomes { get; }

    /// <summary>What the host has sent into the guest's tap meanwhile.</summary>
    internal IReadOnlyList<ReadOnlyMemory<byte>> FromHost { get; }

    /// <summary>How many packets of the guest's the host's kernel gave to protocols of its own.</summary>
    internal long Delivered { get; private set; }

    /// <summary>The bindings of both guests, by their agent and by their home agent.</summary>
    internal IReadOnlyList<string> BindingsBefore { get; }

    internal IReadOnlyList<string> BindingsAfter { get; }

    /// <summary>What the host spent before, while the flood went on, and when it was over.</summary>
    internal IReadOnlyList<HostLoad> Loads { get; private set; } = [];

    /// <summary>How long the flood took.</summary>
    internal TimeSpan FloodTime { get; private set; }

    /// <summary>How many frames came from the guest in that time.</summary>
    internal long FloodFrames { get; private set; }

    /// <summary>Echo requests while the flood went on: to the other guest, to the guest itself, and from the host to its own router.</summary>
    internal ((int Sent, int Answered) Other, (int Sent, int Answered) Self, (int Sent, int Answered) Host) Echoes { get; private set; }

    public void Dispose()
    {
        // Whatever it has come to believe of its neighbours: the tests that follow get another one.
        _guest.Destroy();
    }

    private static Station StationOf(LabGuest guest) => new(LinkLayerAddress.Parse(guest.Mac), Ipv6Address.Parse(guest.Address));

    // Nobody is harmed: of what the guest sends, the switch gives the home router only what it needs to reach the guest.
    private (ILookup<byte, int> Bridge, ILookup<byte, int> Link) AttackAtHome()
    {
        // "vnet1 bridge br-home virtio 52:54:00:00:00:10"
        var tap = _lab.A.Virsh("domiflist", _guest.Domain).Succeed().Output.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        _lab.HomeLink.Shell($"""
            tc qdisc add dev home clsact
            tc filter add dev home egress pref 1 protocol ipv6 flower ip_proto tcp src_ip {_guest.Address} src_port 23 action pass
            tc filter add dev home egress pref 2 protocol ipv6 flower ip_proto icmpv6 src_ip {_guest.Address} action pass
            tc filter add dev home egress pref 3 protocol ipv6 flower ip_proto icmpv6 src_ip {_guest.LinkLocal} action pass
            tc filter add dev home egress pref 4 protocol ipv6 flower ip_proto icmpv6 type 135 action pass
            tc filter add dev home egress pref 9 protocol all flower src_mac {_guest.Mac} action drop
            tc filter add dev home egress pref 10 protocol ipv6 flower src_ip {_guest.Address} action drop
            """);
        try
        {
            using var bridge = new Recording(_lab, _lab.A, tap);
            using var link = new Recording(_lab, _lab.HomeLink, "hv-a");
            // The switch learns by them anew where the router is, whatever it was told.
            using var pings = new Pings(_lab.Correspondent, _guest.Address);
            Run();
            Ping(_guest);
            bridge.WaitFor("the answer to the last echo request at the bridge", IsEnd);
            link.WaitFor("the answer to the last echo request on the home link", IsEnd);
            return (Marks.In(bridge.Stop()), Marks.In(link.Stop()));
        }
        finally
        {
            _lab.HomeLink.Shell("tc qdisc del dev home clsact");
        }
    }

    private (IReadOnlyList<ReadOnlyMemory<byte>> Tap, IReadOnlyList<ReadOnlyMemory<byte>> Uplink, IReadOnlyList<ReadOnlyMemory<byte>> Other) AttackAway()
    {
        using var tap = new Recording(_lab, Host, _guest.AwayTap);
        using var uplink = new Recording(_lab, Host, "wan");
        using var other = new Recording(_lab, Host, _other.AwayTap);
        var before = Delivered();
        Run();
        Ping(_guest);
        Ping(_other);
        tap.WaitFor("the last echo request at the guest's tap", IsEnd);
        uplink.WaitFor("the last echo request on the uplink", IsEnd);
        other.WaitFor("the last echo request at the other guest's tap", IsEnd);
        this.Delivered = Delivered() - before;
        return (tap.Stop(), uplink.Stop(), other.Stop());

        long Delivered() => HostLoad.Delivered(Host, _guest.AwayTap) + HostLoad.Delivered(Host, "kgvrf");
    }

    private void FloodAway()
    {
        var before = HostLoad.Of(Host);
        using var toOther = new Pings(_lab.Correspondent, _other.Address);
        using var toSelf = new Pings(_lab.Correspondent, _guest.Address);
        using var byHost = new Pings(Host, Host.CareOfAddress[..^1] + "1");
        var began = System.Diagnostics.Stopwatch.StartNew();
        var frames = Frames();
        _guest.Shell($"kagemusha-intruder flood {FloodLength} {_scene} </dev/null >/dev/null 2>&1 &");
        Wait.Until("half of the flood has come", FloodPatience, () => Frames() - frames > FloodLength / 2);
        var meanwhile = HostLoad.Of(Host);
        Wait.Until("the flood is over", FloodPatience, () => Frames() - frames >= FloodLength);
        FloodFrames = Frames() - frames;
        FloodTime = began.Elapsed;
        _guest.WaitUntilReachable();
        Echoes = (toOther.Stop(), toSelf.Stop(), byHost.Stop());
        Loads = [before, meanwhile, HostLoad.Of(Host)];

        long Frames() => long.Parse(Host.Shell($"cat /sys/class/net/{_guest.AwayTap}/statistics/rx_packets"), CultureInfo.InvariantCulture);
    }

    private void Run()
    {
        var said = _guest.Shell($"kagemusha-intruder attack {_scene} 2>&1");
        Assert.Equal($"{Attack.All.Sum(attack => attack.Frames(_scene).Count)} frames sent", said.Trim());
    }

    // One that is known where it is seen.
    private void Ping(LabGuest guest) => Assert.Equal(
        0, _lab.Correspondent.Run("ping", "-n", "-c", "1", "-W", "5", "-p", Convert.ToHexStringLower(End), guest.Address).ExitCode);

    private static bool IsEnd(ReadOnlyMemory<byte> frame) => frame.Span.IndexOf(End) >= 0;

    // What is for the router's link-layer address comes from the guest, whoever it says to be.
    private bool IsFromHost(ReadOnlySpan<byte> frame) =>
        frame[6..].StartsWith(_scene.Router.Mac.ToArray()) && !frame.StartsWith(_scene.Router.Mac.ToArray());

    private List<string> Bindings() =>
    [
        .. from guest in (LabGuest[])[_guest, _other]
           let status = Host.Status(guest.Name)
           select $"{status.GetProperty("home_address")} at {status.GetProperty("care_of_address")} is {status.GetProperty("binding")}",
        // The last line of a home address counts; a refresh has another time.
        .. _lab.Home.Shell("cat /var/lib/kagemusha/home-agent.journal").Split('\n')
            .Where(line => line.Has("_address"))
            .Select(line => JsonDocument.Parse(line).RootElement)
            .GroupBy(line => line.GetProperty("home_address").GetString(), line => line.GetProperty("care_of_address").GetString())
            .Select(lines => $"{lines.Key} is bound to {lines.Last()}"),
    ];
}
