using System.Text.Json;

namespace Kagemusha.Lab.Tests;

/// <summary>A host with libvirtd and our agent.</summary>
/// <param name="name">Its name.</param>
/// <param name="careOfAddress">Its address on its uplink.</param>
internal sealed class Hypervisor(string name, string careOfAddress) : Box(name)
{
    private const string Agent = "/usr/sbin/kagemushad";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // A Binding Update that nobody answers is repeated after 32 s at the latest (RFC 6275, section 12).
    private static readonly TimeSpan BindingPatience = TimeSpan.FromSeconds(80);

    // Only tests end these programs.
    private bool _agentRuns = true;
    private bool _libvirtdRuns = true;

    /// <summary>Its address on its uplink.</summary>
    public string CareOfAddress { get; } = careOfAddress;

    /// <summary>Runs the administrator's program.</summary>
    public CommandResult Hook(params string[] arguments) => Run("kagemusha-hook", arguments);

    /// <summary>Runs virsh.</summary>
    public CommandResult Virsh(params string[] arguments) => Run("virsh", ["-q", .. arguments]);

    /// <summary>Starts our agent, and waits until it answers.</summary>
    public void StartAgent()
    {
        StartInBackground(Agent);
        _agentRuns = true;
        WaitForAgent();
    }

    /// <summary>Kills our agent, as if it had crashed.</summary>
    public void KillAgent()
    {
        Kill("kagemushad");
        _agentRuns = false;
    }

    /// <summary>Starts libvirtd, and waits until it and our agent know each other.</summary>
    public void StartLibvirtd()
    {
        Run("libvirtd", "--daemon", "--listen").Succeed();
        _libvirtdRuns = true;
        Wait.Until($"libvirtd answers on {Name}", Patience, () => Virsh("list").ExitCode == 0);
        if (_agentRuns)
        {
            WaitForAgent();
        }
    }

    /// <summary>Kills libvirtd, as if it had crashed; its guests go on.</summary>
    public void KillLibvirtd()
    {
        Kill("libvirtd");
        _libvirtdRuns = false;
    }

    /// <summary>Whatever a test did: libvirtd and our agent run and know each other.</summary>
    public void Restore()
    {
        if (!_libvirtdRuns)
        {
            StartLibvirtd();
        }

        if (!_agentRuns)
        {
            StartAgent();
        }
    }

    /// <summary>Waits until our agent answers and hears libvirt.</summary>
    public void WaitForAgent() =>
        Wait.Until($"kagemushad answers and hears libvirt on {Name}", Patience, () => Hook("status").ExitCode == 0);

    /// <summary>What our agent says of a domain: the one home address of it.</summary>
    public JsonElement Status(string domain) =>
        Assert.Single(JsonDocument.Parse(Hook("status", "--json", "--", domain).Succeed().Output).RootElement.EnumerateArray());

    /// <summary>What our agent says of each home address of a domain; of none by an empty one.</summary>
    public IReadOnlyDictionary<string, JsonElement> Addresses(string domain) =>
        JsonDocument.Parse(Hook("status", "--json", "--", domain).Succeed().Output).RootElement.EnumerateArray()
            .ToDictionary(status => status.GetProperty("home_address").GetString() ?? "");

    /// <summary>Waits until our agent says this of a domain's binding.</summary>
    public void WaitForBinding(string domain, string state) => Wait.Until(
        $"{domain} on {Name} is {state}", BindingPatience, () => Status(domain).GetProperty("binding").GetString() == state);

    /// <summary>Waits until what the last move has built to this host or from it is gone: links are compared after it.</summary>
    public void WaitForHandOversToEnd() => Wait.Until($"no hand-over is under way on {Name}", BindingPatience, () => Links("kgho").Count == 0);

    /// <summary>The log that libvirt and our programs keep of a domain.</summary>
    public string DomainLog(string domain) => Run("cat", $"/var/log/libvirt/qemu/{domain}.log").Output;

    /// <summary>Waits until a domain's log has these words.</summary>
    public void WaitForLog(LabGuest guest, string words) => Wait.Until($"the log of {guest.Name} on {Name} says: {words}", Patience, () => DomainLog(guest.Name).Has(words));

    /// <summary>The names of the files in a directory; none where there is no directory.</summary>
    public IReadOnlyList<string> Files(string directory) => Run("ls", "-A", "--", directory).Lines;
}
