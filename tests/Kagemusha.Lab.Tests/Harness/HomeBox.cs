namespace Kagemusha.Lab.Tests;

/// <summary>The home link's router, with our home agent.</summary>
internal sealed class HomeBox() : Box("home")
{
    /// <summary>Its address: where tunnels end, and the guests' home agent.</summary>
    public const string Address = "2001:db8:1::1";

    private bool _homeAgentRuns = true;

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

    /// <summary>What its kernel knows of a neighbour on the home link: "2001:db8:1::10 lladdr 52:54:00:00:00:10 REACHABLE".</summary>
    public string Neighbour(string address) => Run("ip", "-6", "neigh", "show", "to", address, "dev", "lan").Succeed().Output;

    /// <summary>Whatever a test did: the home agent runs.</summary>
    public void Restore()
    {
        if (!_homeAgentRuns)
        {
            StartHomeAgent();
        }
    }
}
