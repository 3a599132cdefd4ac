namespace Kagemusha.Lab.Tests;

/// <summary>A look from inside shows what has changed, and hides nothing but what may.</summary>
public sealed class InsideViewTests
{
    private const string Look = """
        2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qlen 1000
            inet6 2001:db8:1:0:5054:ff:fe00:10/64 scope global dynamic flags 100 
               valid_lft 7178sec preferred_lft 4sec
            inet6 fe80::5054:ff:fe00:10/64 scope link 
               valid_lft forever preferred_lft forever
        --
        2001:db8:1::/64 dev eth0  metric 256  expires 0sec
        default via fe80::ff:fe00:1 dev eth0  metric 1024  expires 0sec
        --
        fe80::ff:fe00:1 dev eth0 lladdr 02:00:00:00:00:01 router ref 1 used 0/0/0 probes 1 REACHABLE
        2001:db8:1::99 dev eth0 lladdr 02:00:00:00:00:99 ref 1 used 0/0/0 probes 4 STALE
        --
        [    8.298329] ACPI: \_SB_.LNKB: Enabled at IRQ 10
        [    9.622718] IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready

        """;

    [Theory]
    [InlineData("7178sec", "86400sec")]
    [InlineData("preferred_lft 4sec", "preferred_lft 14400sec")]
    [InlineData("expires 0sec", "expires 29sec")]
    [InlineData("mtu 1500", "mtu 1460")]
    [InlineData("REACHABLE", "DELAY")]
    [InlineData("ref 1 used 0/0/0 probes 4", "ref 2 used 1/12/3 probes 1")]
    [InlineData("[    9.622718]", "[   11.100000]")]
    public void Timers_reachability_and_the_MTU_do_not_show(string before, string after) =>
        InsideView.Read(Look).AssertSame(InsideView.Read(Look.Replace(before, after, StringComparison.Ordinal)));

    [Theory]
    [InlineData("    inet6 2001:db8:1:0:5054:ff:fe00:10/64 scope global dynamic flags 100 \n", "")]
    [InlineData("dynamic flags 100", "deprecated dynamic flags 100")]
    [InlineData("scope link ", "scope link tentative ")]
    [InlineData("preferred_lft 4sec", "preferred_lft 0sec")]
    [InlineData("preferred_lft 4sec", "preferred_lft forever")]
    [InlineData("2001:db8:1::/64 dev eth0  metric 256  expires 0sec\n", "")]
    [InlineData("default via fe80::ff:fe00:1 dev eth0  metric 1024  expires 0sec\n", "")]
    [InlineData("default via fe80::ff:fe00:1", "default via fe80::1")]
    [InlineData("02:00:00:00:00:01 router", "02:00:00:00:00:01")]
    [InlineData("lladdr 02:00:00:00:00:01", "lladdr 02:00:00:00:00:02")]
    [InlineData("2001:db8:1::99 dev eth0 lladdr 02:00:00:00:00:99", "2001:db8:1::99 dev eth0 lladdr 02:00:00:00:00:01")]
    [InlineData("2001:db8:1::99 dev eth0 lladdr 02:00:00:00:00:99 ref 1 used 0/0/0 probes 4 STALE\n", "")]
    [InlineData("STALE", "FAILED")]
    [InlineData("link becomes ready\n", "link becomes ready\n[   70.123456] IPv6: eth0: IPv6 duplicate address detected\n")]
    public void Anything_else_shows(string before, string after) => Assert.ThrowsAny<Exception>(() =>
        InsideView.Read(Look).AssertSame(InsideView.Read(Look.Replace(before, after, StringComparison.Ordinal))));

    [Fact]
    public void The_link_layer_address_of_a_neighbour_elsewhere_may_be_another_and_nothing_else_of_it()
    {
        var elsewhere = Look.Replace("lladdr 02:00:00:00:00:99", "lladdr 02:00:00:00:00:01", StringComparison.Ordinal);
        InsideView.Read(Look).AssertSame(InsideView.Read(elsewhere), "2001:db8:1::99");
        var failed = Look.Replace("STALE", "FAILED", StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => InsideView.Read(Look).AssertSame(InsideView.Read(failed), "2001:db8:1::99"));
    }
}
