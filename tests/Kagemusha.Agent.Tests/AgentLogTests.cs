namespace Kagemusha.Agent.Tests;

public sealed class AgentLogTests
{
    [Theory]
    [InlineData("plain")]
    [InlineData("-vm1")]
    [InlineData("with space")]
    [InlineData("${message}")]
    public void A_decision_is_one_line_in_the_domains_log_and_in_the_agents(string domain)
    {
        TestLog.Log.Decision(domain, "hook migrate begin: accepted", TimeSpan.FromMilliseconds(12.34));

        var line = Assert.Single(File.ReadAllLines(Path.Combine(TestLog.Directory, $"{domain}.log")));
        Assert.Matches(@"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000: kagemusha: hook migrate begin: accepted \(12\.3 ms\)$", line);
        Assert.Contains(ReadAgentLog(), written => written.EndsWith($" info {domain}: hook migrate begin: accepted (12.3 ms)", StringComparison.Ordinal));
    }

    [Fact]
    public void A_failed_decision_is_a_warning_of_the_agents_and_what_is_of_no_domain_is_in_no_domains_log()
    {
        TestLog.Log.Decision("failing", "refused", failed: true);
        TestLog.Log.Error("of no domain");

        Assert.Contains(ReadAgentLog(), line => line.EndsWith(" warn failing: refused", StringComparison.Ordinal));
        Assert.Contains(ReadAgentLog(), line => line.EndsWith(" error of no domain", StringComparison.Ordinal));
        Assert.DoesNotContain("of no domain", File.ReadAllText(Path.Combine(TestLog.Directory, "failing.log")), StringComparison.Ordinal);
    }

    private static string[] ReadAgentLog() => File.ReadAllLines(Path.Combine(TestLog.Directory, "kagemushad.log"));
}
