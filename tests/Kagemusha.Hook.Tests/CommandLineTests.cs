using System.Text.Json;
using Kagemusha.Control;
using Kagemusha.Control.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Hook.Tests;

public sealed class CommandLineTests : IDisposable
{
    private readonly HookHost _host = new();
    private readonly List<ControlRequest> _asked = [];

    public static TheoryData<string[], ControlRequest> Verbs => new()
    {
        { ["unenroll", "vm"], new UnenrollRequest("vm", null) },
        { ["unenroll", "--", "-vm1"], new UnenrollRequest("-vm1", null) },
        { ["unenroll", "--interface", "52:54:00:00:00:01", "vm"], new UnenrollRequest("vm", Domains.Mac) },
        { ["unenroll", "--interface=52:54:00:00:00:01", "--", "-vm1"], new UnenrollRequest("-vm1", Domains.Mac) },
        { ["enroll", "vm", "--interface", "52:54:00:00:00:01"], new EnrollRequest("vm", [], null, Domains.Mac) },
        { ["enroll", "vm", "--home-address=2001:db8::1"], new EnrollRequest("vm", [Ipv6Address.Parse("2001:db8::1")], null, null) },
        { ["recover", "vm"], new RecoverRequest("vm") },
        { ["recover", "vm", "--home"], new RecoverRequest("vm", RecoverAs.Home) },
        { ["recover", "--away", "--dry-run", "--", "-vm1"], new RecoverRequest("-vm1", RecoverAs.Away, DryRun: true) },
        { ["recover", "--release", "vm"], new RecoverRequest("vm", RecoverAs.Release) },
        { ["recover", "--all"], new RecoverRequest(null) },
        { ["recover", "--all", "--dry-run"], new RecoverRequest(null, DryRun: true) },
        { ["history"], new HistoryRequest(null) },
        { ["history", "--", "-vm1"], new HistoryRequest("-vm1") },
        { ["history", "--json", "vm"], new HistoryRequest("vm") },
        { ["status"], new StatusRequest(null) },
        { ["status", "--", "-vm1"], new StatusRequest("-vm1") },
        { ["status", "--json", "--", "--json"], new StatusRequest("--json") },
        { ["enroll", "vm"], new EnrollRequest("vm", [], null, null) },
        {
            ["enroll", "vm", "--home-address", "2001:db8::1", "--home-agent", "2001:db8::2"],
            new EnrollRequest("vm", [Ipv6Address.Parse("2001:db8::1")], Ipv6Address.Parse("2001:db8::2"), null)
        },
        {
            [
                "enroll", "--home-agent", "2001:db8::2", "--interface", "52:54:00:00:00:01", "--home-address", "2001:db8::1",
                "--home-address", "2001:db8::3", "--", "-vm1",
            ],
            new EnrollRequest(
                "-vm1", [Ipv6Address.Parse("2001:db8::1"), Ipv6Address.Parse("2001:db8::3")], Ipv6Address.Parse("2001:db8::2"), Domains.Mac)
        },
    };

    public void Dispose() => _host.Dispose();

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task Each_verb_asks_the_agent_one_thing(string[] arguments, ControlRequest request)
    {
        await using var agent = Agent(new StatusReply([]), new HistoryReply([]), new Done(["first", "second"]));

        var end = await _host.RunAsync("", arguments);

        Assert.Equal((0, ""), (end.ExitCode, end.Error));
        Assert.Equal(
            JsonSerializer.Serialize(request, ControlJson.Default.ControlRequest),
            JsonSerializer.Serialize(Assert.Single(_asked), ControlJson.Default.ControlRequest));
        var expected = request switch
        {
            StatusRequest or HistoryRequest when arguments.Contains("--json") => "[]\n",
            StatusRequest => "no VM on this host is enrolled\n",
            HistoryRequest => "no enrolled VM has moved to or from this host\n",
            _ => "first\nsecond\n",
        };
        Assert.Equal(expected, end.Output);
    }

    [Theory]
    [InlineData("No verb selected. See kagemusha-hook --help.")]
    [InlineData("Verb 'move' is not recognized. See kagemusha-hook --help.", "move")]
    [InlineData("DOMAIN is missing: it goes before the options, or behind --. See kagemusha-hook --help.", "recover")]
    [InlineData("DOMAIN is missing: it goes before the options, or behind --. See kagemusha-hook --help.", "recover", "--home")]
    [InlineData("--home or --away: one at a time", "recover", "vm", "--away", "--home")]
    [InlineData("--away or --release: one at a time", "recover", "vm", "--away", "--release")]
    [InlineData("'vm' or --all: one or all", "recover", "vm", "--all")]
    [InlineData("--release is for one VM: name it in place of --all", "recover", "--all", "--release")]
    [InlineData("'c' is too much: one domain at a time.", "status", "b", "c")]
    [InlineData("Option 'force' is unknown. See kagemusha-hook --help.", "unenroll", "vm", "--force")]
    [InlineData("Option 'v' is unknown. See kagemusha-hook --help.", "status", "-vm1")]
    [InlineData("'fe80::1%eth0' is not an IPv6 address", "enroll", "vm", "--home-address", "fe80::1%eth0", "--home-agent", "2001:db8::2")]
    [InlineData("'ha' is not an IPv6 address", "enroll", "vm", "--home-address", "2001:db8::1", "--home-agent", "ha")]
    [InlineData(
        "'eth0' is not an Ethernet address",
        "enroll", "vm", "--home-address", "2001:db8::1", "--home-agent", "2001:db8::2", "--interface", "eth0")]
    [InlineData("DOMAIN or DESTURI is missing: they go before the options, or behind --. See kagemusha-hook --help.", "migrate", "vm")]
    [InlineData("'qemu:///system' is too much: one domain at a time.", "migrate", "vm", "qemu+ssh://hv-b/system", "qemu:///system")]
    [InlineData("Option 'bandwidth' is defined with a bad format. See kagemusha-hook --help.", "migrate", "vm", "qemu+ssh://hv-b/system", "--bandwidth", "fast")]
    [InlineData("Option 'bandwidth' has no value. See kagemusha-hook --help.", "migrate", "vm", "qemu+ssh://hv-b/system", "--bandwidth")]
    [InlineData("Option 'interface' has no value. See kagemusha-hook --help.", "unenroll", "vm", "--interface")]
    [InlineData("Option 'interface' has no value. See kagemusha-hook --help.", "unenroll", "vm", "--interface=")]
    [InlineData("Option 'interface' has no value. See kagemusha-hook --help.", "unenroll", "--interface", "--", "-vm1")]
    [InlineData("Option 'interface' has no value. See kagemusha-hook --help.", "enroll", "vm", "--interface")]
    [InlineData("Option 'interface' has no value. See kagemusha-hook --help.", "enroll", "vm", "--interface", "")]
    [InlineData("Option 'interface' has no value. See kagemusha-hook --help.", "enroll", "vm", "--interface", "--home-agent", "2001:db8::2")]
    [InlineData("Option 'home-agent' has no value. See kagemusha-hook --help.", "enroll", "vm", "--home-agent")]
    [InlineData("Option 'home-agent' has no value. See kagemusha-hook --help.", "enroll", "--home-agent", "--home-address", "2001:db8::1", "--", "vm")]
    [InlineData("Option 'home-address' has no value. See kagemusha-hook --help.", "enroll", "vm", "--home-address")]
    [InlineData("Option 'home-address' has no value. See kagemusha-hook --help.", "enroll", "vm", "--home-address", "2001:db8::1", "--home-address")]
    [InlineData("Option 'home-address' has no value. See kagemusha-hook --help.", "enroll", "--home-address", "--", "vm")]
    [InlineData("Option 'home-address' has no value. See kagemusha-hook --help.", "enroll", "--home-address=", "vm")]
    [InlineData("Option 'home-address' has no value. See kagemusha-hook --help.", "enroll", "vm", "--home-address", "--home-agent", "2001:db8::2")]
    [InlineData("Option 'html' has no value. See kagemusha-hook --help.", "history", "--html", "--json")]
    [InlineData("--json or --html: one at a time", "history", "--json", "--html", "page.html")]
    [InlineData("--with is for a page: name it by --html FILE", "history", "--with", "other.json")]
    [InlineData("'vm' is too much: doctor looks at the whole host.", "doctor", "vm")]
    [InlineData("libvirt calls it as: kagemusha-hook qemu GUEST OPERATION SUB-OPERATION EXTRA", "qemu", "vm")]
    public async Task What_makes_no_sense_is_one_line_and_asks_nobody(string error, params string[] arguments)
    {
        await using var agent = Agent(new StatusReply([]), new Done([]));

        var end = await _host.RunAsync("", arguments);

        Assert.Equal((2, "", $"kagemusha-hook: {error}\n"), (end.ExitCode, end.Output, end.Error));
        Assert.Empty(_asked);
    }

    [Theory]
    [InlineData(ExitCode.Failed)]
    [InlineData(ExitCode.NotFound)]
    [InlineData(ExitCode.Libvirt)]
    [InlineData(ExitCode.Refused)]
    public async Task The_agent_s_failure_is_the_program_s(ExitCode exitCode)
    {
        await using var agent = Agent(new Failed(exitCode, "the interface is not on a Linux bridge"));

        var end = await _host.RunAsync("", "recover", "vm");

        Assert.Equal(
            ((int)exitCode, "", "kagemusha-hook: the interface is not on a Linux bridge\n"), (end.ExitCode, end.Output, end.Error));
    }

    [Fact]
    public async Task Of_all_that_are_recovered_each_has_its_lines_and_the_first_that_failed_the_exit_code()
    {
        await using var agent = Agent(new RecoverReply(
        [
            new(["a: well"], ExitCode.Done, null), new([], ExitCode.Failed, "b: silent"), new([], ExitCode.Refused, "c: refused"), new(["d: well"], ExitCode.Done, null),
        ]));

        var end = await _host.RunAsync("", "recover", "--all");

        Assert.Equal((1, "a: well\nd: well\n", "kagemusha-hook: b: silent\nkagemusha-hook: c: refused\n"), (end.ExitCode, end.Output, end.Error));
    }

    [Fact]
    public async Task Without_the_agent_it_says_how_to_start_it()
    {
        var end = await _host.RunAsync("", "status");

        Assert.Equal(
            $"kagemusha-hook: kagemushad is not running on {Environment.MachineName}; start it there with 'systemctl start kagemushad'\n",
            end.Error);
        Assert.Equal((4, ""), (end.ExitCode, end.Output));
    }

    [Theory]
    [InlineData("root", "recover vm", 6, "", "only root may do this")]
    [InlineData("root", "status", 0, "no VM on this host is enrolled\n", null)]
    [InlineData("nogroup", "status", 6, "", "no permission to use /run/kagemusha/control.sock: be root, or for what only asks a member of its group")]
    public async Task Who_is_not_root_may_ask_as_a_member_of_the_agents_group(string group, string command, int exitCode, string output, string? error)
    {
        await using var agent = Agent(new StatusReply([]));

        // The capability is for reading the program, wherever the tests were built.
        var end = await _host.RunScriptAsync(
            $"exec setpriv --reuid nobody --regid {group} --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search \"$program\" \"$@\"",
            "",
            command.Split(' '));

        Assert.Equal((exitCode, output, error is null ? "" : $"kagemusha-hook: {error}\n"), (end.ExitCode, end.Output, end.Error));
        Assert.Equal(exitCode == 0 ? 1 : 0, _asked.Count);
    }

    [Fact]
    public async Task Json_is_what_the_agent_said()
    {
        await using var agent = Agent(new StatusReply([StatusTableTests.Away]));

        var end = await _host.RunAsync("", "status", "--json");

        using var json = JsonDocument.Parse(end.Output);
        var domain = Assert.Single(json.RootElement.EnumerateArray());
        Assert.Equal("2001:db8:1::42", domain.GetProperty("home_address").GetString());
        Assert.Equal(540, domain.GetProperty("remaining_lifetime").GetInt32());
        Assert.Equal("home-agent-tunnel", domain.GetProperty("data_path").GetString());
    }

    [Fact]
    public async Task History_shows_the_last_move_s_steps_of_a_domain_that_was_named_and_prints_all_as_json()
    {
        HistoryReply reply = new([HistoryTableTests.Left]);
        await using var agent = Agent(reply, reply, reply);

        var all = await _host.RunAsync("", "history");
        var one = await _host.RunAsync("", "history", "vm");
        var json = await _host.RunAsync("", "history", "--json");

        Assert.Equal(HistoryTable.Lines(reply.Moves, withSteps: false), all.Output.TrimEnd('\n').Split('\n'));
        Assert.Equal(HistoryTable.Lines(reply.Moves, withSteps: true), one.Output.TrimEnd('\n').Split('\n'));
        using var parsed = JsonDocument.Parse(json.Output);
        var move = Assert.Single(parsed.RootElement.EnumerateArray());
        Assert.Equal(
            ("source", "postcopy", "moved", 3.25),
            (move.GetProperty("role").GetString(), move.GetProperty("kind").GetString(), move.GetProperty("outcome").GetString(),
                move.GetProperty("turned_after_ms").GetDouble()));
        Assert.Equal(
            ["hook-called", "suspended", "traffic-turned", "tail-sent", "ended"],
            move.GetProperty("events").EnumerateArray().Select(happened => happened.GetProperty("step").GetString()));
        Assert.Equal(4, move.GetProperty("counters").GetProperty("tail").GetInt32());
    }

    [Fact]
    public async Task History_is_drawn_into_a_file_together_with_what_the_other_host_has_seen()
    {
        HistoryReply reply = new([TwoEndsTests.Source, HistoryPageTests.FailedMove with { Began = TwoEndsTests.Began.AddDays(1) }]);
        await using var agent = Agent(reply, reply, reply, reply);
        var other = _host.File("other.json");
        await File.WriteAllTextAsync(
            other, JsonSerializer.Serialize([TwoEndsTests.Destination], ControlJson.Default.IReadOnlyListMove), TestContext.Current.CancellationToken);
        var page = _host.File("page.html");
        await File.WriteAllTextAsync(page, "the old one", TestContext.Current.CancellationToken);

        var alone = await _host.RunAsync("", "history", "--html", page);
        var one = await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken);
        var together = await _host.RunAsync("", "history", "vm", "--html", page, "--with", other);
        var both = await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken);
        var nowhere = await _host.RunAsync("", "history", "--html", "/dev/null");
        var nothing = await _host.RunAsync("", "history", "--html", page, "--with", page);

        Assert.Equal([(0, "", ""), (0, "", "")], [(alone.ExitCode, alone.Output, alone.Error), (together.ExitCode, together.Output, together.Error)]);
        // The newest first.
        Assert.True(one.IndexOf("class=\"why\"", StringComparison.Ordinal) < one.IndexOf("id=\"move-2\"", StringComparison.Ordinal));
        Assert.DoesNotContain("As both hosts have recorded it", one, StringComparison.Ordinal);
        Assert.Contains("As both hosts have recorded it, on the destination's clock", both, StringComparison.Ordinal);
        Assert.Equal((1, "kagemusha-hook: /dev/null is no place for a page: name a file elsewhere\n"), (nowhere.ExitCode, nowhere.Error));
        Assert.Equal(1, nothing.ExitCode);
        Assert.StartsWith($"kagemusha-hook: {page} is not what 'kagemusha-hook history --json' prints: ", nothing.Error, StringComparison.Ordinal);
        Assert.Equal([other, page], Directory.GetFiles(Path.GetDirectoryName(page)!).Order());
    }

    [Fact]
    public async Task Watch_shows_it_again_until_the_agent_fails()
    {
        await using var agent = Agent(
            new StatusReply([]), new StatusReply([]), new Failed(ExitCode.Libvirt, "libvirt does not answer"));

        var end = await _host.RunAsync("", "status", "--watch");

        Assert.Equal(
            (5, "no VM on this host is enrolled\nno VM on this host is enrolled\n", "kagemusha-hook: libvirt does not answer\n"),
            (end.ExitCode, end.Output, end.Error));
    }

    [Fact]
    public async Task A_vm_that_the_agent_does_not_serve_is_not_migrated()
    {
        await using var agent = Agent(new Failed(ExitCode.NotFound, "vm is not enrolled"));

        var end = await _host.RunAsync("", "migrate", "vm", "qemu+ssh://hv-b/system");

        Assert.Equal((3, "", "kagemusha-hook: vm is not enrolled\n"), (end.ExitCode, end.Output, end.Error));
        Assert.Equal([new StatusRequest("vm")], _asked);
    }

    [Fact]
    public async Task A_migration_says_what_is_wrong_already_and_which_libvirt_does_not_answer()
    {
        await using var agent = Agent(new StatusReply([StatusTableTests.Away with { Problems = ["the home agent does not answer"] }]));

        // Nobody's libvirt is in the tests' own /run.
        var end = await _host.RunAsync("", "migrate", "vm", "qemu+ssh://hv-b/system");

        var lines = end.Error.TrimEnd('\n').Split('\n');
        Assert.Equal((5, ""), (end.ExitCode, end.Output));
        Assert.Equal($"kagemusha-hook: {StatusTableTests.Away.Name}: the home agent does not answer", lines[0]);
        Assert.StartsWith("kagemusha-hook: libvirt at qemu:///system: ", Assert.Single(lines[1..]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_names_every_verb()
    {
        var end = await _host.RunAsync("", "--help");

        Assert.Equal((0, ""), (end.ExitCode, end.Error));
        Assert.All(
            ["enroll", "unenroll", "status", "history", "recover", "doctor", "migrate"],
            verb => Assert.Contains($"  {verb} ", end.Output, StringComparison.Ordinal));
    }

    /// <summary>Answers the first time with the first reply of the kind that was asked for, and so on.</summary>
    private FakeAgent Agent(params ControlReply[] replies)
    {
        var left = replies.ToList();
        return new(_host.Socket, request =>
        {
            _asked.Add(request);
            var reply = left.First(reply => reply is Failed || request switch
            {
                StatusRequest => reply is StatusReply,
                HistoryRequest => reply is HistoryReply,
                RecoverRequest => reply is RecoverReply or Done,
                _ => reply is Done,
            });
            left.Remove(reply);
            return Task.FromResult(reply);
        });
    }
}
