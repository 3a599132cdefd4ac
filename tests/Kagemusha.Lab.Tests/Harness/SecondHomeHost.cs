namespace Kagemusha.Lab.Tests;

/// <summary>A foreign host that has a bridge on the home link, too, of the home bridge's name, until it is disposed of.</summary>
internal sealed class SecondHomeHost : IDisposable
{
    private const string SwitchPort = "second";

    private readonly Lab _lab;
    private readonly Hypervisor _host;

    public SecondHomeHost(Lab lab, Hypervisor host)
    {
        (_lab, _host) = (lab, host);
        lab.HomeLink.Run("ip", "link", "add", SwitchPort, "type", "veth", "peer", "name", "lan", "netns", host.Name).Succeed();
        lab.HomeLink.Run("ip", "link", "set", SwitchPort, "master", "switch", "up").Succeed();
        // As hv-a, the host itself has no address there.
        host.Shell("""
            ip link add br-home type bridge forward_delay 0
            sysctl -qw net.ipv6.conf.lan.accept_ra=0 net.ipv6.conf.br-home.accept_ra=0
            ip link set br-home up
            ip link set lan master br-home up
            """);
    }

    public void Dispose()
    {
        _host.Run("ip", "link", "delete", "br-home");
        _lab.HomeLink.Run("ip", "link", "delete", SwitchPort);
    }
}
