using System.Globalization;
using System.Text.RegularExpressions;

namespace Kagemusha.Lab.Tests;

/// <summary>kagemushad is not there, or goes and comes back.</summary>
[Trait("Takes", "long")]
public sealed partial class AgentFailureTests(Lab lab)
{
    [GeneratedRegex(@"seq#=(\d+)")]
    private static partial Regex Sequence { get; }

    [Fact]
    public void A_destination_without_agent_refuses_before_memory_is_copied_and_says_what_to_start()
    {
        lab.VM.BeAt(lab.A);
        lab.B.WaitForHandOversToEnd();
        using var traffic = new Traffic(lab, lab.VM);
        lab.B.KillAgent();
        using var memory = lab.Core.Capture("hv-b", "tcp dst portrange 49152-49215");
        var refused = lab.VM.Move(lab.A, lab.B);
        lab.B.StartAgent();

        Assert.Equal(1, refused.ExitCode);
        var line = refused.OneError();
        Assert.Contains("systemctl start kagemushad", line, StringComparison.Ordinal);
        Assert.Contains("hv-b", line, StringComparison.Ordinal);
        Assert.Empty(memory.Stop());
        Assert.True(lab.VM.IsRunningOn(lab.A));
        traffic.AssertWhole(lab.A);
        Assert.Empty(lab.B.Links("kg"));
    }

    [Fact]
    public void An_agent_that_is_killed_while_its_guest_is_away_loses_neither_tunnel_nor_binding_nor_a_probe()
    {
        lab.VM.BeAt(lab.B);
        using var updates = lab.B.Capture("wan", $"ip6 proto 60 and dst {HomeBox.Address}");
        lab.B.Hook("recover", lab.VM.Name).Succeed();
        var before = LastSequence(updates);
        lab.B.WaitForHandOversToEnd();
        var links = lab.B.Links("kg");

        // The agent is away for the first second, and taken up again long before the pings end.
        using var ping = new Command(lab.Correspondent.Line("ping", "-n", "-q", "-i", "0.01", "-c", "400", lab.VM.Address));
        lab.B.KillAgent();
        lab.B.StartAgent();
        Assert.False(ping.HasEnded, "the pings ended before the agent was back");
        lab.B.WaitForBinding(lab.VM.Name, "registered");
        Assert.Contains(" 0% packet loss", ping.Finish().Output, StringComparison.Ordinal);
        Assert.Equal(links, lab.B.Links("kg"));

        lab.B.Hook("recover", lab.VM.Name).Succeed();
        Assert.InRange((ushort)(LastSequence(updates) - before), 1, 0x7fff);
        Assert.Equal(links, lab.B.Links("kg"));
    }

    [Fact]
    public void A_guest_that_is_started_without_agent_runs_and_is_taken_up_when_one_comes()
    {
        lab.Restore();
        lab.Dash.Destroy();
        lab.Dash.Define();
        lab.Dash.Enroll();
        lab.A.KillAgent();
        lab.Dash.Start();
        Assert.Contains(lab.A.DomainLog(lab.Dash.Name).Split('\n'), line => line.Has("went on"));

        lab.A.StartAgent();
        lab.A.WaitForBinding(lab.Dash.Name, "at home");
        Assert.Equal("home-link", lab.A.Status(lab.Dash.Name).GetProperty("data_path").GetString());
        Assert.Contains("taken up", lab.A.DomainLog(lab.Dash.Name), StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_whose_name_begins_with_a_dash_is_none_the_worse()
    {
        lab.Dash.BeAt(lab.A);
        lab.Dash.Move(lab.A, lab.B).Succeed();
        lab.Dash.WaitUntilReachable();
        lab.B.WaitForBinding(lab.Dash.Name, "registered");
        var table = lab.B.Hook("status", "--", lab.Dash.Name).Succeed().Lines;
        Assert.Contains(table, line => line.StartsWith("-vm1 ", StringComparison.Ordinal));
        Assert.Contains("arrived", lab.B.DomainLog(lab.Dash.Name), StringComparison.Ordinal);
        Assert.Equal(1, lab.Dash.Boots);
    }

    private static int LastSequence(Capture updates)
    {
        updates.WaitFor("a Binding Update", Sequence.IsMatch);
        var last = Sequence.Match(updates.Lines.Last(Sequence.IsMatch));
        return int.Parse(last.Groups[1].Value, CultureInfo.InvariantCulture);
    }
}
