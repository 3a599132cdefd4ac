using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Kagemusha.HomeAgentDaemon.Tests.Kernel;

/// <summary>The published program, on a real kernel, against scapy's mobile node and iproute2's tunnel.</summary>
[Trait("Needs", "kernel")]
public sealed partial class DaemonTests
{
    private const string Home = "2001:db8:1::a";
    private const string OtherHome = "2001:db8:1::b";
    private const string Spoofed = "2001:db8:1::bad";

    private static readonly string[] Nobody = ["setpriv", "--reuid", "65534", "--clear-groups"];

    [GeneratedRegex(@"(\d+) packets transmitted")]
    private static partial Regex Transmitted { get; }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_registration_is_a_tunnel_both_ways_until_it_ends(bool isSeparate)
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate);
        await GuestsAreAwayAsync(network);
        await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");

        // A neighbour that knows the guest at home believes the overriding advertisement.
        await network.RunAsync("link", "ip", "neigh", "replace", Home, "lladdr", "02:00:00:00:00:0a", "dev", "br0", "nud", "stale");
        var answer = await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100);
        Assert.Equal(new(0, 1, 100, HomeNetwork.CareOfAddress, 2, Home, true), answer.Acknowledgement);
        Assert.Equal(0, answer.ParameterProblems);
        Assert.True(answer.Seconds >= 1, $"acknowledged after {answer.Seconds} s, before duplicate address detection was over");
        var neighbour = Assert.Single(await network.IpAsync("link", $"neigh show {Home} dev br0"));
        Assert.Equal(network.HomeAgentLinkLayerAddress, neighbour.GetProperty("lladdr").GetString());

        Assert.True(await network.CanPingAsync("core", Home), "from outside");
        Assert.True(await network.CanPingAsync("link", Home), "from the home link");
        // Nobody has asked for this address before: the kernel's proxy answers.
        await network.RunAsync("link", "ip", "neigh", "flush", "dev", "br0");
        Assert.True(await network.CanPingAsync("link", Home), "from the home link, by solicitation");

        var dropped = await DroppedAsync(network);
        var echoes = await network.CounterAsync("core", "Icmp6InEchos");
        Assert.False(await network.CanPingAsync("away", HomeNetwork.Correspondent, Spoofed));
        Assert.False(await network.CanPingAsync("away", HomeNetwork.Neighbour, Spoofed));
        Assert.Equal(echoes, await network.CounterAsync("core", "Icmp6InEchos"));
        // These two, and what the kernel away has to say by itself, such as router solicitations.
        Assert.InRange(await DroppedAsync(network) - dropped, 2, 5);
        Assert.True(await network.CanPingAsync("away", HomeNetwork.Correspondent, Home), "to outside");

        answer = await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 2, 0);
        Assert.Equal(new(0, 2, 0, HomeNetwork.CareOfAddress, 2, Home, true), answer.Acknowledgement);
        Assert.False(await network.CanPingAsync("core", Home));
        await AssertNothingIsLeftAsync(network);
    }

    // RFC 6275, sections 10.4.1 and 10.4.2.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_link_local_address_is_answered_for_who_sends_there_is_told_and_no_answer_makes_a_router_of_the_guest(bool isSeparate)
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate);
        await GuestsAreAwayAsync(network);
        await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        Assert.Equal(0, (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100, "AHL")).Acknowledgement?.Status);
        await network.RunAsync("link", "ip", "neigh", "flush", "dev", "br0");

        // Some kernels say so at once, others when they have asked three times on the link who else it could be.
        var told = await network.CounterAsync("link", "Icmp6InDestUnreachs");
        Assert.False(await network.CanPingAsync("link", "fe80::a", "br0"));
        var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(20);
        while (await network.CounterAsync("link", "Icmp6InDestUnreachs") == told)
        {
            Assert.True(DateTime.UtcNow < deadline, "nobody was told");
        }

        Assert.True(await network.CanPingAsync("link", Home));
        Assert.True(await network.CanPingAsync("link", network.HomeAgentAddress));
        Assert.Equal((network.HomeAgentLinkLayerAddress, false), await NeighbourAsync(network, "fe80::a"));
        Assert.Equal((network.HomeAgentLinkLayerAddress, false), await NeighbourAsync(network, Home));
        Assert.Equal((network.HomeAgentLinkLayerAddress, true), await NeighbourAsync(network, network.HomeAgentAddress));

        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 2, 0, "AHL");
        await AssertNothingIsLeftAsync(network);
    }

    [Fact]
    public async Task A_move_turns_the_packets_at_once_and_tunnels_are_shared()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await GuestsAreAwayAsync(network);
        var daemon = await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100);
        await node.UpdateAsync(OtherHome, HomeNetwork.CareOfAddress, 1, 100);
        Assert.Single(await TunnelsAsync(network));

        var answer = await node.UpdateAsync(Home, HomeNetwork.OtherCareOfAddress, 2, 100);
        Assert.Equal(new(0, 2, 100, HomeNetwork.OtherCareOfAddress, 2, Home, true), answer.Acknowledgement);
        await daemon.LineAsync($"{Home}: moved; now at {HomeNetwork.OtherCareOfAddress}");
        Assert.Equal(2, (await TunnelsAsync(network)).Length);

        // What still comes from the old care-of address is no longer the guest's (RFC 6275, section 10.4.5).
        Assert.True(await network.CanPingAsync("core", OtherHome), "the one that stays");
        Assert.False(await network.CanPingAsync("core", Home));
        await network.RunAsync("away", "ip", "-6", "route", "add", "default", "from", Home, "dev", "other", "table", "99");
        await network.RunAsync("away", "ip", "-6", "rule", "add", "from", Home, "table", "99", "pref", "99");
        Assert.True(await network.CanPingAsync("core", Home), "the one that has moved");

        await node.UpdateAsync(OtherHome, HomeNetwork.CareOfAddress, 2, 0);
        await AssertTunnelsAsync(network, 1);
        Assert.True(await network.CanPingAsync("core", Home), "after the other one has gone");
    }

    [Fact]
    public async Task A_move_loses_nothing_on_the_way_to_the_guest()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await GuestsAreAwayAsync(network);
        await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100);

        // Answers end with the first move, since `away` goes on sending them by the old tunnel: what arrives counts.
        var before = await network.CounterAsync("away", "Icmp6InEchos");
        var ping = network.Start("core", "ping", "-6", "-i", "0.005", Home);
        await ping.LineAsync("icmp_seq=20 ");
        for (var sequence = 2; sequence < 8; sequence++)
        {
            var careOfAddress = sequence % 2 == 0 ? HomeNetwork.OtherCareOfAddress : HomeNetwork.CareOfAddress;
            var answer = await node.UpdateAsync(Home, careOfAddress, sequence, 100);
            Assert.Equal(new(0, sequence, 100, careOfAddress, 2, Home, true), answer.Acknowledgement);
        }

        await ping.SignalAsync("INT");
        await ping.EndAsync();
        var sent = int.Parse(Transmitted.Match(ping.Output).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.Equal(sent, await network.CounterAsync("away", "Icmp6InEchos") - before);
        await AssertTunnelsAsync(network, 1);
    }

    [Fact]
    public async Task What_somebody_else_takes_away_comes_back()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await GuestsAreAwayAsync(network);
        var daemon = await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100);
        Assert.True(await network.CanPingAsync("core", Home));

        await network.RunAsync("router", "ip", "-6", "route", "delete", $"{Home}/128");
        await daemon.LineAsync("all is as it should be again");
        Assert.True(await network.CanPingAsync("core", Home), "without the route");
        var tunnel = Assert.Single(await TunnelsAsync(network)).GetProperty("ifname").GetString()!;
        await network.RunAsync("router", "ip", "link", "delete", tunnel);
        await daemon.LineAsync("all is as it should be again");
        Assert.True(await network.CanPingAsync("core", Home), "without the tunnel");
    }

    [Theory]
    [InlineData("KILL")]
    [InlineData("TERM")]
    public async Task A_restart_loses_nothing(string signal)
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await GuestsAreAwayAsync(network);
        var daemon = await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 7, 100);
        var tunnel = Assert.Single(await TunnelsAsync(network)).GetProperty("ifindex").GetInt32();

        // The last answer comes long after the restart.
        var ping = network.Start("core", "ping", "-6", "-i", "0.02", "-c", "150", Home);
        await ping.LineAsync("icmp_seq=10 ");
        await daemon.SignalAsync(signal);
        Assert.Equal(signal == "TERM" ? 0 : 137, await daemon.EndAsync());
        var next = await network.StartHomeAgentAsync();
        Assert.Contains("1 bindings taken over", next.Output, StringComparison.Ordinal);
        await ping.EndAsync();
        Assert.Contains("150 packets transmitted, 150 received", ping.Output, StringComparison.Ordinal);
        Assert.Equal(tunnel, Assert.Single(await TunnelsAsync(network)).GetProperty("ifindex").GetInt32());

        var answer = await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 7, 100);
        Assert.Equal(new(135, 7, 0, HomeNetwork.CareOfAddress, 2, Home, true), answer.Acknowledgement);
        answer = await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 8, 0);
        Assert.Equal(new(0, 8, 0, HomeNetwork.CareOfAddress, 2, Home, true), answer.Acknowledgement);
        await AssertNothingIsLeftAsync(network);
    }

    [Theory]
    [InlineData("truncate -s -5 '{0}'", "its last line is cut short; 1 bindings were read of it; going on with 2 bindings, 1 of them")]
    [InlineData("truncate -s 0 '{0}'", "it is empty; 0 bindings were read of it; going on with 2 bindings, 2 of them")]
    [InlineData("echo foreign >'{0}'", "it is no home agent's journal; 0 bindings were read of it; going on with 2 bindings, 2 of them")]
    [InlineData("rm '{0}'", "is not there; going on with 2 bindings, 2 of them")]
    public async Task What_the_journal_has_lost_goes_on_by_the_tunnels_in_the_kernel(string damage, string line)
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await GuestsAreAwayAsync(network);
        var daemon = await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        await node.UpdateAsync(OtherHome, HomeNetwork.OtherCareOfAddress, 1, 100);
        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 40000, 100);
        var tunnels = (await TunnelsAsync(network)).Select(tunnel => tunnel.GetProperty("ifindex").GetInt32()).Order().ToList();
        var ping = network.Start("core", "ping", "-6", "-i", "0.02", "-c", "150", Home);
        await ping.LineAsync("icmp_seq=10 ");
        await daemon.SignalAsync("KILL");
        await daemon.EndAsync();
        await Command.RunAsync("sh", ["-ec", string.Format(CultureInfo.InvariantCulture, damage, network.Journal)]);

        var next = await network.StartHomeAgentAsync();
        Assert.Contains(line, next.Output, StringComparison.Ordinal);
        Assert.Contains("2 bindings taken over", next.Output, StringComparison.Ordinal);
        await ping.EndAsync();
        Assert.Contains("150 packets transmitted, 150 received", ping.Output, StringComparison.Ordinal);
        Assert.Equal(tunnels, (await TunnelsAsync(network)).Select(tunnel => tunnel.GetProperty("ifindex").GetInt32()).Order());

        // Its number is not known any more: a smaller one counts too; but the binding is, and no duplicate is looked for again.
        var answer = await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 3, 100);
        Assert.Equal(new(0, 3, 100, HomeNetwork.CareOfAddress, 2, Home, true), answer.Acknowledgement);
        await next.LineAsync($"{Home}: refreshed at {HomeNetwork.CareOfAddress}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_guest_that_has_come_home_ends_the_binding_from_there(bool isSeparate)
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate);
        await network.StartHomeAgentAsync();
        var away = await ScapyMobileNode.StartAsync(network, "away", "wan");
        var home = await ScapyMobileNode.StartAsync(network, "link", "br0");
        await away.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100);
        await network.RunAsync("link", "ip", "address", "add", $"{Home}/64", "dev", "br0", "nodad");

        var answer = await home.UpdateAsync(Home, null, 1, 0);
        Assert.Equal(new(135, 1, 0, Home, null, null, true), answer.Acknowledgement);
        answer = await home.UpdateAsync(Home, null, 2, 0);
        Assert.Equal(new(0, 2, 0, Home, null, null, true), answer.Acknowledgement);
        Assert.Equal(0, answer.ParameterProblems);
        await AssertNothingIsLeftAsync(network);
        Assert.True(await network.CanPingAsync("core", Home), "at home");
    }

    [Fact]
    public async Task An_address_in_use_on_the_home_link_is_refused()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await network.RunAsync("link", "ip", "address", "add", $"{Home}/64", "dev", "br0", "nodad");
        await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        Assert.Equal(
            new(134, 1, 0, HomeNetwork.CareOfAddress, 2, Home, true),
            (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100)).Acknowledgement);
        await AssertNothingIsLeftAsync(network);
    }

    [Fact]
    public async Task A_binding_that_is_not_refreshed_expires()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        var daemon = await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 1);
        Assert.Single(await TunnelsAsync(network));
        await daemon.LineAsync("expired");
        await AssertNothingIsLeftAsync(network);
    }

    [Fact]
    public async Task A_tunnel_that_somebody_else_has_made_is_a_refusal()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        string[] theirs = ["type", "ip6tnl", "local", network.HomeAgentAddress, "remote", HomeNetwork.CareOfAddress];
        await network.RunAsync("router", ["ip", "link", "add", "theirs", .. theirs]);
        await network.StartHomeAgentAsync();
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        Assert.Equal(
            new(128, 1, 0, HomeNetwork.CareOfAddress, 2, Home, true),
            (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100)).Acknowledgement);
        Assert.Equal(
            new(0, 1, 100, HomeNetwork.OtherCareOfAddress, 2, OtherHome, true),
            (await node.UpdateAsync(OtherHome, HomeNetwork.OtherCareOfAddress, 1, 100)).Acknowledgement);
    }

    [Fact]
    public async Task What_it_cannot_serve_is_one_clear_line()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await AssertEndsAsync(network, 2, "home-agent.toml: home_link: is not set", "");
        await AssertEndsAsync(network, 2, "home-agent.toml: line 2: unknown key 'home_lnk'", "home_link = \"lan\"\nhome_lnk = \"lan\"\n");
        await AssertEndsAsync(network, 2, "takes no arguments", "home_link = \"lan\"\n", "sh", "-c", "'exec \"$0\" --verbose'");
        await AssertEndsAsync(network, 6, "needs root", "home_link = \"lan\"\n", Nobody);
        await AssertEndsAsync(network, 7, "home_link lam: there is no such interface; there are ", "home_link = \"lam\"\n");
        await AssertEndsAsync(network, 7, "home_link lo: it has no global address yet", "home_link = \"lo\"\n");
        await AssertEndsAsync(
            network,
            7,
            "address 2001:db8:1::77: it is not an address of this machine",
            "home_link = \"lan\"\naddress = \"2001:db8:1::77\"\n");
        await network.StartHomeAgentAsync();
        await AssertEndsAsync(network, 7, "another one is running", "home_link = \"lan\"\n");
    }

    [Fact]
    public async Task A_home_link_that_goes_ends_it_with_a_line()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        var daemon = await network.StartHomeAgentAsync();
        await network.RunAsync("router", "ip", "address", "delete", "2001:db8:1::1/64", "dev", "lan");
        Assert.Equal(7, await daemon.EndAsync());
        Assert.Contains("2001:db8:1::1 is no longer an address of this machine", daemon.Output, StringComparison.Ordinal);
    }

    /// <summary>Where a neighbour on the home link believes an address to be, and whether it takes it for a router's (R; RFC 4861, section 7.2.5).</summary>
    private static async Task<(string? LinkLayerAddress, bool IsRouter)> NeighbourAsync(HomeNetwork network, string address)
    {
        var neighbour = Assert.Single(await network.IpAsync("link", $"neigh show {address} dev br0"));
        return (neighbour.GetProperty("lladdr").GetString(), neighbour.TryGetProperty("router", out _));
    }

    private static async Task GuestsAreAwayAsync(HomeNetwork network)
    {
        foreach (var address in new[] { Home, OtherHome, Spoofed })
        {
            await network.RunAsync("away", "ip", "address", "add", $"{address}/128", "dev", "lo");
        }
    }

    private static async Task<JsonElement[]> TunnelsAsync(HomeNetwork network) =>
        [.. (await network.IpAsync(network.HomeAgentBox, "link show type ip6tnl"))
            .Where(link => link.GetProperty("ifname").GetString()!.StartsWith("kgt", StringComparison.Ordinal))];

    /// <summary>A tunnel that goes does so soon after the acknowledgement.</summary>
    private static async Task AssertTunnelsAsync(HomeNetwork network, int count)
    {
        var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(5);
        while ((await TunnelsAsync(network)).Length != count)
        {
            Assert.True(DateTime.UtcNow < deadline, $"there are not {count} tunnels");
        }
    }

    private static async Task<long> DroppedAsync(HomeNetwork network)
    {
        var tunnel = Assert.Single(await TunnelsAsync(network)).GetProperty("ifname").GetString();
        var drop = (await network.TcAsync(network.HomeAgentBox, $"-s filter show dev {tunnel} ingress"))
            .Single(filter => filter.GetProperty("pref").GetInt32() == 2
                && filter.TryGetProperty("options", out var options) && options.TryGetProperty("actions", out _));
        return drop.GetProperty("options").GetProperty("actions")[0].GetProperty("stats").GetProperty("packets").GetInt64();
    }

    private static async Task AssertNothingIsLeftAsync(HomeNetwork network)
    {
        await AssertTunnelsAsync(network, 0);
        Assert.Empty(await network.IpAsync(network.HomeAgentBox, "-6 neigh show proxy"));
        Assert.DoesNotContain(
            await network.IpAsync(network.HomeAgentBox, "-6 route show"),
            route => route.GetProperty("dst").GetString() is Home or OtherHome);
    }

    private static async Task AssertEndsAsync(HomeNetwork network, int exitCode, string line, string configuration, params string[] command)
    {
        var daemon = network.LaunchHomeAgent(configuration, command);
        Assert.Equal(exitCode, await daemon.EndAsync());
        Assert.Contains(line, Assert.Single(daemon.Output.Split('\n')), StringComparison.Ordinal);
    }
}
