namespace Kagemusha.Lab.Tests;

/// <summary>A bridge of the home bridge's name on a foreign host, with a router of its own that has nothing to give, until it is disposed of.</summary>
internal sealed class ForeignBridge : IDisposable
{
    private readonly Hypervisor _host;

    public ForeignBridge(Hypervisor host)
    {
        _host = host;
        host.Shell("""
            ip link add br-home type bridge forward_delay 0 mcast_snooping 0
            ip link add near type veth peer name far
            sysctl -qw net.ipv6.conf.near.accept_ra=0 net.ipv6.conf.br-home.accept_ra=0
            ip link set br-home up
            ip link set near master br-home up
            ip link set far up
            ip address add fe80::77/64 dev far nodad
            cat >/etc/foreign-radvd.conf <<X
            interface far {
              AdvSendAdvert on;
              MinRtrAdvInterval 3;
              MaxRtrAdvInterval 10;
              AdvDefaultLifetime 0;
              prefix 2001:db8:77::/64 {
                AdvOnLink on;
                AdvAutonomous off;
              };
            };
            X
            radvd --config /etc/foreign-radvd.conf --pidfile /run/foreign-radvd.pid --logmethod logfile --logfile /var/log/foreign-radvd.log
            """);
    }

    /// <summary>The bridge's ports.</summary>
    public IReadOnlyList<string> Ports => _host.Run("ls", "/sys/class/net/br-home/brif").Lines;

    public void Dispose()
    {
        _host.Shell("kill $(cat /run/foreign-radvd.pid)");
        _host.Run("ip", "link", "delete", "far");
        _host.Run("ip", "link", "delete", "br-home");
    }
}
