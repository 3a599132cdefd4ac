using Kagemusha.Control;

namespace Kagemusha.Hook.Tests;

public sealed class HookInstallationTests : IDisposable
{
    private const string Ours = "etc/libvirt/hooks/qemu.d/kagemusha 755 exec /usr/bin/kagemusha-hook qemu \"$@\"";
    private const string Program = "usr/bin/kagemusha-hook 755 ELF";
    private const string Install = "run scripts/install, then 'systemctl reload libvirtd' (virtqemud, where libvirt is split)";

    private readonly HostFiles _files = new();

    /// <summary>What is there, and what is wrong with it.</summary>
    public static TheoryData<string[], string[]> Hosts => new()
    {
        { [Ours, Program], [] },
        { [Ours, Program, "etc/libvirt/hooks/qemu 755 echo another's", "etc/libvirt/hooks/qemu.d/another 755 true"], [] },
        // libvirt does not start what is not executable.
        { [Ours, Program, "etc/libvirt/hooks/qemu.d/kagemusha.old 644 exec /usr/bin/kagemusha-hook qemu"], [] },
        {
            [Ours, Program, "etc/libvirt/hooks/qemu.d/kagemusha~ 755 exec /usr/bin/kagemusha-hook qemu"],
            ["/etc/libvirt/hooks/qemu.d/kagemusha~ is a second copy: the agent is told everything twice; remove it, then 'systemctl reload libvirtd'"]
        },
        {
            [Ours, Program, "etc/libvirt/hooks/qemu 755 exec /usr/bin/kagemusha-hook qemu"],
            ["/etc/libvirt/hooks/qemu is a second copy: the agent is told everything twice; remove it, then 'systemctl reload libvirtd'"]
        },
        { [Program], [$"/etc/libvirt/hooks/qemu.d/kagemusha is not there; {Install}"] },
        { [Ours], [$"/usr/bin/kagemusha-hook is not there; {Install}"] },
        {
            [Ours, "usr/bin/kagemusha-hook 644 ELF"],
            ["/usr/bin/kagemusha-hook is not executable; chmod 755 /usr/bin/kagemusha-hook, then 'systemctl reload libvirtd'"]
        },
        {
            ["etc/libvirt/hooks/qemu.d/kagemusha 644 exec /usr/bin/kagemusha-hook", Program],
            ["/etc/libvirt/hooks/qemu.d/kagemusha is not executable; chmod 755 /etc/libvirt/hooks/qemu.d/kagemusha, then 'systemctl reload libvirtd'"]
        },
        {
            ["etc/libvirt/hooks/qemu.d/kagemusha 755 exec /usr/local/bin/other", Program],
            [$"/etc/libvirt/hooks/qemu.d/kagemusha does not start /usr/bin/kagemusha-hook; {Install}"]
        },
        { ["etc/libvirt/hooks/qemu.d/kagemusha/file 755 a directory", Program], [$"/etc/libvirt/hooks/qemu.d/kagemusha is not there; {Install}"] },
    };

    [Theory]
    [MemberData(nameof(Hosts))]
    public void The_hook_is_there_and_executable_and_the_only_one(string[] files, string[] errors)
    {
        var found = HookInstallation.Look(_files.With(files).Root).ToList();

        Assert.Equal(errors, found.Where(finding => finding.Result == FindingResult.Error).Select(finding => $"{finding.What}; {finding.Remedy}"));
        Assert.Equal(errors.Length == 0, found is [{ Result: FindingResult.Ok, Remedy: null }]);
    }

    public void Dispose() => _files.Dispose();
}
