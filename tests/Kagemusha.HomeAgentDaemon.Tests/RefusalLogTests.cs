using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon.Tests;

public sealed class RefusalLogTests
{
    private readonly RefusalLog _log = new();

    private List<string> Lines(double now, int home = 1, BindingStatus status = BindingStatus.AdministrativelyProhibited) =>
        [.. _log.Lines(TimeSpan.FromSeconds(now), new(new((ulong)home), Ipv6Address.Parse("2001:db8:f1::a"), status, "the access list does not have the home address"))];

    [Fact]
    public void A_refusal_is_one_line_that_names_the_cause() => Assert.Equal(
        ["::1: refused at 2001:db8:f1::a with status 129: the access list does not have the home address"], Lines(100));

    [Fact]
    public void The_same_is_said_once_in_a_minute()
    {
        Assert.Single(Lines(100));
        Assert.Empty(Lines(101));
        Assert.Single(Lines(102, home: 2));
        Assert.Single(Lines(103, status: BindingStatus.NotHomeSubnet));
        Assert.Empty(Lines(159));
        Assert.Equal(
            ["2 more updates were refused like those before", "::1: refused at 2001:db8:f1::a with status 129: the access list does not have the home address"],
            Lines(160));
        Assert.Single(Lines(220));
    }

    [Fact]
    public void Strangers_do_not_fill_the_log()
    {
        Assert.Equal(100, Enumerable.Range(1, 5000).Sum(home => Lines(100, home).Count));
        Assert.Equal("4900 more updates were refused like those before", Lines(200)[0]);
    }
}
