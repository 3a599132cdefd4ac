using System.Globalization;
using System.Text.Json;

namespace Kagemusha.HomeAgentDaemon.Tests.Kernel;

/// <summary>What mobile nodes and strangers ask besides registrations, on a real kernel, by scapy: stranger.py.</summary>
[Trait("Needs", "kernel")]
public sealed class StrangerTests
{
    private const string Home = "2001:db8:1::a";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Discovery_prefixes_and_errors_are_answered_as_another_implementation_understands(bool isSeparate)
    {
        await using var network = await HomeNetwork.MakeAsync(isSeparate);
        var daemon = await network.StartHomeAgentAsync();
        Assert.Contains("home prefixes: 2001:db8:1::/64 (of this machine's address", daemon.Output, StringComparison.Ordinal);
        var away = await StartAsync(network, "away", "wan");
        var link = await StartAsync(network, "link", "br0");
        await AskAsync(network, link, "advertise", valid: 100, preferred: 50);
        await daemon.LineAsync("home prefixes: 2001:db8:1::/64 (advertised by a router)");

        Assert.Equal(
            new Answer(network.HomeAgentAddress, HomeNetwork.CareOfAddress, null, ["77", HomeNetwork.Neighbour, network.HomeAgentAddress]),
            await AskAsync(network, away, "discovery"));

        // Nobody is bound: the home address is nobody's.
        Assert.Equal(
            new Answer(network.HomeAgentAddress, HomeNetwork.CareOfAddress, null, ["1", Home]), await AskAsync(network, away, "home-address"));
        Assert.Equal(
            new Answer(network.HomeAgentAddress, HomeNetwork.CareOfAddress, null, ["2", "::"]), await AskAsync(network, away, "unknown"));
        // The length is the mobility header's second byte.
        Assert.Equal(
            new Answer(network.HomeAgentAddress, HomeNetwork.CareOfAddress, null, ["0", "41"]), await AskAsync(network, away, "short"));

        // The prefix ends before the binding would.
        var node = await ScapyMobileNode.StartAsync(network, "away", "wan");
        var acknowledgement = (await node.UpdateAsync(Home, HomeNetwork.CareOfAddress, 1, 100)).Acknowledgement;
        Assert.Equal(1, acknowledgement?.Status);
        Assert.InRange(acknowledgement!.Lifetime, 1, 24);
        Assert.Equal(
            new Answer(network.HomeAgentAddress, HomeNetwork.CareOfAddress, Home, ["78", "2001:db8:1::", "64", "1", "1", "0"]),
            await AskAsync(network, away, "solicitation"));
    }

    private static async Task<Command> StartAsync(HomeNetwork network, string box, string interfaceName)
    {
        var script = network.Start(box, "/usr/bin/python3", Path.Combine(AppContext.BaseDirectory, "Kernel/stranger.py"), interfaceName);
        await script.LineAsync("ready");
        return script;
    }

    private static async Task<Answer?> AskAsync(HomeNetwork network, Command script, string ask, int valid = 0, int preferred = 0)
    {
        await script.WriteLineAsync(JsonSerializer.Serialize(new
        {
            ask,
            agent = network.HomeAgentAddress,
            source = HomeNetwork.CareOfAddress,
            home = Home,
            valid,
            preferred,
        }));
        var answer = JsonDocument.Parse(await script.LineAsync("answer")).RootElement.GetProperty("answer");
        return answer.ValueKind == JsonValueKind.Null ? null : new(
            answer.GetProperty("source").GetString(),
            answer.GetProperty("destination").GetString(),
            answer.GetProperty("routing_address").GetString(),
            [.. answer.GetProperty("list").EnumerateArray().Select(item => Convert.ToString(item, CultureInfo.InvariantCulture))]);
    }

    /// <summary>What came back, and what it says.</summary>
    private sealed record Answer(string? Source, string? Destination, string? RoutingAddress, IReadOnlyList<string?> Says)
    {
        public bool Equals(Answer? other) => other is not null && (Source, Destination, RoutingAddress) == (other.Source, other.Destination, other.RoutingAddress)
            && Says.SequenceEqual(other.Says);

        public override int GetHashCode() => HashCode.Combine(Source, Destination, RoutingAddress);

        public override string ToString() => $"{Source} > {Destination} ({RoutingAddress}): {string.Join(' ', Says)}";
    }
}
