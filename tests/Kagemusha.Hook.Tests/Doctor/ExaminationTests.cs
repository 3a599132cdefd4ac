using System.Text.Json;
using Kagemusha.Control;
using Kagemusha.Control.Tests;

namespace Kagemusha.Hook.Tests;

public sealed class ExaminationTests : IDisposable
{
    private readonly HookHost _host = new();

    public static TheoryData<FindingResult[], bool, ExitCode> Results => new()
    {
        { [], true, ExitCode.Done },
        { [FindingResult.Ok, FindingResult.Ok], true, ExitCode.Done },
        { [FindingResult.Ok, FindingResult.Warning, FindingResult.Unknown], true, ExitCode.Done },
        { [FindingResult.Ok, FindingResult.Error, FindingResult.Unknown], true, ExitCode.Failed },
        { [FindingResult.Ok, FindingResult.Warning], false, ExitCode.Done },
        { [FindingResult.Ok, FindingResult.Unknown], false, ExitCode.Permission },
        { [FindingResult.Error, FindingResult.Unknown], false, ExitCode.Failed },
    };

    [Theory]
    [MemberData(nameof(Results))]
    public void The_exit_code_is_the_worst_result_s(FindingResult[] results, bool isRoot, ExitCode exitCode) =>
        Assert.Equal(exitCode, Examination.ExitCodeOf([.. results.Select(result => new Finding("it", result, "is so"))], isRoot));

    /// <summary>What the agent answers, and the first finding of it.</summary>
    public static TheoryData<ControlReply, FindingResult, string> Answers => new()
    {
        { new DoctorReply("1.2.3", []), FindingResult.Ok, "kagemushad 1.2.3 answers" },
        { new DoctorReply("1.2.2", []), FindingResult.Warning, "kagemushad is 1.2.2, this program 1.2.3" },
        { new Failed(ExitCode.Permission, "only root may do this"), FindingResult.Unknown, "not asked: only root may" },
        { new Failed(ExitCode.Failed, "kagemushad failed: it did"), FindingResult.Error, "kagemushad failed: it did" },
        { new StatusReply([]), FindingResult.Error, "kagemushad answered something else" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void The_agent_s_version_is_this_program_s(ControlReply reply, FindingResult result, string what)
    {
        var found = Assert.Single(AgentAnswer.Judge(reply, "1.2.3"));

        Assert.Equal((result, what), (found.Result, found.What));
    }

    [Theory]
    [InlineData("6.4.0", FindingResult.Error)]
    [InlineData("6.5.0", FindingResult.Ok)]
    [InlineData("9.0.0", FindingResult.Ok)]
    public void An_old_libvirt_will_not_do(string version, FindingResult result) => Assert.Equal(result, LibvirtDaemon.Judge(new(version)).Result);

    [Fact]
    public void Who_is_not_root_may_not_know_whether_libvirt_answers() => Assert.Equal(
        [FindingResult.Error, FindingResult.Unknown], [LibvirtDaemon.Failed("does not answer", isRoot: true).Result, LibvirtDaemon.Failed("does not answer", isRoot: false).Result]);

    [Fact]
    public void The_table_is_aligned_and_coloured_where_somebody_looks()
    {
        Finding[] findings =
        [
            Finding.Ok("hook", "is there"), Finding.Error("AppArmor", "is in\nthe way", "let it"), Finding.Warning("unit", "is off", "enable it"),
            Finding.Unknown("SELinux", "is on"),
        ];

        Assert.Equal(
            """
            RESULT   CHECK     FOUND; WHAT TO DO
            ok       hook      is there
            error    AppArmor  is in the way; let it
            warning  unit      is off; enable it
            unknown  SELinux   is on
            """.ReplaceLineEndings("\n").Split('\n'),
            FindingTable.Lines(findings, isColoured: false));
        Assert.Equal(
            ["RESULT   CHECK     FOUND; WHAT TO DO", "\e[32mok\e[0m       hook      is there", "\e[31merror\e[0m    AppArmor  is in the way; let it"],
            FindingTable.Lines(findings, isColoured: true).Take(3));
    }

    [Fact]
    public async Task Without_the_agent_it_says_so_and_looks_at_the_rest()
    {
        var end = await _host.RunAsync("", "doctor", "--json");

        using var findings = JsonDocument.Parse(end.Output);
        var checks = findings.RootElement.EnumerateArray().ToLookup(finding => finding.GetProperty("check").GetString()!, finding => finding.GetProperty("result").GetString());
        Assert.Equal((1, ""), (end.ExitCode, end.Error));
        Assert.Equal(["error"], checks["agent"]);
        Assert.All(["hook", "AppArmor", "SELinux", "libvirt", "unit"], check => Assert.NotEmpty(checks[check]));
        // Nobody's libvirt is in the tests' own /run.
        Assert.Equal(["error"], checks["libvirt"]);
    }

    [Fact]
    public async Task What_the_agent_has_found_stands_in_the_end()
    {
        ControlRequest? asked = null;
        await using var agent = new FakeAgent(_host.Socket, request =>
        {
            asked = request;
            return Task.FromResult<ControlReply>(new DoctorReply("0.1.0", [Finding.Warning("leftovers", "kgold", "remove it")]));
        });

        var end = await _host.RunAsync("", "doctor");

        Assert.IsType<DoctorRequest>(asked);
        Assert.Equal(
            ["ok       agent      kagemushad 0.1.0 answers", "warning  leftovers  kgold; remove it"], end.Output.TrimEnd('\n').Split('\n').TakeLast(2));
    }

    [Fact]
    public async Task Who_is_not_root_is_told_what_was_not_looked_at_for_that()
    {
        await using var agent = new FakeAgent(_host.Socket, _ => Task.FromResult<ControlReply>(new DoctorReply("0.1.0", [])));

        var end = await _host.RunScriptAsync(
            "exec setpriv --reuid nobody --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search \"$program\" \"$@\"", "", "doctor");

        Assert.Contains(end.Output.Split('\n'), line => line.StartsWith("unknown  agent ", StringComparison.Ordinal) && line.EndsWith("; run it as root", StringComparison.Ordinal));
        Assert.True((ExitCode)end.ExitCode is ExitCode.Failed or ExitCode.Permission, $"{end.ExitCode}");
    }

    public void Dispose() => _host.Dispose();
}
