using System.Diagnostics;
using System.Text.Json;

namespace Kagemusha.HomeAgentDaemon.Tests.Kernel;

/// <summary>A home network with a home agent, and many simulated mobile nodes away: many-mobile-nodes.py.</summary>
internal sealed class SimulatedSite : IAsyncDisposable
{
    private const int Lifetime = 150;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);

    private readonly HomeNetwork _network;
    private readonly Process _homeAgent;
    private readonly Command _nodes;
    private readonly Command _outside;
    private readonly Command _homeLink;
    private int _sequence;

    private SimulatedSite(HomeNetwork network, Process homeAgent, Command nodes, Command outside, Command homeLink) =>
        (_network, _homeAgent, _nodes, _outside, _homeLink) = (network, homeAgent, nodes, outside, homeLink);

    /// <summary>The home agent's memory in bytes.</summary>
    public long Memory
    {
        get
        {
            _homeAgent.Refresh();
            return _homeAgent.WorkingSet64;
        }
    }

    public static async Task<SimulatedSite> StartAsync()
    {
        var network = await HomeNetwork.MakeAsync(isSeparate: false);
        await network.RunAsync("core", "ip", "-6", "route", "add", "2001:db8:f4:1::/64", "via", HomeNetwork.CareOfAddress);
        var daemon = await network.StartHomeAgentAsync();
        var uplink = Assert.Single(await network.IpAsync("router", "link show dev wan")).GetProperty("address").GetString()!;
        return new(
            network,
            Process.GetProcessById(daemon.Id),
            await StartAsync(network, "away", "wan"),
            await StartAsync(network, "core", "to-router", uplink),
            await StartAsync(network, "link", "to-router", network.HomeAgentLinkLayerAddress));
    }

    /// <summary>Registers or refreshes so many nodes from the first on.</summary>
    /// <param name="first">The first node.</param>
    /// <param name="count">How many.</param>
    /// <param name="window">How many are not answered at a time.</param>
    /// <returns>Milliseconds of the home agent's processor time for each, and how many a second.</returns>
    public async Task<(double Cost, double Rate)> RegisterAsync(int first, int count, int window)
    {
        _homeAgent.Refresh();
        var before = _homeAgent.TotalProcessorTime;
        var seconds = await UpdateAsync(first, count, Lifetime, window);
        _homeAgent.Refresh();
        return ((_homeAgent.TotalProcessorTime - before).TotalMilliseconds / count, count / seconds);
    }

    /// <summary>De-registers nodes; of those that are not registered, too, the home agent says so.</summary>
    public Task EndAsync(int first, int count) => UpdateAsync(first, count, 0, count);

    /// <summary>Sends packets to the first nodes in turn: how many a second arrive at their care-of addresses.</summary>
    public async Task<double> SendAsync(bool fromHomeLink, int packets, int nodes)
    {
        var before = await ArrivedAsync();
        var seconds = (await AskAsync(fromHomeLink ? _homeLink : _outside, new { packets, nodes })).GetProperty("seconds").GetDouble();

        // On a busy machine some find a queue full: only what has arrived counts. A few others are there, too.
        var arrived = await ArrivedAsync() - before;
        Assert.InRange(arrived, packets / 2, packets * 1.05);
        return Math.Min(arrived, packets) / seconds;
    }

    public async ValueTask DisposeAsync()
    {
        _homeAgent.Dispose();
        await _network.DisposeAsync();
    }

    private static async Task<Command> StartAsync(HomeNetwork network, string box, string link, params string[] mac)
    {
        var script = network.Start(
            box, ["/usr/bin/python3", Path.Combine(AppContext.BaseDirectory, "Kernel/many-mobile-nodes.py"), link, network.HomeAgentAddress, .. mac]);
        await script.LineAsync("ready");
        return script;
    }

    private static async Task<JsonElement> AskAsync(Command script, object request)
    {
        await script.WriteLineAsync(JsonSerializer.Serialize(request));
        using var answer = JsonDocument.Parse(await script.LineAsync("seconds", Patience));
        return answer.RootElement.Clone();
    }

    private async Task<double> UpdateAsync(int first, int count, int lifetime, int window)
    {
        var answer = await AskAsync(_nodes, new { update = new[] { first, count }, sequence = ++_sequence, lifetime, window });
        Assert.True(lifetime == 0 || answer.GetProperty("refused").GetInt32() == 0, $"{answer}");
        return answer.GetProperty("seconds").GetDouble();
    }

    private async Task<long> ArrivedAsync() =>
        Assert.Single(await _network.IpAsync("away", "-s link show dev wan")).GetProperty("stats64").GetProperty("rx").GetProperty("packets").GetInt64();
}
