using System.Text.Json;

namespace Kagemusha.HomeAgentDaemon.Tests.Kernel;

/// <summary>
/// tests/lab/scapy-home-agent, with which the demo runs, is as particular as other home agents are: it would prove little if it were not.
/// </summary>
[Trait("Needs", "kernel")]
public sealed class ScapyHomeAgentTests
{
    private const string Home = "2001:db8:1::a";
    private const string OtherHome = "2001:db8:1::b";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_tunnels_both_ways_and_takes_packets_from_the_current_care_of_address_only(bool isSeparate)
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate);
        await ServeAsync(network);
        foreach (var address in new[] { Home, OtherHome })
        {
            await network.RunAsync("away", "ip", "address", "add", $"{address}/128", "dev", "lo");
        }

        await network.RunAsync("link", "ip", "neigh", "replace", Home, "lladdr", "02:00:00:00:00:0a", "dev", "br0", "nud", "stale");
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        var answer = await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100);
        Assert.Equal(new(0, 1, 100, HomeNetwork.CareOfAddress, 2, Home, true), answer.Acknowledgement);
        Assert.Equal(0, answer.ParameterProblems);
        Assert.True(answer.Seconds >= 1, $"acknowledged after {answer.Seconds} s, before duplicate address detection was over");
        Assert.True(await network.CanPingAsync("core", Home), "from outside");
        Assert.True(await network.CanPingAsync("link", Home), "from the home link, which has heard its advertisement");
        Assert.False(await network.CanPingAsync("away", HomeNetwork.Correspondent, OtherHome), "from an address that is not bound");
        var tunnel = Assert.Single(await TunnelsAsync(network));
        Assert.Equal(64, tunnel.GetProperty("linkinfo").GetProperty("info_data").GetProperty("ttl").GetInt32());

        // Alone in its tunnel, then beside another one.
        foreach (var sequence in new[] { 2, 4 })
        {
            answer = await node.UpdateAsync(Home, HomeNetwork.OtherCareOfAddress, sequence, 100);
            Assert.Equal(new(0, sequence, 100, HomeNetwork.OtherCareOfAddress, 2, Home, true), answer.Acknowledgement);
            Assert.True(answer.Seconds < 1, $"the move took {answer.Seconds} s");
            Assert.False(await network.CanPingAsync("core", Home), "by the old care-of address");
            await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, sequence + 1, 100);
            Assert.True(await network.CanPingAsync("core", Home), "by the new care-of address");
            await node.UpdateAsync(OtherHome, HomeNetwork.CareOfAddress, sequence, 100);
            Assert.True(await network.CanPingAsync("core", OtherHome), "the other one");
        }

        Assert.Equal(0, (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 6, 0)).Acknowledgement?.Status);
        Assert.Equal(0, (await node.UpdateAsync(OtherHome, HomeNetwork.CareOfAddress, 6, 0)).Acknowledgement?.Status);
        await AssertNothingIsLeftAsync(network);
    }

    [Fact]
    public async Task It_is_silent_while_it_looks_for_duplicates_and_then_answers_the_first_update()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        var agent = await ServeAsync(network);
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        var repeating = await ScapyMobileNode.StartAsync(network, "away", "wan");
        var first = node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100);
        await agent.LineAsync("duplicate address detection");
        var repeated = repeating.UpdateAsync(Home, HomeNetwork.CareOfAddress, 2, 100);
        await agent.LineAsync("update 2 ignored");
        Assert.Equal(1, (await first).Acknowledgement?.Sequence);
        Assert.Equal(1, (await repeated).Acknowledgement?.Sequence);
    }

    [Fact]
    public async Task It_refuses_as_others_do()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await ServeAsync(network);
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        Assert.Equal(132, (await node.UpdateAsync("2001:db8:77::a", HomeNetwork.CareOfAddress, 1, 100)).Acknowledgement?.Status);
        Assert.Equal(133, (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 0)).Acknowledgement?.Status);
        Assert.Equal(0, (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 7, 100)).Acknowledgement?.Status);
        Assert.Equal(
            new(135, 7, 0, HomeNetwork.CareOfAddress, 2, Home, true),
            (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 7, 100)).Acknowledgement);
        Assert.Equal(139, (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 8, 100, "AHR")).Acknowledgement?.Status);
        Assert.Equal(139, (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 8, 100, "A")).Acknowledgement?.Status);

        // None of these has ended the binding. That the care-of address is the home address does.
        await network.RunAsync("link", "ip", "address", "add", $"{Home}/64", "dev", "br0", "nodad");
        var home = await ScapyMobileNode.StartAsync(network, "link", "br0");
        Assert.Equal(new(0, 8, 0, Home, null, null, true), (await home.UpdateAsync(Home, null, 8, 100)).Acknowledgement);
        await AssertNothingIsLeftAsync(network);

        Assert.Equal(134, (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 9, 100)).Acknowledgement?.Status);
    }

    [Fact]
    public async Task Without_the_R_flag_of_its_prefix_it_has_no_home_subnet()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        var agent = await network.StartScapyHomeAgentAsync();
        network.Advertise(isRouterAddress: false);
        await agent.LineAsync("a prefix without the R flag");
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        Assert.Equal(132, (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100)).Acknowledgement?.Status);
    }

    [Theory]
    [InlineData(200, 100)]
    [InlineData(600, 50)]
    public async Task A_lifetime_ends_with_the_prefix_and_one_that_is_preferred_for_less_is_status_1(int valid, int preferred)
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        var agent = await network.StartScapyHomeAgentAsync();
        network.Advertise(valid: valid, preferred: preferred);
        await agent.LineAsync("home prefix");
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        var answer = (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100)).Acknowledgement;
        Assert.Equal(1, answer?.Status);
        Assert.InRange(answer!.Lifetime, Math.Min(100, valid / 4) - 5, Math.Min(100, valid / 4));
    }

    [Fact]
    public async Task A_binding_that_is_not_refreshed_ends_and_so_do_all_with_it()
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate: false);
        var agent = await ServeAsync(network);
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 1);
        await agent.LineAsync("no binding any more");
        await AssertNothingIsLeftAsync(network);

        await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 2, 100);
        Assert.Single(await TunnelsAsync(network));
        await agent.SignalAsync("TERM");
        await agent.EndAsync();
        await AssertNothingIsLeftAsync(network);
    }

    private static async Task<Command> ServeAsync(HomeNetwork network)
    {
        var agent = await network.StartScapyHomeAgentAsync();
        network.Advertise();
        await agent.LineAsync("home prefix");
        return agent;
    }

    private static async Task<JsonElement[]> TunnelsAsync(HomeNetwork network) =>
        [.. (await network.IpAsync(network.HomeAgentBox, "-details link show type ip6tnl"))
            .Where(link => link.GetProperty("ifname").GetString()!.StartsWith("scapy", StringComparison.Ordinal))];

    private static async Task AssertNothingIsLeftAsync(HomeNetwork network)
    {
        Assert.Empty(await TunnelsAsync(network));
        Assert.Empty(await network.IpAsync(network.HomeAgentBox, "-6 neigh show proxy"));
        Assert.Equal(2, (await network.IpAsync(network.HomeAgentBox, "-6 rule show")).Length); // local and main
        Assert.DoesNotContain(
            await network.IpAsync(network.HomeAgentBox, "-6 route show"),
            route => route.GetProperty("dst").GetString() is Home or OtherHome);
    }
}
