using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using LibvirtSharp;

namespace Kagemusha.Agent.Tests;

/// <summary>The parts of an agent that speak with libvirt, which is its test driver, on a host in a network namespace of its own.</summary>
internal sealed class LibvirtHost : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly Underlay _underlay;
    private readonly Hypervisor _hypervisor;
    private readonly PeerChannel _channel = new(
        new() { Authority = "/nowhere" }, _ => null, (_, _) => throw new InvalidOperationException("nobody calls here"), TestLog.Log);

    private LibvirtHost(string uri, Guid uuid, AgentLoop loop)
    {
        Uuid = uuid;
        _hypervisor = new(uri, loop, TestLog.Log);
        _underlay = new(Guests.Configuration, _kernel, TestLog.Log, _ => { }, _ => { }, _ => { }, _ => { });
        var kernel = new HostKernel(_kernel, Guests.Configuration, TestLog.Log);
        var registrar = new Registrar(
            Table,
            _ => Assert.Fail("sent"),
            (_, _) => throw new PeerException("nobody is asked here"),
            _ => Assert.Fail("saved"),
            kernel.PortsOf,
            TestLog.Log,
            _ => { },
            (_, _, _, _) => { });
        var learning = new AddressLearning(Guests.Configuration, Table, kernel, registrar, TestLog.Log);
        var lifecycle = new GuestLifecycle(Guests.Configuration, Table, kernel, _underlay, registrar, new(Table, kernel, _channel, null!, new(), _ => Task.FromResult(true), null!, TestLog.Log), new(Table, kernel, _channel, new(_channel, null!, TestLog.Log), null!, new(), TestLog.Log), new(TestLog.Log.Warn), _channel, new(), learning, TestLog.Log);
        var attachments = Attachments = new(_kernel, _underlay, _ => Task.FromResult<string?>(null));
        Status = new(_hypervisor, Table, new Dictionary<Guid, string>());
        var discoveries = new HomeAgentDiscoveries(Table, _underlay.Resolve, _underlay.Send, registrar.Find, TestLog.Log);
        Examination = new(Guests.Configuration with { Peer = new() { Authority = "/nowhere" } }, _hypervisor, _kernel, kernel, Table, new Dictionary<Guid, string> { [Guid.Empty] = "its bridge is another's" }, _underlay, discoveries, _channel, new(kernel, TestLog.Log));
        CareOfAddresses = new(Table, _underlay, lifecycle, registrar, TestLog.Log);
        var gate = new DomainGate();
        Adoption = new(_hypervisor, Table, lifecycle, attachments, new(_kernel, Table, lifecycle, attachments, registrar, TestLog.Log), TestLog.Log);
        Recovery = new(_hypervisor, kernel, Table, Adoption, lifecycle, registrar, new(kernel, TestLog.Log), gate, TestLog.Log);
        ColdDefinition = new(_hypervisor, _kernel, attachments, gate, TestLog.Log);
        Enrolment = new(_hypervisor, _kernel, Table, lifecycle, attachments, learning, discoveries, _channel, gate, TestLog.Log);
    }

    public Guid Uuid { get; }

    public GuestTable Table { get; } = new();

    public Adoption Adoption { get; }

    public Recovery Recovery { get; }

    public Enrolment Enrolment { get; }

    public Attachments Attachments { get; }

    public CareOfAddresses CareOfAddresses { get; }

    public ColdDefinition ColdDefinition { get; }

    public StatusReport Status { get; }

    public Examination Examination { get; }

    /// <summary>Runs a test on such a host's loop.</summary>
    /// <param name="uuid">The domain that it is about.</param>
    /// <param name="domains">The domains' XML; all of them run.</param>
    /// <param name="main">The test.</param>
    /// <param name="prepare">Makes the host's links.</param>
    public static async Task RunAsync(Guid uuid, IEnumerable<string> domains, Func<LibvirtHost, Task> main, Action<NetworkNamespace>? prepare = null)
    {
        using var space = new NetworkNamespace();
        using var directory = new TemporaryDirectory();
        prepare?.Invoke(space);
        var node = directory.File("node.xml");
        await File.WriteAllTextAsync(node, $"<node>{string.Concat(domains)}</node>", TestContext.Current.CancellationToken);
        await Task.Factory.StartNew(
            () => space.Run(() =>
            {
                var loop = new AgentLoop();
                loop.Run(async () =>
                {
                    using var host = new LibvirtHost($"test://{node}", uuid, loop);
                    await host.RunAsync(main);
                });
            }),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    public Task<bool> Domain(Action<LibvirtDomain> action, Guid? uuid = null) => _hypervisor.AskAsync(connection =>
    {
        using var domain = connection.FindByUuid(uuid ?? Uuid)!;
        action(domain);
        return true;
    });

    public void DomainAtOnce(Action<LibvirtDomain> action) => Domain(action).GetAwaiter().GetResult();

    /// <summary>A domain's XML as libvirt has it, live.</summary>
    public async Task<DomainXml> XmlAsync()
    {
        var xml = "";
        await Domain(domain => xml = domain.GetXml());
        return DomainXml.Parse(xml);
    }

    private async Task RunAsync(Func<LibvirtHost, Task> main)
    {
        using var stop = new CancellationTokenSource();
        var connected = new TaskCompletionSource();
        var running = _hypervisor.RunAsync(
            () =>
            {
                connected.TrySetResult();
                return Task.CompletedTask;
            },
            (_, _) => { },
            _ => { },
            stop.Token);
        await connected.Task;
        await main(this);
        await stop.CancelAsync();
        await running;
    }

    public void Dispose()
    {
        _channel.Dispose();
        _underlay.Dispose();
        _kernel.Dispose();
    }
}
