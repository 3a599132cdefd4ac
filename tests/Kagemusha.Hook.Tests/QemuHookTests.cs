using Kagemusha.Control;
using Kagemusha.Control.Tests;

namespace Kagemusha.Hook.Tests;

public sealed class QemuHookTests : IDisposable
{
    private static readonly string NotRunning =
        $"kagemushad is not running on {Environment.MachineName}; start it there with 'systemctl start kagemushad'";

    private readonly HookHost _host = new();
    private readonly List<ControlRequest> _asked = [];

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("migrate", "begin")]
    [InlineData("prepare", "begin")]
    [InlineData("start", "begin")]
    [InlineData("started", "begin")]
    [InlineData("stopped", "end")]
    [InlineData("release", "end")]
    [InlineData("reconnect", "begin")]
    public async Task A_vm_that_is_not_ours_leaves_no_trace(string operation, string subOperation)
    {
        await using var agent = Agent(new HookReply(Error: "not asked"));

        var end = await _host.RunAsync(Domains.Xml(metadata: ""), "qemu", "vm", operation, subOperation, "-");

        Assert.Equal((0, "", ""), (end.ExitCode, end.Output, end.Error));
        Assert.Empty(_asked);
        Assert.False(File.Exists(_host.Log("vm")));
    }

    [Fact]
    public async Task A_vm_that_only_mentions_us_is_not_ours()
    {
        await using var agent = Agent(new HookReply(Error: "not asked"));
        var xml = Domains.Xml(metadata: "").Replace("a &gt; b", MobilityProfile.Namespace, StringComparison.Ordinal);

        var end = await _host.RunAsync(xml, "qemu", "vm", "migrate", "begin", "-");

        Assert.Equal((0, "", ""), (end.ExitCode, end.Output, end.Error));
        Assert.Empty(_asked);
    }

    [Theory]
    [InlineData("vm")]
    [InlineData("-vm1")]
    [InlineData("--help")]
    [InlineData("a b'c\"${shortdate} 影")]
    public async Task The_agent_is_asked_with_all_that_libvirt_says(string name)
    {
        await using var agent = Agent(new HookReply());

        var end = await _host.RunAsync(Domains.Xml(), "qemu", name, "release", "end", "migrated");

        Assert.Equal((0, "", ""), (end.ExitCode, end.Output, end.Error));
        Assert.Equal([new HookCall(name, "release", "end", "migrated", Domains.Xml())], _asked);
    }

    [Fact]
    public async Task Changed_xml_is_printed_and_nothing_besides()
    {
        var changed = Domains.Xml(name: "影武者");
        await using var agent = Agent(new HookReply(Xml: changed));

        var end = await _host.RunAsync(Domains.Xml(), "qemu", "vm", "migrate", "begin", "-");

        Assert.Equal((0, changed, ""), (end.ExitCode, end.Output, end.Error));
    }

    [Theory]
    [InlineData("migrate", "begin", 1)]
    [InlineData("prepare", "begin", 1)]
    [InlineData("start", "begin", 1)]
    [InlineData("started", "begin", 1)]
    [InlineData("stopped", "end", 0)]
    [InlineData("release", "end", 0)]
    [InlineData("reconnect", "begin", 0)]
    public async Task The_agent_s_refusal_counts_where_one_is_allowed(string operation, string subOperation, int exitCode)
    {
        await using var agent = Agent(new HookReply(Error: "no route to the\nhome agent"));

        var end = await _host.RunAsync(Domains.Xml(), "qemu", "vm", operation, subOperation, "-");

        Assert.Equal(exitCode, end.ExitCode);
        Assert.Equal("", end.Output);
        Assert.Equal(exitCode == 0 ? "" : "kagemusha-hook: no route to the home agent\n", end.Error);
    }

    [Theory]
    [InlineData("migrate", "begin", false, 1)]
    [InlineData("prepare", "begin", false, 0)]
    [InlineData("start", "begin", false, 0)]
    [InlineData("started", "begin", false, 0)]
    [InlineData("prepare", "begin", true, 1)]
    [InlineData("start", "begin", true, 1)]
    [InlineData("started", "begin", true, 1)]
    [InlineData("stopped", "end", true, 0)]
    [InlineData("release", "end", true, 0)]
    [InlineData("reconnect", "begin", true, 0)]
    public async Task With_the_agent_dead_only_a_migration_is_refused(string operation, string subOperation, bool incoming, int exitCode)
    {
        if (incoming)
        {
            _host.MarkIncoming();
        }

        var end = await _host.RunAsync(Domains.Xml(), "qemu", "-vm1", operation, subOperation, "-");

        Assert.Equal(exitCode, end.ExitCode);
        Assert.Equal("", end.Output);
        Assert.Equal(exitCode == 0 ? "" : $"kagemusha-hook: {NotRunning}\n", end.Error);
        var outcome = exitCode == 0 ? "went on" : "refused";
        Assert.Matches(
            @"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000: kagemusha-hook: "
                + $@"-vm1 {operation} {subOperation} -: {outcome}: {NotRunning} \(\d+ ms\)\n$",
            await File.ReadAllTextAsync(_host.Log("-vm1"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_line_is_added_to_what_the_log_has()
    {
        const string name = "${shortdate} {0} 影";
        await File.WriteAllTextAsync(_host.Log(name), "starting up libvirt\n", TestContext.Current.CancellationToken);

        await _host.RunAsync(Domains.Xml(), "qemu", name, "stopped", "end", "-");

        var lines = await File.ReadAllLinesAsync(_host.Log(name), TestContext.Current.CancellationToken);
        Assert.Equal(2, lines.Length);
        Assert.Equal("starting up libvirt", lines[0]);
        Assert.Contains($": {name} stopped end -: went on: ", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../../../escaped")]
    [InlineData("no/such/directory")]
    public async Task A_name_that_is_no_file_s_costs_the_log_line_only(string name)
    {
        var end = await _host.RunAsync(Domains.Xml(), "qemu", name, "migrate", "begin", "-");

        Assert.Equal((1, $"kagemusha-hook: {NotRunning}\n"), (end.ExitCode, end.Error));
        Assert.False(File.Exists(_host.Log(name)));
    }

    [Fact]
    public async Task Without_a_log_directory_the_decision_is_the_same()
    {
        Directory.Delete(Path.GetDirectoryName(_host.Log("vm"))!);

        Assert.Equal(1, (await _host.RunAsync(Domains.Xml(), "qemu", "vm", "migrate", "begin", "-")).ExitCode);
        Assert.Equal(0, (await _host.RunAsync(Domains.Xml(), "qemu", "vm", "reconnect", "begin", "-")).ExitCode);
    }

    [Theory]
    [InlineData("migrate", 1)]
    [InlineData("reconnect", 0)]
    public async Task An_agent_that_fails_is_as_good_as_a_dead_one(string operation, int exitCode)
    {
        await using var agent = Agent(new Failed(ExitCode.Failed, "kagemushad failed"));

        Assert.Equal(exitCode, (await _host.RunAsync(Domains.Xml(), "qemu", "vm", operation, "begin", "-")).ExitCode);
    }

    [Fact]
    public async Task Xml_that_is_damaged_and_seems_ours_is_not_migrated_and_not_killed()
    {
        var damaged = Domains.Xml()[..^20];

        var refused = await _host.RunAsync(damaged, "qemu", "vm", "migrate", "begin", "-");
        Assert.Equal(1, refused.ExitCode);
        Assert.Matches(@"^kagemusha-hook: the domain's XML is not well formed, line \d+\n$", refused.Error);

        Assert.Equal(0, (await _host.RunAsync(damaged, "qemu", "vm", "reconnect", "begin", "-")).ExitCode);
    }

    [Fact]
    public async Task A_silent_agent_costs_two_seconds()
    {
        using var silent = new ControlServer(_host.Socket);

        var end = await _host.RunAsync(Domains.Xml(), "qemu", "vm", "started", "begin", "-");

        Assert.Equal(0, end.ExitCode);
        Assert.InRange(end.Took.TotalSeconds, 1.5, 10);
        var log = await File.ReadAllTextAsync(_host.Log("vm"), TestContext.Current.CancellationToken);
        Assert.Contains("did not answer within 2 s", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silent_agent_costs_ten_seconds_before_a_guest_that_comes_is_refused()
    {
        using var silent = new ControlServer(_host.Socket);
        _host.MarkIncoming();

        var end = await _host.RunAsync(Domains.Xml(), "qemu", "vm", "started", "begin", "-");

        Assert.Equal((1, ""), (end.ExitCode, end.Output));
        Assert.Contains("did not answer within 10 s", end.Error, StringComparison.Ordinal);
        Assert.InRange(end.Took.TotalSeconds, 9, 30);
    }

    [Fact]
    public async Task A_standard_input_that_never_ends_costs_the_deadline()
    {
        var end = await _host.RunAsync(null, "qemu", "vm", "started", "begin", "-");

        Assert.Equal((0, "", ""), (end.ExitCode, end.Output, end.Error));
        Assert.InRange(end.Took.TotalSeconds, 1.5, 10);
    }

    [Fact]
    public async Task A_reader_that_went_away_does_not_kill_it()
    {
        await using var agent = Agent(new HookReply(Xml: new string('x', 1 << 20)));

        var end = await _host.RunScriptAsync(
            "\"$program\" \"$@\" | true; echo ${PIPESTATUS[0]}", Domains.Xml(), "qemu", "vm", "migrate", "begin", "-");

        Assert.Equal(("0\n", ""), (end.Output, end.Error));
    }

    private FakeAgent Agent(ControlReply reply) => new(_host.Socket, request =>
    {
        _asked.Add(request);
        return Task.FromResult(reply);
    });
}
