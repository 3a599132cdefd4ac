using Kagemusha.Control;

namespace Kagemusha.Hook.Tests;

public sealed class AgentUnitTests : IDisposable
{
    private const string Unit = "usr/lib/systemd/system/kagemushad.service 644 [Unit]";
    private const string Wanted = "etc/systemd/system/multi-user.target.wants/kagemushad.service -> /usr/lib/systemd/system/kagemushad.service";

    private readonly HostFiles _files = new();

    public static TheoryData<string[], FindingResult, string, string?> Hosts => new()
    {
        { [Unit, Wanted], FindingResult.Ok, "/usr/lib/systemd/system/kagemushad.service is enabled", null },
        { [Unit, "etc/systemd/system/kagemushad.service 644 [Unit]", Wanted], FindingResult.Ok, "/etc/systemd/system/kagemushad.service is enabled", null },
        {
            [Unit], FindingResult.Warning, "/usr/lib/systemd/system/kagemushad.service is not enabled: the agent is not there after a reboot",
            "systemctl enable --now kagemushad"
        },
        {
            [Unit, Wanted, "etc/systemd/system/kagemushad.service -> /dev/null"],
            FindingResult.Warning, "kagemushad.service is masked: nobody starts the agent", "systemctl unmask kagemushad.service"
        },
        { [Wanted], FindingResult.Warning, "systemd has no kagemushad.service: nobody starts the agent", "run scripts/install" },
        { [], FindingResult.Warning, "systemd has no kagemushad.service: nobody starts the agent", "run scripts/install" },
    };

    [Theory]
    [MemberData(nameof(Hosts))]
    public void The_unit_is_there_and_enabled(string[] files, FindingResult result, string what, string? remedy) =>
        Assert.Equal(new Finding("unit", result, what, remedy), Assert.Single(AgentUnit.Look(_files.With(files).Root)));

    public void Dispose() => _files.Dispose();
}
