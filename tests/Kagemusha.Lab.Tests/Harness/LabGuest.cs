namespace Kagemusha.Lab.Tests;

/// <summary>An enrolled guest. Its home is hv-a.</summary>
internal sealed class LabGuest(Lab lab, string name, string mac, string address)
{
    private static readonly TimeSpan BootPatience = TimeSpan.FromSeconds(180);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    public string Name { get; } = name;

    /// <summary>virsh takes it whatever it begins with.</summary>
    public string Domain => $"--domain={Name}";

    /// <summary>Its link-layer address.</summary>
    public string Mac { get; } = mac;

    /// <summary>The home address.</summary>
    public string Address { get; } = address;

    /// <summary>The address that it has made itself on its link.</summary>
    public string LinkLocal => Address.Replace("2001:db8:1:0:", "fe80::", StringComparison.Ordinal);

    /// <summary>The name of its tap on a foreign host.</summary>
    public string AwayTap => "kg" + Mac.Replace(":", "", StringComparison.Ordinal);

    /// <summary>Its UUID, as define-guest makes it.</summary>
    public string Uuid => "c0ffee00-0000-4000-8000-" + Mac.Replace(":", "", StringComparison.Ordinal);

    /// <summary>The lines of its console.</summary>
    public IReadOnlyList<string> Console => File.ReadAllLines(Path.Combine(lab.Out, $"{Name}.console"));

    /// <summary>How often it has booted since it was defined: a guest that was moved has once.</summary>
    public int Boots => Console.Count(line => line.Has("GUEST-BOOT"));

    /// <summary>Where it runs, or null.</summary>
    public Hypervisor? Host => lab.Hosts.FirstOrDefault(IsRunningOn);

    /// <summary>It runs there, and answers: moved there, or started anew at home first if it was lost.</summary>
    public void BeAt(Hypervisor host)
    {
        lab.Restore();
        if (IsRunningOn(host) && lab.Reaches(Address))
        {
            return;
        }

        var current = Host;
        if (current is null || !Answers())
        {
            Destroy();
            if (lab.Home.Defends(Address))
            {
                // It was lost away: its home agent would keep the address from it.
                lab.Home.EraseHomeAgent();
                lab.Home.StartHomeAgent();
                lab.RegisterOthersAgain(this);
            }

            Define();
            Enroll();
            Start();
            current = lab.A;
        }

        if (current != host)
        {
            Move(current, host).Succeed();
        }

        WaitUntilReachable();
    }

    /// <summary>Defines it at home, neither enrolled nor started.</summary>
    public void Define() => Command.Run(["define-guest", lab.A.Name, Name, Mac]).Succeed();

    /// <summary>Enrolls it at home.</summary>
    public CommandResult Enroll() =>
        lab.A.Hook("enroll", "--home-address", Address, "--home-agent", HomeBox.Address, "--", Name).Succeed();

    /// <summary>Starts it at home, and waits until it answers.</summary>
    public void Start()
    {
        lab.A.Virsh("start", Domain).Succeed();
        WaitUntilUp();
        WaitUntilReachable();
    }

    /// <summary>Does what makes it boot once, and waits until it answers again.</summary>
    public void Boot(Action boot)
    {
        var boots = Boots;
        boot();
        Wait.Until($"{Name} boots again", BootPatience, () => Boots == boots + 1);
        WaitUntilUp();
        WaitUntilReachable();
    }

    /// <summary>Waits until it has taken its address in its last boot.</summary>
    public void WaitUntilUp() => Wait.Until(
        $"{Name} has its address",
        BootPatience,
        () => Console.Count(line => line.Has($"GUEST-UP {Address}")) == Boots && Boots > 0);

    /// <summary>Migrates it.</summary>
    public CommandResult Move(Hypervisor from, Hypervisor to, params string[] options) =>
        from.Virsh(["migrate", "--live", .. options, Domain, $"qemu+tcp://{to.Name}/system"]);

    /// <summary>Waits until it answers the correspondent node.</summary>
    public void WaitUntilReachable() => Wait.Until($"{Name} answers at {Address}", Patience, () => lab.Reaches(Address));

    /// <summary>Runs lines of the shell in the guest, which the correspondent node reaches it for.</summary>
    public string Shell(string lines) =>
        Command.Run(lab.Correspondent.Line("socat", "-t", "20", "-", $"TCP6:[{Address}]:23"), lines + "\n").Succeed().Output;

    public bool IsRunningOn(Hypervisor host) => host.Virsh("domstate", Domain).Output.Trim() == "running";

    /// <summary>Takes it from all hosts, wherever a test has left it.</summary>
    public void Destroy()
    {
        foreach (var host in lab.Hosts)
        {
            host.Virsh("destroy", Domain);
            host.Virsh("undefine", Domain);
        }

        foreach (var host in lab.Hosts)
        {
            Wait.Until($"{Name} is gone from {host}", Patience, () => host.Run("ip", "link", "show", "dev", AwayTap).ExitCode != 0);
        }
    }

    private bool Answers()
    {
        try
        {
            WaitUntilReachable();
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
