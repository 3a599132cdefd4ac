namespace Kagemusha.Lab.Tests;

/// <summary>A guest with two interfaces on its home link: each has home addresses of its own, and they move together.</summary>
[Trait("Takes", "long")]
public sealed class TwoInterfacesTests(Lab lab)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    [Fact]
    public void Both_move_away_and_home_and_no_packet_of_either_is_lost()
    {
        lab.VM.BeAt(lab.A);
        using var second = new SecondInterface(lab, lab.VM);
        Assert.Contains(second.Enroll().Lines, line => line.Has($"home addresses: {SecondInterface.Address};"));
        AssertBoth(lab.A, "at home", "home-link");

        using var traffic = new Traffic(lab, lab.VM);
        using var pings = new Pings(lab.Correspondent, SecondInterface.Address);
        lab.VM.Move(lab.A, lab.B).Succeed();
        traffic.Flow();
        AssertBoth(lab.B, "registered", "home-agent-tunnel");
        lab.VM.Move(lab.B, lab.C).Succeed();
        traffic.Flow();
        AssertBoth(lab.C, "registered", "home-agent-tunnel");
        lab.VM.Move(lab.C, lab.A).Succeed();
        traffic.Flow();
        AssertBoth(lab.A, "at home", "home-link");

        traffic.AssertWhole(lab.A, lab.B, lab.C, lab.A);
        var (sent, answered) = pings.Stop();
        Assert.Equal(sent, answered);

        second.Unenroll();
        Assert.Equal(lab.VM.Mac, lab.A.Status(lab.VM.Name).GetProperty("interface").GetString());
    }

    [Fact]
    public void Away_a_guest_may_answer_for_one_interface_by_the_other()
    {
        lab.VM.BeAt(lab.A);
        using var second = new SecondInterface(lab, lab.VM);
        second.Enroll();
        lab.VM.Move(lab.A, lab.B).Succeed();
        AssertBoth(lab.B, "registered", "home-agent-tunnel");

        using (var tap = lab.B.Capture(SecondInterface.AwayTap, "icmp6"))
        {
            lab.VM.Shell("ip -6 route add default via fe80::ff:fe00:1 dev eth1 metric 1");
            Assert.True(lab.Reaches(lab.VM.Address));
            Assert.True(lab.Reaches(SecondInterface.Address));
            tap.WaitFor("the answer by the other interface", line => line.Has($"{lab.VM.Address} > {Lab.CorrespondentAddress}") && line.Has("echo reply"));
            lab.VM.Shell("ip -6 route del default via fe80::ff:fe00:1 dev eth1 metric 1");
        }

        lab.VM.Move(lab.B, lab.A).Succeed();
        AssertBoth(lab.A, "at home", "home-link");
        Assert.True(lab.Reaches(lab.VM.Address));
        Assert.True(lab.Reaches(SecondInterface.Address));
    }

    [Fact]
    public void One_that_is_unused_or_has_no_way_to_its_home_agent_does_not_hinder_a_move_of_the_other()
    {
        const string Nowhere = "2001:db8:ffff::2";
        lab.VM.BeAt(lab.A);
        using var second = new SecondInterface(lab, lab.VM);
        lab.VM.Shell("ip link set eth1 down");
        second.Enroll("--home-agent", Nowhere);
        lab.B.Run("ip", "-6", "route", "add", "unreachable", "2001:db8:ffff::/48").Succeed();
        try
        {
            lab.VM.Move(lab.A, lab.B).Succeed();
            lab.VM.WaitUntilReachable();
            var severed = lab.B.Addresses(lab.VM.Name)[""];
            Assert.Equal(("severed", SecondInterface.Mac), (Word(severed, "binding"), Word(severed, "interface")));
            Assert.Contains(severed.GetProperty("problems").EnumerateArray(), problem => problem.GetString()!.Has($"no route to the home agent {Nowhere}"));
            Assert.Contains("master kgvrf", lab.B.Run("ip", "link", "show", SecondInterface.AwayTap).Succeed().Output, StringComparison.Ordinal);
        }
        finally
        {
            lab.B.Run("ip", "-6", "route", "del", "unreachable", "2001:db8:ffff::/48");
        }

        Wait.Until("it is severed no more", Patience, () => Word(lab.B.Addresses(lab.VM.Name)[""], "care_of_address") == lab.B.CareOfAddress);
        lab.VM.Move(lab.B, lab.A).Succeed();
        lab.VM.Shell("ip link set eth1 up");
        Wait.Until($"{SecondInterface.Address} is known", Patience, () => lab.A.Addresses(lab.VM.Name).ContainsKey(SecondInterface.Address));
        AssertBoth(lab.A, "at home", "home-link");
        Assert.True(lab.Reaches(SecondInterface.Address));
    }

    private static string? Word(System.Text.Json.JsonElement status, string name) => status.GetProperty(name).GetString();

    /// <summary>Waits until it says this of both home addresses.</summary>
    private void AssertBoth(Hypervisor host, string binding, string dataPath)
    {
        Wait.Until($"both are {binding} on {host}", Patience, () =>
            host.Addresses(lab.VM.Name) is var addresses && addresses.Count == 2 && addresses.Values.All(status => Word(status, "binding") == binding && Word(status, "data_path") == dataPath));
        var known = host.Addresses(lab.VM.Name);
        Assert.Equal(lab.VM.Mac, Word(known[lab.VM.Address], "interface"));
        Assert.Equal(SecondInterface.Mac, Word(known[SecondInterface.Address], "interface"));
        Assert.All(known.Values, status => Assert.Empty(status.GetProperty("problems").EnumerateArray()));
    }
}
