namespace Kagemusha.Lab.Tests;

/// <summary>An ordinary node on the home link, until it is disposed of.</summary>
internal sealed class HomeNeighbour : Box, IDisposable
{
    public const string Address = "2001:db8:1::99";
    public const string Mac = "02:00:00:00:00:99";

    private const string Namespace = "neighbour";

    public HomeNeighbour(Lab lab)
        : base(Namespace)
    {
        Command.Run(["ip", "netns", "add", Namespace]).Succeed();
        lab.HomeLink.Run("ip", "link", "add", Namespace, "type", "veth", "peer", "name", "lan", "netns", Namespace).Succeed();
        lab.HomeLink.Run("ip", "link", "set", Namespace, "master", "switch", "up").Succeed();
        Shell($"""
            ip link set lan address {Mac} addrgenmode none
            ip link set lan up
            ip address add {Address}/64 dev lan nodad
            """);
    }

    public void Dispose() => Command.Run(["ip", "netns", "delete", Namespace]);
}
