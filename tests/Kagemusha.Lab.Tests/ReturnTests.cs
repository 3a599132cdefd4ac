namespace Kagemusha.Lab.Tests;

/// <summary>Back home (RFC 6275, section 11.5.5).</summary>
[Trait("Takes", "long")]
public sealed class ReturnTests(Lab lab)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void A_home_agent_that_is_silent_when_the_guest_comes_home_is_asked_until_it_answers_and_then_the_neighbours_are_told()
    {
        lab.VM.BeAt(lab.B);
        using var neighbour = new HomeNeighbour(lab);
        Assert.True(Reaches(neighbour));
        Assert.Contains(HomeBox.Mac, Known(neighbour), StringComparison.Ordinal);

        using var traffic = new Traffic(lab, lab.VM);
        using var link = lab.HomeLink.Capture("hv-a", $"icmp6 and ip6[40] == 136 or ip6 proto 135", "-e");
        lab.Home.SilenceHomeAgent();
        lab.VM.Move(lab.B, lab.A, "--persistent").Succeed();

        Wait.Until("its status says what is still to be done", Patience, () => lab.A.Status(lab.VM.Name).GetProperty("problems").GetArrayLength() > 0);
        var silent = lab.A.Status(lab.VM.Name);
        Assert.Equal("de-registering", silent.GetProperty("binding").GetString());
        Assert.Equal("hand-over-tunnel", silent.GetProperty("data_path").GetString());
        Assert.Contains("still defends the address", silent.GetProperty("problems")[0].GetString()!, StringComparison.Ordinal);
        Wait.Until("it is asked again", Patience, () => Updates().Count >= 2);
        Assert.Equal(Updates().Count, Updates().Distinct().Count());
        traffic.Flow();
        Assert.True(Reaches(neighbour));

        lab.Home.ResumeHomeAgent();
        lab.A.WaitForBinding(lab.VM.Name, "at home");
        foreach (var (who, entry) in ((string, Func<string>)[])[("the home router", () => lab.Home.Neighbour(lab.VM.Address)), ("the neighbour", () => Known(neighbour))])
        {
            Wait.Until($"{who} has the guest's own link-layer address", TimeSpan.FromSeconds(2), () => entry().Has(lab.VM.Mac));
        }

        Assert.True(Reaches(neighbour));
        var seen = link.Stop().ToList();
        var answered = seen.FindIndex(line => line.Has($"{HomeBox.Mac} > {lab.VM.Mac}") && line.Has("mobility: BA"));
        Assert.True(answered >= 0, string.Join('\n', seen));
        Assert.Contains(seen.Skip(answered), line => line.Has($"{lab.VM.Mac} > 33:33:00:00:00:01") && line.Has($"tgt is {lab.VM.Address}"));
        traffic.AssertWhole(lab.B, lab.A);

        foreach (var host in lab.Hosts)
        {
            Wait.Until($"nothing of ours is left on {host}", Patience, () => host.Links("kg").Count == 0);
        }

        Assert.Empty(lab.Home.Links("kg"));
        foreach (var definition in (string[][])[[], ["--inactive"]])
        {
            var xml = lab.A.Virsh(["dumpxml", .. definition, lab.VM.Domain]).Succeed().Output;
            Assert.Contains("<source bridge='br-home'/>", xml, StringComparison.Ordinal);
            Assert.DoesNotContain("ethernet", xml, StringComparison.Ordinal);
        }

        IReadOnlyList<string> Updates() => [.. link.Lines.Where(line => line.Has(lab.VM.Mac) && line.Has("BU"))];
    }

    private bool Reaches(HomeNeighbour neighbour) => neighbour.Run("ping", "-n", "-c", "1", "-W", "2", lab.VM.Address).ExitCode == 0;

    private string Known(HomeNeighbour neighbour) => neighbour.Run("ip", "-6", "neigh", "show", "to", lab.VM.Address, "dev", "lan").Succeed().Output;
}
