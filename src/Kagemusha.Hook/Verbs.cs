using CommandLine;
using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Hook;

#pragma warning disable CA1812 // The parser makes them, by reflection.

/// <summary>A verb of the command line.</summary>
internal interface IVerb
{
    /// <summary>What is too much.</summary>
    public IEnumerable<string> Surplus { get; }
}

/// <summary>A verb that is something that the agent is asked.</summary>
internal abstract class Verb : IVerb
{
    /// <inheritdoc/>
    [Value(1, Hidden = true)]
    public IEnumerable<string> Surplus { get; set; } = [];

    /// <summary>What the agent is asked.</summary>
    /// <exception cref="FormatException">An argument is not what it should be; the message is one line.</exception>
    public abstract ControlRequest Request();
}

/// <summary><c>enroll</c></summary>
[Verb("enroll", HelpText = "Make a VM that is at home mobile: it will keep its addresses when it is migrated.")]
internal sealed class EnrollVerb : Verb
{
    [Value(0, MetaName = "DOMAIN", Required = true, HelpText = "Its name or UUID. A name that begins with a dash follows --.")]
    public string Domain { get; set; } = "";

    [Option("home-address", MetaValue = "ADDRESS", HelpText = "An address of the guest's on the home link; may be repeated. The others are learnt as it uses them.")]
    public IEnumerable<string> HomeAddresses { get; set; } = [];

    [Option("home-agent", MetaValue = "ADDRESS", HelpText = "The home agent's address. Without it the home agents are found on the home link.")]
    public string? HomeAgent { get; set; }

    [Option("interface", MetaValue = "MAC", HelpText = "Only this interface, also beside others that are enrolled already; without it all that are on a home link.")]
    public string? Interface { get; set; }

    /// <inheritdoc/>
    public override ControlRequest Request() => new EnrollRequest(
        Domain,
        [.. HomeAddresses.Select(Ipv6Address.Parse)],
        HomeAgent is null ? null : Ipv6Address.Parse(HomeAgent),
        Interface is null ? null : LinkLayerAddress.Parse(Interface));
}

/// <summary><c>unenroll</c></summary>
[Verb("unenroll", HelpText = "Make a VM that is at home an ordinary one again.")]
internal sealed class UnenrollVerb : Verb
{
    [Value(0, MetaName = "DOMAIN", Required = true, HelpText = "Its name or UUID. A name that begins with a dash follows --.")]
    public string Domain { get; set; } = "";

    [Option("interface", MetaValue = "MAC", HelpText = "Only this interface; the others stay enrolled.")]
    public string? Interface { get; set; }

    /// <inheritdoc/>
    public override ControlRequest Request() => new UnenrollRequest(Domain, Interface is null ? null : LinkLayerAddress.Parse(Interface));
}

/// <summary><c>status</c></summary>
[Verb("status", HelpText = "Show where the enrolled VMs of this host are registered and how their packets travel.")]
internal sealed class StatusVerb : Verb
{
    [Value(0, MetaName = "DOMAIN", HelpText = "Only this one, by name or UUID. A name that begins with a dash follows --.")]
    public string? Domain { get; set; }

    [Option("watch", HelpText = "Show it again every second.")]
    public bool Watch { get; set; }

    [Option("json", HelpText = "Print JSON, one line each time.")]
    public bool Json { get; set; }

    /// <inheritdoc/>
    public override ControlRequest Request() => new StatusRequest(Domain);
}

/// <summary><c>history</c></summary>
[Verb("history", HelpText = "Show the moves that this host took part in, the newest last.")]
internal sealed class HistoryVerb : Verb
{
    [Value(
        0,
        MetaName = "DOMAIN",
        HelpText = "Only this one's, with each step of the last, by name or UUID. A name that begins with a dash follows --.")]
    public string? Domain { get; set; }

    [Option("json", HelpText = "Print JSON, with each step of each move.")]
    public bool Json { get; set; }

    [Option("html", MetaValue = "FILE", HelpText = "Write a page with the timeline of each move drawn.")]
    public string? Html { get; set; }

    [Option("with", MetaValue = "FILE", HelpText = "Draw also what the other host has seen: what history --json has printed there.")]
    public string? With { get; set; }

    /// <inheritdoc/>
    public override ControlRequest Request() =>
        With is not null && Html is null ? throw new FormatException("--with is for a page: name it by --html FILE")
        : Json && Html is not null ? throw new FormatException("--json or --html: one at a time")
        : new HistoryRequest(Domain);
}

/// <summary><c>recover</c></summary>
[Verb("recover", HelpText = "Say what is wrong with a VM, register it and build its data path again, and see by an echo whether it is reached.")]
internal sealed class RecoverVerb : Verb
{
    [Value(0, MetaName = "DOMAIN", HelpText = "Its name or UUID. A name that begins with a dash follows --.")]
    public string? Domain { get; set; }

    [Option("all", HelpText = "Every enrolled VM that runs on this host, as after its reboot.")]
    public bool All { get; set; }

    [Option("home", HelpText = "Take it for one on its home link, whatever is found.")]
    public bool Home { get; set; }

    [Option("away", HelpText = "Take it for one that is away, whatever is found.")]
    public bool Away { get; set; }

    [Option("release", HelpText = "Let go of one that runs elsewhere: remove what is left of it here, and tell no home agent.")]
    public bool Release { get; set; }

    [Option("dry-run", HelpText = "Only say what is wrong and what would be done.")]
    public bool DryRun { get; set; }

    /// <inheritdoc/>
    public override ControlRequest Request()
    {
        List<(RecoverAs As, string Option)> given =
        [
            .. new[] { (Home, RecoverAs.Home, "--home"), (Away, RecoverAs.Away, "--away"), (Release, RecoverAs.Release, "--release") }
                .Where(option => option.Item1).Select(option => (option.Item2, option.Item3)),
        ];
        return given.Count > 1 ? throw new FormatException($"{given[0].Option} or {given[1].Option}: one at a time")
            : All && Domain is not null ? throw new FormatException($"'{Domain}' or --all: one or all")
            : All && given.Count > 0 ? throw new FormatException($"{given[0].Option} is for one VM: name it in place of --all")
            : !All && Domain is null ? throw new FormatException("DOMAIN is missing: it goes before the options, or behind --. See kagemusha-hook --help.")
            : new RecoverRequest(Domain, given.FirstOrDefault().As, DryRun);
    }
}

/// <summary><c>doctor</c></summary>
[Verb("doctor", HelpText = "Look at everything that a move to or from this host will need, and say what to do.")]
internal sealed class DoctorVerb : IVerb
{
    [Option("json", HelpText = "Print JSON.")]
    public bool Json { get; set; }

    /// <inheritdoc/>
    [Value(0, Hidden = true)]
    public IEnumerable<string> Surplus { get; set; } = [];
}

/// <summary><c>migrate</c></summary>
[Verb("migrate", HelpText = "Move a VM to another host: as virsh migrate --live, with its progress, and the record of the move in the end.")]
internal sealed class MigrateVerb : IVerb
{
    [Value(0, MetaName = "DOMAIN", Required = true, HelpText = "Its name or UUID. A name that begins with a dash follows --.")]
    public string Domain { get; set; } = "";

    [Value(1, MetaName = "DESTURI", Required = true, HelpText = "The other host's libvirt, such as qemu+ssh://hv-b/system.")]
    public string Destination { get; set; } = "";

    [Option("postcopy", HelpText = "Where the VM writes its memory faster than it can be copied, run it there before all of it has come.")]
    public bool PostCopy { get; set; }

    [Option("bandwidth", MetaValue = "MIB", HelpText = "So many MiB in a second at most.")]
    public ulong? Bandwidth { get; set; }

    [Option("persistent", HelpText = "Keep its definition there.")]
    public bool Persistent { get; set; }

    [Option("undefinesource", HelpText = "Remove its definition here.")]
    public bool UndefineSource { get; set; }

    [Option("json", HelpText = "Print the record of the move as JSON.")]
    public bool Json { get; set; }

    /// <inheritdoc/>
    [Value(2, Hidden = true)]
    public IEnumerable<string> Surplus { get; set; } = [];
}
