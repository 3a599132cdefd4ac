using System.Text.Json;

namespace Kagemusha.Lab.Tests;

public sealed class EnrolmentTests(Lab lab)
{
    private const string Mac = "52:54:00:00:00:20";
    private const string HomeAddress = "2001:db8:1::20";

    /// <summary>What cannot be enrolled, and a word that the refusal has to have.</summary>
    public static TheoryData<string, string> OffTheBridge => new()
    {
        { $"<interface type='direct'><mac address='{Mac}'/><source dev='lan' mode='bridge'/></interface>", "'direct'" },
        { StillDomain.OnBridge("br-home", Mac, "<virtualport type='openvswitch'/>"), "openvswitch" },
        { $"<interface type='user'><mac address='{Mac}'/></interface>", "'user'" },
        { $"<interface type='network'><mac address='{Mac}'/><source network='nowhere'/></interface>", "'nowhere'" },
        { StillDomain.OnBridge("lan", Mac), "'lan'" },
        { "", "no network interface" },
    };

    [Trait("Takes", "long")]
    [Theory]
    [MemberData(nameof(OffTheBridge))]
    public void An_interface_that_is_not_on_a_Linux_bridge_is_refused(string interfaces, string word)
    {
        using var domain = new StillDomain(lab.A, "still", interfaces);
        Assert.Contains(word, Refuse(domain, HomeAddress), StringComparison.Ordinal);
    }

    [Fact]
    public void A_home_address_outside_the_home_prefix_is_refused()
    {
        using var domain = new StillDomain(lab.A, "still", StillDomain.OnBridge("br-home", Mac));
        var line = Refuse(domain, "2001:db8:2::20");
        Assert.Contains("2001:db8:2::20", line, StringComparison.Ordinal);
        Assert.Contains("2001:db8:1::/64", line, StringComparison.Ordinal);
    }

    [Fact]
    public void All_interfaces_on_the_home_link_are_enrolled_and_one_is_unenrolled_alone()
    {
        using var domain = new StillDomain(
            lab.A, "still", StillDomain.OnBridge("br-home", Mac) + StillDomain.OnBridge("br-home", "52:54:00:00:00:21") + "<interface type='user'><mac address='52:54:00:00:00:23'/></interface>");
        var lines = lab.A.Hook("enroll", "still").Succeed().Lines;
        Assert.Contains(lines, line => line.Has("stays where it is") && line.Has("52:54:00:00:00:23"));
        Assert.Equal([Mac, "52:54:00:00:00:21"], Interfaces());

        Assert.Contains("52:54:00:00:00:22", lab.A.Hook("unenroll", "still", "--interface", "52:54:00:00:00:22").FailWithOneLine(3), StringComparison.Ordinal);
        lab.A.Hook("unenroll", "still", "--interface").FailWithOneLine(2);
        lab.A.Hook("unenroll", "still", "--interface", Mac).Succeed();
        Assert.Equal(["52:54:00:00:00:21"], Interfaces());
        lab.A.Hook("enroll", "still", "--interface", Mac).Succeed();
        Assert.Equal(["52:54:00:00:00:21", Mac], Interfaces());
        lab.A.Hook("unenroll", "still").Succeed();
        Assert.DoesNotContain("kagemusha", domain.Xml, StringComparison.Ordinal);

        IEnumerable<string?> Interfaces() => JsonDocument.Parse(lab.A.Hook("status", "--json", "still").Succeed().Output).RootElement.EnumerateArray()
            .Select(status => status.GetProperty("interface").GetString());
    }

    [Trait("Takes", "long")]
    [Fact]
    public void Of_several_interfaces_that_may_have_a_home_address_one_has_to_be_chosen()
    {
        using var domain = new StillDomain(
            lab.A, "still", StillDomain.OnBridge("br-home", Mac) + StillDomain.OnBridge("br-home", "52:54:00:00:00:21"));
        var line = Refuse(domain, HomeAddress);
        Assert.Contains("--interface", line, StringComparison.Ordinal);
        Assert.Contains(Mac, line, StringComparison.Ordinal);
        Assert.Contains("52:54:00:00:00:22", Refuse(domain, HomeAddress, "--interface", "52:54:00:00:00:22"), StringComparison.Ordinal);

        domain.Enroll(HomeAddress, "--interface", "52:54:00:00:00:21").Succeed();
        Assert.Equal("52:54:00:00:00:21", lab.A.Status("still").GetProperty("interface").GetString());
    }

    [Trait("Takes", "long")]
    [Fact]
    public void A_bridge_without_a_router_is_refused_after_five_seconds()
    {
        lab.A.Shell("ip link add br-silent type bridge; ip link set br-silent up");
        try
        {
            using var domain = new StillDomain(lab.A, "still", StillDomain.OnBridge("br-silent", Mac));
            Assert.Contains("no router", Refuse(domain, HomeAddress), StringComparison.Ordinal);
        }
        finally
        {
            lab.A.Shell("ip link delete br-silent");
        }
    }

    [Trait("Takes", "long")]
    [Fact]
    public void A_filterref_is_reported_as_not_enforced_away()
    {
        using var domain = new StillDomain(lab.A, "still", StillDomain.OnBridge("br-home", Mac, "<filterref filter='clean-traffic'/>"));
        Assert.Contains(
            domain.Enroll(HomeAddress).Succeed().Lines,
            line => line.Has("clean-traffic") && line.Has("not enforced"));
    }

    [Fact]
    public void What_enroll_writes_unenroll_takes_away()
    {
        using var domain = new StillDomain(lab.A, "still", StillDomain.OnBridge("br-home", Mac));
        var before = domain.Xml;
        domain.Enroll(HomeAddress).Succeed();
        Assert.Contains("urn:kagemusha:mobility:1", domain.Xml, StringComparison.Ordinal);
        Assert.Contains("already", Refuse(domain, HomeAddress), StringComparison.Ordinal);

        lab.A.Hook("unenroll", "still").Succeed();
        Assert.DoesNotContain("kagemusha", domain.Xml, StringComparison.Ordinal);
        // libvirt keeps the empty element.
        Assert.Equal(before, domain.Xml.Replace("  <metadata/>\n", "", StringComparison.Ordinal));
        Assert.Contains("not enrolled", lab.A.Hook("unenroll", "still").FailWithOneLine(3), StringComparison.Ordinal);
    }

    [Trait("Takes", "long")]
    [Fact]
    public void A_guest_that_runs_is_enrolled_without_a_break()
    {
        lab.VM.BeAt(lab.A);
        lab.A.Hook("unenroll", lab.VM.Name).Succeed();
        lab.VM.Enroll();

        var status = lab.A.Status(lab.VM.Name);
        Assert.Equal("at home", status.GetProperty("binding").GetString());
        Assert.Equal("home-link", status.GetProperty("data_path").GetString());
        Assert.Equal(lab.VM.Address, status.GetProperty("home_address").GetString());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("care_of_address").ValueKind);
        Assert.True(lab.Reaches(lab.VM.Address));
        lab.A.WaitForHandOversToEnd();
        Assert.Empty(lab.A.Links("kg"));
    }

    private string Refuse(StillDomain domain, string homeAddress, params string[] options)
    {
        var before = domain.Xml;
        var line = domain.Enroll(homeAddress, options).FailWithOneLine(7);
        Assert.Equal(before, domain.Xml);
        Assert.DoesNotContain(lab.A.Files("/var/lib/kagemusha"), file => !file.StartsWith("c0ffee00", StringComparison.Ordinal));
        return line;
    }
}
