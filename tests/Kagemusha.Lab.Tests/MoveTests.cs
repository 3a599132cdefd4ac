using System.Text.Json;
using System.Text.RegularExpressions;

namespace Kagemusha.Lab.Tests;

/// <summary>The main job: plain migrations of an enrolled guest, which answers on under the same address.</summary>
[Trait("Takes", "long")]
public sealed partial class MoveTests(Lab lab)
{
    [GeneratedRegex("suspended to leave(.|\n)*(moved away|gone from)")]
    private static partial Regex Departure { get; }

    [Fact]
    public void A_guest_that_leaves_home_answers_through_the_home_agents_tunnel()
    {
        lab.VM.BeAt(lab.A);
        using (new Pings(lab.Correspondent, lab.VM.Address))
        {
            Move(lab.A, lab.B);
        }

        AssertAway(lab.B);
        AssertGone(lab.A);
        AssertRecorded(lab.A, lab.B);
    }

    [Fact]
    public void A_guest_is_reached_through_the_host_that_it_has_left_while_its_home_agent_does_not_answer()
    {
        var silence = TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("KG_TEST_ALL") == "1" ? 60 : 5);
        lab.VM.BeAt(lab.A);
        using var traffic = new Traffic(lab, lab.VM);
        try
        {
            lab.Home.EraseHomeAgent();
            using (var uplink = lab.Core.Capture("hv-a", "ip6 proto 41"))
            {
                lab.VM.Move(lab.A, lab.B).Succeed();
                lab.VM.WaitUntilReachable();
                uplink.WaitFor("a packet to the guest from host to host", line =>
                    line.Has($"{lab.A.CareOfAddress} > {lab.B.CareOfAddress}: IP6 {Lab.CorrespondentAddress} > {lab.VM.Address}"));
                uplink.WaitFor("a packet from the guest from host to host", line =>
                    line.Has($"{lab.B.CareOfAddress} > {lab.A.CareOfAddress}: IP6 {lab.VM.Address} > {Lab.CorrespondentAddress}"));
            }

            // The home router asks for an address that nobody has now but the host that it has left.
            lab.Home.Run("ip", "-6", "neigh", "flush", "to", lab.VM.Address).Succeed();
            traffic.Flow(silence);
        }
        finally
        {
            lab.Home.StartHomeAgent();
        }

        lab.B.WaitForBinding(lab.VM.Name, "registered");
        traffic.AssertWhole(lab.A, lab.B);
        AssertAway(lab.B);
        AssertGone(lab.A);
    }

    [Fact]
    public void A_guest_that_moves_from_one_foreign_host_to_another_answers_there()
    {
        lab.VM.BeAt(lab.B);
        Move(lab.B, lab.C);
        AssertAway(lab.C);
        AssertGone(lab.B);
    }

    [Fact]
    public void A_guest_that_comes_home_is_on_its_bridge_as_without_us()
    {
        lab.VM.BeAt(lab.C);
        using (var lastUplink = lab.Core.Capture("hv-c", "ip6 proto 60 or ip6 proto 43"))
        using (var complaints = lab.HomeLink.Capture("hv-a", $"icmp6 and src {lab.VM.Address} and ip6[40] == 4"))
        {
            Move(lab.C, lab.A);
            lastUplink.WaitFor("its de-registration from where it was", line => line.Has($"{lab.C.CareOfAddress} > {HomeBox.Address}") && line.Has("lifetime=0"));
            lastUplink.WaitFor("the answer to it", line => line.Has($"{HomeBox.Address} > {lab.C.CareOfAddress}"));
            Assert.Empty(complaints.Stop());
        }

        AssertGone(lab.C);

        using var tunnels = lab.Core.Capture("any", "ip6 proto 41");
        using var homeLink = lab.HomeLink.Capture("hv-a", $"icmp6 and host {lab.VM.Address}");
        Assert.True(lab.Reaches(lab.VM.Address));
        homeLink.WaitFor("the echo", line => line.Has($"{Lab.CorrespondentAddress} > {lab.VM.Address}: ICMP6, echo request"));
        homeLink.WaitFor("its answer", line => line.Has($"{lab.VM.Address} > {Lab.CorrespondentAddress}: ICMP6, echo reply"));
        Assert.Empty(tunnels.Stop());
        Wait.Until("the hand-over's tunnel is closed", TimeSpan.FromSeconds(30), () => lab.A.Links("kg").Count == 0);
        Assert.Empty(lab.Home.Links("kg"));
        Assert.Contains("br-home", lab.A.Virsh("domiflist", lab.VM.Domain).Output, StringComparison.Ordinal);

        var status = lab.A.Status(lab.VM.Name);
        Assert.Equal("home-link", status.GetProperty("data_path").GetString());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("care_of_address").ValueKind);
        Assert.Equal(1, lab.VM.Boots);
        Assert.Contains("binding: ", lab.A.DomainLog(lab.VM.Name), StringComparison.Ordinal);
        Assert.Contains("de-registered", lab.A.DomainLog(lab.VM.Name), StringComparison.Ordinal);
    }

    private void Move(Hypervisor from, Hypervisor to)
    {
        lab.VM.Move(from, to).Succeed();
        to.WaitForBinding(lab.VM.Name, to == lab.A ? "at home" : "registered");
        lab.VM.WaitUntilReachable();
    }

    /// <summary>Both hosts have written down what they did, and agree on when.</summary>
    private void AssertRecorded(Hypervisor from, Hypervisor to)
    {
        var left = Recorded(from, "source");
        var came = Recorded(to, "destination");

        string[] wheneverTheyCome = ["hook-called", "first-packet-in", "first-packet-out"];
        Assert.Equal(["handed-over", "suspended", "traffic-turned", "tail-sent", "tunnel-gone", "ended"], Steps(left).Except(wheneverTheyCome));
        Assert.Equal(
            ["handed-over", "suspended", "traffic-turned", "resumed", "update-sent", "acknowledged", "path-changed", "tunnel-gone", "ended"],
            Steps(came).Except(wheneverTheyCome));
        Assert.Contains("first-packet-in", Steps(came));
        Assert.Contains("first-packet-out", Steps(came));
        // The hand-over may have ended before libvirt has let go of the guest.
        Assert.Equal(((string[])["stopped end", "release end"]).Take(Math.Max(1, Details(left, "hook-called").Count())), Details(left, "hook-called"));
        Assert.Equal(["migrate begin", "prepare begin", "start begin", "started begin"], Details(came, "hook-called"));
        Assert.Equal("precopy", left.GetProperty("kind").GetString());
        Assert.Equal("precopy", came.GetProperty("kind").GetString());

        // The lab's hosts have one clock. When the source answered, the destination knows as well as it was given a processor.
        Assert.InRange((At(came, "suspended") - At(left, "suspended")).TotalMilliseconds, -50, 50);
        Assert.Equal(Counter(left, "forwarded"), Counter(came, "forwarded"));
        Assert.Equal((0, 0, 0), (Counter(left, "dropped"), Counter(came, "dropped"), Counter(came, "reordered")));
        Assert.InRange(Counter(came, "queued"), 0, Counter(came, "forwarded"));
        Assert.InRange(came.GetProperty("pause_ms").GetDouble(), 0.001, 10_000);

        JsonElement Recorded(Hypervisor host, string role)
        {
            var found = Last(Wait.For($"{host} has written down all of the move", TimeSpan.FromSeconds(30), () =>
                JsonDocument.Parse(host.Hook("history", "--json", "--", lab.VM.Name).Succeed().Output) is var history
                && Last(history).GetProperty("outcome").GetString() == "moved" ? history : null));
            Assert.Equal(
                (role, from.Name, to.Name),
                (found.GetProperty("role").GetString(), found.GetProperty("from").GetString(), found.GetProperty("to").GetString()));
            return found;
        }

        static JsonElement Last(JsonDocument history) => history.RootElement.EnumerateArray().Last();
        static IEnumerable<JsonElement> Events(JsonElement move) => move.GetProperty("events").EnumerateArray();
        static IEnumerable<string?> Steps(JsonElement move) => Events(move).Select(happened => happened.GetProperty("step").GetString());
        static IEnumerable<JsonElement> Of(JsonElement move, string step) => Events(move).Where(happened => happened.GetProperty("step").GetString() == step);
        static IEnumerable<string?> Details(JsonElement move, string step) => Of(move, step).Select(happened => happened.GetProperty("detail").GetString());
        static long Counter(JsonElement move, string name) => move.GetProperty("counters").GetProperty(name).GetInt64();
        static DateTimeOffset At(JsonElement move, string step) => Of(move, step).First().GetProperty("at").GetDateTimeOffset();
    }

    private void AssertAway(Hypervisor host)
    {
        // By what the network saw, not by our own word.
        using (var uplink = lab.Core.Capture(host.Name, "ip6"))
        {
            Assert.True(lab.Reaches(lab.VM.Address));
            uplink.WaitFor("the echo in the tunnel", line => line.Has(
                $"{HomeBox.Address} > {host.CareOfAddress}: IP6 {Lab.CorrespondentAddress} > {lab.VM.Address}: ICMP6, echo request"));
            uplink.WaitFor("its answer in the tunnel", line => line.Has(
                $"{host.CareOfAddress} > {HomeBox.Address}: IP6 {lab.VM.Address} > {Lab.CorrespondentAddress}: ICMP6, echo reply"));
        }

        var status = host.Status(lab.VM.Name);
        Assert.Equal(lab.VM.Address, status.GetProperty("home_address").GetString());
        Assert.Equal(host.CareOfAddress, status.GetProperty("care_of_address").GetString());
        Assert.Equal(HomeBox.Address, status.GetProperty("home_agent").GetString());
        Assert.Equal("registered", status.GetProperty("binding").GetString());
        Assert.Equal("home-agent-tunnel", status.GetProperty("data_path").GetString());
        Assert.InRange(status.GetProperty("remaining_lifetime").GetInt32(), 1, 600);
        Assert.Empty(status.GetProperty("problems").EnumerateArray());

        // And for people.
        var table = host.Hook("status").Succeed().Lines;
        var row = Assert.Single(table, line => line.StartsWith("vm ", StringComparison.Ordinal));
        Assert.All((string[])[lab.VM.Address, host.CareOfAddress, HomeBox.Address, "registered", "home-agent-tunnel"], word =>
            Assert.Contains(word, row, StringComparison.Ordinal));

        AssertStory(host);
        Assert.Equal(1, lab.VM.Boots);
    }

    private void AssertStory(Hypervisor host)
    {
        var log = host.DomainLog(lab.VM.Name).Split('\n').Where(line => line.Has("kagemusha")).ToList();
        var at = 0;
        foreach (var chapter in (string[])["hook migrate begin", "hook prepare begin", "hook start begin", "hook started begin"])
        {
            at = Find(at, chapter);
        }

        // A near home agent answers before the agent has said that the guest has arrived.
        Find(at, "arrived");
        Find(at, "registered for");

        int Find(int from, string chapter)
        {
            var found = log.FindIndex(from, line => line.Has(chapter));
            Assert.True(found >= 0, $"'{chapter}' is not in the domain's log, or not in its place:\n{string.Join('\n', log)}");
            return found;
        }
    }

    private void AssertGone(Hypervisor host)
    {
        Wait.Until($"nothing of the guest is left on {host}", TimeSpan.FromSeconds(30), () => host.Links("kg").Count == 0);
        Assert.DoesNotContain("tunnel", host.Hook("status").Succeed().Output, StringComparison.Ordinal);
        Wait.Until($"the log on {host} tells it", TimeSpan.FromSeconds(5), () => Departure.IsMatch(host.DomainLog(lab.VM.Name)));
    }
}
