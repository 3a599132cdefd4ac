using System.Globalization;
using System.Text.Json;

namespace Kagemusha.HomeAgentDaemon.Tests.Kernel;

/// <summary>
/// A home link, the Internet and a foreign link, in namespaces:
/// <code>
///   core 2001:db8:f1::1 ------- wan 2001:db8:f1::2 router 2001:db8:1::1 lan -----+
///    | 2001:db8:f4::1                                                            |
///    |                                                  home link 2001:db8:1::/64, the bridge br0 of `link`, 2001:db8:1::9
///    +---- wan 2001:db8:f4::2, ::3 away                                          |
///                                                       ha 2001:db8:1::2 lan ----+   if it is a box of its own
/// </code>
/// The home agent runs in `router`, or in `ha`. `away` has the guests' addresses and the host's end of the tunnel.
/// </summary>
internal sealed class HomeNetwork : IAsyncDisposable
{
    public const string CareOfAddress = "2001:db8:f4::2";
    public const string OtherCareOfAddress = "2001:db8:f4::3";
    public const string Neighbour = "2001:db8:1::9";
    public const string Correspondent = "2001:db8:f4::1";

    private static readonly string Program = Path.Combine(RepositoryRoot(), "artifacts/publish/kagemusha-ha");
    private static readonly string ScapyProgram = Path.Combine(RepositoryRoot(), "tests/lab/scapy-home-agent");

    private static int Made;

    private readonly int _number = Interlocked.Increment(ref Made);
    private readonly string _directory = Directory.CreateTempSubdirectory("kagemusha-ha-").FullName;
    private readonly List<string> _namespaces = [];
    private readonly List<IDisposable> _commands = [];

    private HomeNetwork(bool isSeparate) => IsSeparate = isSeparate;

    public bool IsSeparate { get; }

    public string HomeAgentAddress => IsSeparate ? "2001:db8:1::2" : "2001:db8:1::1";

    public string HomeAgentBox => IsSeparate ? "ha" : "router";

    public string HomeAgentLinkLayerAddress => IsSeparate ? "02:00:00:00:00:02" : "02:00:00:00:00:01";

    /// <summary>The home agent's binding cache on disk.</summary>
    public string Journal => Path.Combine(_directory, "var/lib/home-agent.journal");

    /// <summary>Makes it.</summary>
    public static async Task<HomeNetwork> MakeAsync(bool isSeparate)
    {
        var network = new HomeNetwork(isSeparate);
        try
        {
            await network.MakeAsync();
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a program in a box to its end.</summary>
    public Task<string> RunAsync(string box, params IEnumerable<string> command) =>
        Command.RunAsync("ip", ["netns", "exec", Name(box), .. command]);

    /// <summary>Starts a program in a box; it ends with the network at the latest.</summary>
    public Command Start(string box, params IEnumerable<string> command)
    {
        var started = Command.Start("ip", ["netns", "exec", Name(box), .. command]);
        _commands.Add(started);
        return started;
    }

    /// <summary>Starts the home agent, with directories of its own in the places that it knows, and waits until it serves.</summary>
    public async Task<Command> StartHomeAgentAsync()
    {
        var daemon = LaunchHomeAgent("home_link = \"lan\"\nmax_lifetime_s = 600\n");
        await daemon.LineAsync("serving");
        return daemon;
    }

    /// <summary>Starts the home agent with a configuration.</summary>
    /// <param name="configuration">What is in its file.</param>
    /// <param name="command">What runs it.</param>
    public Command LaunchHomeAgent(string configuration, params string[] command)
    {
        Assert.True(File.Exists(Program), $"{Program} is not there: run scripts/build first");
        var places = new[] { "etc", "run", "var/lib", "var/log" };
        var mounts = string.Concat(places.Select(
            place => $"mkdir -p /{place}/kagemusha; mount --bind {_directory}/{place} /{place}/kagemusha; "));
        foreach (var place in places)
        {
            Directory.CreateDirectory(Path.Combine(_directory, place));
        }

        File.WriteAllText(Path.Combine(_directory, "etc/home-agent.toml"), configuration);
        // `ip netns exec` has a mount namespace of its own.
        return Start(HomeAgentBox, ["sh", "-ec", $"{mounts} exec {string.Join(' ', command)} {Program}"]);
    }

    /// <summary>Starts the home agent that is none of ours, and waits until it serves.</summary>
    public async Task<Command> StartScapyHomeAgentAsync()
    {
        var agent = Start(HomeAgentBox, "env", "KG_HOME_LINK=lan", $"KG_HOME_AGENT={HomeAgentAddress}", "/usr/bin/python3", ScapyProgram);
        await agent.LineAsync("serving");
        return agent;
    }

    /// <summary>Has the home agent's box advertise the home prefix as a home agent does.</summary>
    /// <param name="isRouterAddress">Whether the prefix option has the R flag (RFC 6275, section 7.2).</param>
    /// <param name="valid">The prefix's valid lifetime in seconds.</param>
    /// <param name="preferred">Its preferred lifetime in seconds.</param>
    public void Advertise(bool isRouterAddress = true, int valid = 86400, int preferred = 14400)
    {
        var file = Path.Combine(_directory, "radvd.conf");
        File.WriteAllText(file, $$"""
            interface lan {
              AdvSendAdvert on;
              MinRtrAdvInterval 3;
              MaxRtrAdvInterval 4;
              AdvHomeAgentFlag on;
              prefix {{HomeAgentAddress}}/64 {
                AdvRouterAddr {{(isRouterAddress ? "on" : "off")}};
                AdvValidLifetime {{valid}};
                AdvPreferredLifetime {{preferred}};
              };
            };
            """);
        Start(HomeAgentBox, "radvd", "--nodaemon", "--logmethod", "stderr", "--config", file, "--pidfile", file + ".pid");
    }

    /// <summary>Pings once; whether an answer came within a second.</summary>
    public async Task<bool> CanPingAsync(string box, string address, string? source = null)
    {
        var ping = Start(box, ["ping", "-6", "-c", "1", "-W", "1", .. source is null ? [] : new[] { "-I", source }, address]);
        return await ping.EndAsync() == 0;
    }

    /// <summary>What `ip -json` says.</summary>
    public async Task<JsonElement[]> IpAsync(string box, string arguments) => Parse(await Command.RunAsync(
        "ip", ["-n", Name(box), "-json", .. arguments.Split(' ')]));

    /// <summary>What `tc -json` says.</summary>
    public async Task<JsonElement[]> TcAsync(string box, string arguments) => Parse(await Command.RunAsync(
        "tc", ["-n", Name(box), "-json", .. arguments.Split(' ')]));

    /// <summary>How many of something the box's kernel has counted (/proc/net/snmp6).</summary>
    public async Task<long> CounterAsync(string box, string name) => long.Parse(
        (await RunAsync(box, "cat", "/proc/net/snmp6")).Split('\n')
            .Single(line => line.StartsWith(name + " ", StringComparison.Ordinal))[name.Length..],
        CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        _commands.ForEach(command => command.Dispose());
        foreach (var box in _namespaces)
        {
            await Command.RunAsync("ip", ["netns", "delete", box]);
        }

        Directory.Delete(_directory, recursive: true);
    }

    private static JsonElement[] Parse(string json) =>
        json.Trim().Length == 0 ? [] : [.. JsonDocument.Parse(json).RootElement.EnumerateArray()];

    private static string RepositoryRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Kagemusha.sln")))
        {
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("not in the repository");
        }

        return directory;
    }

    private string Name(string box) => string.Create(CultureInfo.InvariantCulture, $"kgtest{Environment.ProcessId}-{_number}-{box}");

    private async Task MakeAsync()
    {
        await AddBoxAsync("core", forwards: true);
        await AddBoxAsync("router", forwards: true);
        await AddBoxAsync("away", forwards: false);
        await AddBoxAsync("link", forwards: false);
        await BatchAsync("link", """
            link add br0 type bridge forward_delay 0 mcast_snooping 0
            link set br0 address 02:00:00:00:00:09 up
            address add 2001:db8:1::9/64 dev br0
            route add default via 2001:db8:1::1
            """);
        await ConnectAsync("core", "to-router", "router", "wan");
        await ConnectAsync("core", "to-away", "away", "wan");
        await ConnectAsync("link", "to-router", "router", "lan");
        await BatchAsync("core", """
            address add 2001:db8:f1::1/64 dev to-router
            address add 2001:db8:f4::1/64 dev to-away
            route add 2001:db8:1::/64 via 2001:db8:f1::2
            """);
        await BatchAsync("router", """
            address add 2001:db8:f1::2/64 dev wan
            address add 2001:db8:1::1/64 dev lan
            route add default via 2001:db8:f1::1
            """);
        await BatchAsync("link", "link set to-router master br0");
        await Command.RunAsync("ip", ["-n", Name("router"), "link", "set", "lan", "address", "02:00:00:00:00:01"]);
        if (IsSeparate)
        {
            await AddBoxAsync("ha", forwards: false);
            await ConnectAsync("link", "to-ha", "ha", "lan");
            await BatchAsync("link", "link set to-ha master br0");
            await BatchAsync("ha", """
                link set lan address 02:00:00:00:00:02
                address add 2001:db8:1::2/64 dev lan
                route add default via 2001:db8:1::1
                """);
        }

        await BatchAsync("away", $"""
            address add {CareOfAddress}/64 dev wan
            address add {OtherCareOfAddress}/64 dev wan
            route add default via 2001:db8:f4::1
            link add tunnel type ip6tnl mode ip6ip6 local {CareOfAddress} remote {HomeAgentAddress} encaplimit none
            link set tunnel up
            link add other type ip6tnl mode ip6ip6 local {OtherCareOfAddress} remote {HomeAgentAddress} encaplimit none
            link set other up
            rule add from 2001:db8:1::/64 table 100
            route add default dev tunnel table 100
            """);
    }

    private async Task AddBoxAsync(string box, bool forwards)
    {
        await Command.RunAsync("ip", ["netns", "add", Name(box)]);
        _namespaces.Add(Name(box));
        await RunAsync(box, "sysctl", "-qw", $"net.ipv6.conf.all.forwarding={(forwards ? 1 : 0)}", "net.ipv6.conf.default.accept_dad=0");
        await Command.RunAsync("ip", ["-n", Name(box), "link", "set", "lo", "up"]);
    }

    private async Task ConnectAsync(string box, string link, string otherBox, string otherLink)
    {
        await BatchAsync(box, $"link add {link} type veth peer name {otherLink} netns {Name(otherBox)}\nlink set {link} up");
        await BatchAsync(otherBox, $"link set {otherLink} up");
    }

    private Task<string> BatchAsync(string box, string lines) =>
        Command.RunAsync("ip", ["-6", "-n", Name(box), "-batch", "-"], lines + "\n");
}
