using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

[Trait("Needs", "kernel")]
public sealed class KernelMonitorTests : IDisposable
{
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private readonly NetworkNamespace _host = new();

    public void Dispose()
    {
        _host.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task Links_and_addresses_are_heard_of_when_they_come_change_and_go()
    {
        using var monitor = _host.Run(() => new KernelMonitor());
        await using var events = monitor.ReadAsync(_deadline.Token).GetAsyncEnumerator(_deadline.Token);
        var address = Ipv6Address.Parse("2001:db8::1");
        var next = events.MoveNextAsync();

        _host.Ip("link add tap0 type dummy");
        Assert.True(await next);
        var made = Assert.IsType<KernelEvent.LinkChanged>(events.Current).Link;
        Assert.Equal(("tap0", "dummy", false), (made.Name, made.Kind, made.IsUp));

        _host.Ip("link set tap0 up");
        await Until<KernelEvent.LinkChanged>(changed => changed.Link.IsUp);
        _host.Ip($"address add {address}/64 dev tap0 nodad");
        await Until<KernelEvent.AddressChanged>(changed => changed.Address == new InterfaceAddress(made.Index, address, 64, IsUsable: true));
        _host.Ip($"address delete {address}/64 dev tap0");
        await Until<KernelEvent.AddressRemoved>(removed => removed.Address.Address == address);
        _host.Ip("link delete tap0");
        await Until<KernelEvent.LinkRemoved>(removed => removed.Link.Index == made.Index);

        async Task Until<T>(Func<T, bool> wanted)
            where T : KernelEvent
        {
            do
            {
                Assert.True(await events.MoveNextAsync());
            }
            while (events.Current is not T happened || !wanted(happened));
        }
    }

    [Fact]
    public async Task What_others_do_to_routes_and_filters_is_heard_of_and_not_what_one_does_oneself()
    {
        using var own = _host.Run(() => new Kernel());
        using var monitor = _host.Run(() => new KernelMonitor(own));
        await using var events = monitor.ReadAsync(_deadline.Token).GetAsyncEnumerator(_deadline.Token);
        KernelState wanted =
        [
            new Ip6Tunnel("kgt0", Ipv6Address.Parse("2001:db8:f4::2"), Ipv6Address.Parse("2001:db8:f5::1")),
            new Filter("kgt0", FilterHook.Ingress, 1, new AnyMatch(), FilterAction.Drop),
            new Route(Ipv6Prefix.Parse("2001:db8:1::10/128")) { Link = "kgt0" },
        ];
        _host.Run(() => own.Apply(wanted, TestHost.Scope));

        // All that was heard of before this one would be of one's own doing.
        _host.Ip("link add end type dummy");
        var heard = new List<KernelEvent>();
        do
        {
            Assert.True(await events.MoveNextAsync());
            heard.Add(events.Current);
        }
        while (events.Current is not KernelEvent.LinkChanged { Link.Name: "end" });
        Assert.Empty(heard.OfType<KernelEvent.Altered>());

        foreach (var line in new[] { "ip -6 route delete 2001:db8:1::10/128 dev kgt0", "tc filter delete dev kgt0 ingress", "tc qdisc delete dev kgt0 clsact" })
        {
            _host.Execute(line);
            do
            {
                Assert.True(await events.MoveNextAsync());
            }
            while (events.Current is not KernelEvent.Altered);
        }
    }

    [Fact]
    public async Task An_address_that_fails_duplicate_address_detection_is_never_usable()
    {
        using var other = new NetworkNamespace();
        _host.Ip($"link add end type veth peer name end netns {other.Name}");
        other.Ip("link set end up");
        _host.Ip("link set end up");
        other.Ip("address add 2001:db8::1/64 dev end nodad");
        using var monitor = _host.Run(() => new KernelMonitor());
        _host.Ip("address add 2001:db8::1/64 dev end");
        _host.Ip("address add 2001:db8::2/64 dev end");
        await foreach (var happened in monitor.ReadAsync(_deadline.Token))
        {
            if (happened is KernelEvent.AddressChanged { Address: { IsUsable: true, Address: var usable } } && !usable.IsLinkLocal)
            {
                Assert.Equal(Ipv6Address.Parse("2001:db8::2"), usable);
                break;
            }
        }
    }

    [Fact]
    public async Task A_bridge_that_loses_a_port_is_not_a_link_that_has_gone()
    {
        _host.Ip("link add br0 type bridge");
        _host.Ip("link add tap0 type dummy");
        _host.Ip("link set tap0 master br0");
        using var monitor = _host.Run(() => new KernelMonitor());
        _host.Ip("link set tap0 nomaster");
        _host.Ip("link set tap0 mtu 1400");
        await foreach (var happened in monitor.ReadAsync(_deadline.Token))
        {
            Assert.IsNotType<KernelEvent.LinkRemoved>(happened);
            if (happened is KernelEvent.LinkChanged { Link: { Name: "tap0", Mtu: 1400 } })
            {
                break;
            }
        }
    }

    [Fact]
    public async Task Events_that_were_lost_are_told_as_such_and_more_come()
    {
        _host.Ip("link add tap0 type dummy");
        using var monitor = _host.Run(() => new KernelMonitor());
        _host.Execute("sh -c \"for i in $(seq 1400 1 1499); do for j in 1 2 3 4 5; do echo link set tap0 mtu $i; echo link set tap0 mtu 1500; done; done | ip -batch -\"");
        await using var events = monitor.ReadAsync(_deadline.Token).GetAsyncEnumerator(_deadline.Token);
        do
        {
            Assert.True(await events.MoveNextAsync());
        }
        while (events.Current is not KernelEvent.Resynchronize);

        _host.Ip("link set tap0 mtu 1300");
        do
        {
            Assert.True(await events.MoveNextAsync());
        }
        while (events.Current is not KernelEvent.LinkChanged { Link.Mtu: 1300 });
    }

    [Fact]
    public async Task Waiting_ends_when_the_monitor_is_closed()
    {
        var monitor = _host.Run(() => new KernelMonitor());
        await using var events = monitor.ReadAsync(_deadline.Token).GetAsyncEnumerator(_deadline.Token);
        var next = events.MoveNextAsync().AsTask();
        monitor.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => next);
    }
}
