using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>Several routers on one link, each of which answers a solicitation when and as the test says.</summary>
public sealed class RouterDiscoveryTests
{
    private const RouterAdvertisementFlags High = RouterAdvertisementFlags.HighPreference;
    private const RouterAdvertisementFlags Medium = RouterAdvertisementFlags.None;
    private const RouterAdvertisementFlags Reserved = RouterAdvertisementFlags.PreferenceSign;
    private const RouterAdvertisementFlags Agent = RouterAdvertisementFlags.HomeAgent;
    private const RouterAdvertisementFlags Low = RouterAdvertisementFlags.LowPreference;

    private static readonly PrefixInformation Prefix = new(64, PrefixFlags.OnLink, 86400, 14400, Ipv6Address.Parse("2001:db8:1::"));

    private sealed record Router(
        string Address, RouterAdvertisementFlags Flags, int Delay = 0, ushort Lifetime = 1800, bool HasPrefix = true, string? HomeAgent = null, ushort? Preference = null);

    [Fact]
    public async Task The_highest_preference_comes_first_though_it_answers_last() => await AssertFindsAsync(
        ["fe80::3", "fe80::1", "fe80::2"],
        [new("fe80::1", Medium), new("fe80::2", Low, 100), new("fe80::3", High, 500)]);

    [Fact]
    public async Task Of_equals_the_lowest_address_comes_first_and_the_reserved_value_is_medium() => await AssertFindsAsync(
        ["fe80::2", "fe80::3", "fe80::4", "fe80::1"],
        [new("fe80::1", Low), new("fe80::4", Medium), new("fe80::3", Reserved, 100), new("fe80::2", Medium, 200)]);

    [Fact]
    public async Task A_router_without_lifetime_or_prefix_is_none() => await AssertFindsAsync(
        ["fe80::3"],
        [new("fe80::1", High, Lifetime: 0), new("fe80::2", High, HasPrefix: false), new("fe80::3", Low, 300)]);

    [Fact]
    public async Task What_a_router_has_said_last_counts() => await AssertFindsAsync(
        ["fe80::2", "fe80::1"],
        [new("fe80::1", High), new("fe80::2", Medium), new("fe80::1", Low, 200), new("fe80::3", High), new("fe80::3", High, 300, Lifetime: 0)]);

    /// <summary>The home agents on a link, and in which order they are asked.</summary>
    public static TheoryData<string, string, object[]> HomeAgents => new()
    {
        { "the one with the highest preference, though it is no default router and answers last", "2001:db8:1::3 2001:db8:1::2 2001:db8:1::1",
            [
                new Router("fe80::1", Agent, HomeAgent: "2001:db8:1::1"),
                new Router("fe80::2", Agent, HomeAgent: "2001:db8:1::2", Preference: 10),
                new Router("fe80::3", Agent, 400, Lifetime: 0, HomeAgent: "2001:db8:1::3", Preference: 11),
            ] },
        { "of equals the lowest address; without a preference it is zero", "2001:db8:1::1 2001:db8:1::2",
            [new Router("fe80::2", Agent, HomeAgent: "2001:db8:1::2", Preference: 0), new Router("fe80::1", Agent, 100, HomeAgent: "2001:db8:1::1")] },
        { "none that does not give its whole address, or does not say that it is one", "",
            [new Router("fe80::1", Agent), new Router("fe80::2", Medium, HomeAgent: "2001:db8:1::2", Preference: 10)] },
    };

    [Theory]
    [MemberData(nameof(HomeAgents), DisableDiscoveryEnumeration = true)]
    public async Task The_home_agents_are_found(string which, string expected, object[] routers)
    {
        WireArray<Ipv6Address> found = [];
        await FindAsync([.. routers.Cast<Router>()], async bridge => found = await RouterDiscovery.FindHomeAgentsAsync(bridge));
        Assert.True(expected == string.Join(' ', found), which);
    }

    private static async Task AssertFindsAsync(string[] expected, Router[] routers)
    {
        AdvertisedRouter[] found = [];
        await FindAsync(routers, async bridge => found = await RouterDiscovery.FindDefaultRoutersAsync(bridge));
        Assert.Equal(expected, found.Select(router => router.Address.ToString()));
    }

    private static async Task FindAsync(Router[] routers, Func<NetworkInterface, Task> find)
    {
        using var space = new NetworkNamespace();
        space.Ip("link add bridge type veth peer name far");
        space.Ip("link set bridge addrgenmode none");
        space.Ip("link set far addrgenmode none");
        space.Ip("link set bridge up");
        space.Ip("link set far up");
        await Task.Factory.StartNew(
            () => space.Run(() => new AgentLoop().Run(async () =>
            {
                using var kernel = new Kernel();
                var links = kernel.Interfaces();
                using var far = new PacketSocket(links.Find("far")!.Index, PacketFilter.NeighbourDiscovery);
                var answering = AnswerAsync(far, routers);
                await find(links.Find("bridge")!);
                await answering;
            })),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    private static IEnumerable<NeighbourDiscoveryOption> Options(Router router)
    {
        if (router.HasPrefix)
        {
            yield return router.HomeAgent is { } address
                ? Prefix with { Flags = PrefixFlags.OnLink | PrefixFlags.RouterAddress, Prefix = Ipv6Address.Parse(address) }
                : Prefix;
        }

        if (router.Preference is { } preference)
        {
            yield return new HomeAgentInformation(preference, 1800);
        }
    }

    private static async Task AnswerAsync(PacketSocket link, Router[] routers)
    {
        var buffer = new byte[2048];
        RouterSolicitation? asked = null;
        while (asked is null)
        {
            var frame = await link.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            Assert.True(EthernetFrame.TryParse(buffer.AsSpan(0, frame.Length), out var received, out _));
            asked = NeighbourDiscoveryPacket.TryParse(received.Payload.Span, out var packet, out _) ? packet.Message as RouterSolicitation : null;
        }

        await Task.WhenAll(routers.Select(async (router, at) =>
        {
            await Task.Delay(router.Delay);
            var advertisement = new RouterAdvertisement(64, router.Flags, router.Lifetime, 0, 0, [.. Options(router)]);
            link.Send(EthernetFrame.Around(
                new NeighbourDiscoveryPacket(Ipv6Address.Parse(router.Address), Ipv6Address.AllNodes, advertisement),
                LinkLayerAddress.Parse($"02:00:00:00:00:0{at + 1}"),
                LinkLayerAddress.ForMulticast(Ipv6Address.AllNodes)).ToArray());
        }));
    }
}
