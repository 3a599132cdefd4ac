namespace Kagemusha.Lab.Tests;

/// <summary>The home link's router, with our home agent.</summary>
internal sealed class HomeBox() : Box("home")
{
    /// <summary>Its address: where tunnels end, and the guests' home agent.</summary>
    public const string Address = "2001:db8:1::1";

    /// <summary>Its link-layer address there.</summary>
    public const string Mac = "02:00:00:00:00:01";

    private bool _homeAgentRuns = true;
    private bool _homeAgentIsSilent;

    public void StartHomeAgent()
    {
        StartInBackground("/usr/sbin/kagemusha-ha");
        _homeAgentRuns = true;
    }

    /// <summary>Kills the home agent and takes all that it knew and had in the kernel.</summary>
    public void EraseHomeAgent()
    {
        Kill("kagemusha-ha");
        _homeAgentRuns = false;
        Shell("rm -f /var/lib/kagemusha/*");
        foreach (var link in Links("kg"))
        {
            Run("ip", "link", "delete", link.Split(' ')[1]);
        }
    }

    /// <summary>Whether the home agent answers for an address.</summary>
    public bool Defends(string address) => Run("ip", "-6", "neigh", "show", "proxy").Succeed().Output.Has($"{address} ");

    /// <summary>Stops the home agent, which keeps what it has in the kernel: it hears nothing and says nothing.</summary>
    public void SilenceHomeAgent()
    {
        _homeAgentIsSilent = true;
        Run("pkill", "-STOP", "-x", "kagemusha-ha").Succeed();
    }

    /// <summary>Lets it go on.</summary>
    public void ResumeHomeAgent()
    {
        Run("pkill", "-CONT", "-x", "kagemusha-ha").Succeed();
        _homeAgentIsSilent = false;
    }

    /// <summary>What its kernel knows of a neighbour on the home link: "2001:db8:1::10 lladdr 52:54:00:00:00:10 REACHABLE".</summary>
    public string Neighbour(string address) => Run("ip", "-6", "neigh", "show", "to", address, "dev", "lan").Succeed().Output;

    /// <summary>Whatever a test did: the home agent runs.</summary>
    public void Restore()
    {
        if (_homeAgentIsSilent)
        {
            ResumeHomeAgent();
        }

        if (!_homeAgentRuns)
        {
            StartHomeAgent();
        }
    }
}
