namespace Kagemusha.Lab.Tests;

/// <summary>A domain that is defined and never started, until it is disposed of.</summary>
internal sealed class StillDomain : IDisposable
{
    private readonly Hypervisor _host;

    /// <param name="host">Where.</param>
    /// <param name="name">Its name.</param>
    /// <param name="interfaces">Its interfaces' XML.</param>
    public StillDomain(Hypervisor host, string name, string interfaces)
    {
        _host = host;
        Name = name;
        Command.Run(host.Line("virsh", "-q", "define", "/dev/stdin"), $"""
            <domain type='qemu'>
              <name>{name}</name>
              <memory unit='MiB'>64</memory>
              <os><type arch='x86_64' machine='pc'>hvm</type></os>
              <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{interfaces}</devices>
            </domain>
            """).Succeed();
    }

    public string Name { get; }

    /// <summary>Its definition.</summary>
    public string Xml => _host.Virsh("dumpxml", "--inactive", Name).Succeed().Output;

    /// <summary>An interface on a bridge.</summary>
    public static string OnBridge(string bridge, string mac, string more = "") =>
        $"<interface type='bridge'><mac address='{mac}'/><source bridge='{bridge}'/>{more}</interface>";

    /// <summary>Enrolls it.</summary>
    public CommandResult Enroll(string homeAddress, params string[] options) =>
        _host.Hook(["enroll", Name, "--home-address", homeAddress, "--home-agent", HomeBox.Address, .. options]);

    /// <summary>Sets its metadata of ours by hand, as whoever edits it might.</summary>
    public void SetMetadata(string xml) =>
        _host.Virsh("metadata", Name, "urn:kagemusha:mobility:1", "--key", "kagemusha", "--set", xml, "--config").Succeed();

    public void Dispose() => _host.Virsh("undefine", Name);
}
