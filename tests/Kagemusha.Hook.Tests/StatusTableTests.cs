using Kagemusha.Control;
using Kagemusha.Control.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Hook.Tests;

public class StatusTableTests
{
    internal static readonly DomainStatus Away = new(
        "vm",
        Guid.Parse("c0ffee00-0000-4000-8000-000000000001"),
        "running",
        Domains.Mac,
        Ipv6Address.Parse("2001:db8:1::42"),
        Ipv6Address.Parse("2001:db8:b::10"),
        Ipv6Address.Parse("2001:db8:1::2"),
        "registered",
        540,
        DataPath.HomeAgentTunnel,
        [],
        HomeAddressOrigin.Given,
        []);

    [Fact]
    public void Columns_are_aligned_and_problems_stand_below()
    {
        var off = Away with
        {
            Name = "-a-longer-name",
            State = "shut off",
            CareOfAddress = null,
            Binding = "none",
            RemainingLifetime = null,
            DataPath = DataPath.None,
            Problems = ["the home agent does not answer", "the tunnel is not ours"],
        };

        Assert.Equal(
            """
            DOMAIN          STATE     INTERFACE          HOME ADDRESS    CARE-OF ADDRESS  HOME AGENT     BINDING     LIFETIME  DATA PATH
            vm              running   52:54:00:00:00:01  2001:db8:1::42  2001:db8:b::10   2001:db8:1::2  registered  540 s     home-agent-tunnel
            -a-longer-name  shut off  52:54:00:00:00:01  2001:db8:1::42  -                2001:db8:1::2  none        -         none
              -a-longer-name: the home agent does not answer
              -a-longer-name: the tunnel is not ours
            IPv4 is not carried while a VM is away
            """.ReplaceLineEndings("\n").Split('\n'),
            StatusTable.Lines([Away, off]));
    }

    [Fact]
    public void The_other_home_agents_stand_below() => Assert.Equal(
        "  vm: other home agents: 2001:db8:1::3, 2001:db8:1::4",
        StatusTable.Lines([Away with { OtherHomeAgents = [Ipv6Address.Parse("2001:db8:1::3"), Ipv6Address.Parse("2001:db8:1::4")] }]).ElementAt(2));

    [Theory]
    [InlineData(DataPath.None, "none")]
    [InlineData(DataPath.HomeLink, "home-link")]
    [InlineData(DataPath.HomeAgentTunnel, "home-agent-tunnel")]
    [InlineData(DataPath.HandOverTunnel, "hand-over-tunnel")]
    public void A_path_has_the_word_that_JSON_has_for_it(DataPath path, string word) =>
        Assert.EndsWith($"  {word}", StatusTable.Lines([Away with { DataPath = path }]).ElementAt(1), StringComparison.Ordinal);

    [Fact]
    public void At_home_without_an_address_there_is_a_dash()
    {
        var home = Away with { HomeAddress = null, CareOfAddress = null, Binding = "none", RemainingLifetime = null, DataPath = DataPath.None, Origin = null };

        Assert.Equal(
            [
                "DOMAIN  STATE    INTERFACE          HOME ADDRESS  CARE-OF ADDRESS  HOME AGENT     BINDING  LIFETIME  DATA PATH",
                "vm      running  52:54:00:00:00:01  -             -                2001:db8:1::2  none     -         none",
            ],
            StatusTable.Lines([home]));
    }

    [Fact]
    public void Nothing_is_said_in_words() => Assert.Equal(["no VM on this host is enrolled"], StatusTable.Lines([]));
}
