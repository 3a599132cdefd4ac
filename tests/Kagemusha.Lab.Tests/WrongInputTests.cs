namespace Kagemusha.Lab.Tests;

/// <summary>One clear line, the right exit code, and nothing changed. hv-c has no guest here.</summary>
public sealed class WrongInputTests
{
    private const string Configuration = "/etc/kagemusha/kagemushad.toml";
    private readonly Lab _lab;
    private readonly Hypervisor _host;

    public WrongInputTests(Lab lab)
    {
        (_lab, _host) = (lab, lab.C);
        lab.Restore();
    }

    [Theory]
    [InlineData("status nobody")]
    [InlineData("recover nobody")]
    [InlineData("unenroll nobody")]
    [InlineData("enroll nobody")]
    [InlineData("enroll nobody --home-address 2001:db8:1::20 --home-agent 2001:db8:1::1")]
    public void An_unknown_domain(string arguments) =>
        Assert.Contains("'nobody'", _host.Hook(arguments.Split(' ')).FailWithOneLine(3), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("frobnicate vm")]
    [InlineData("status --frobnicate")]
    [InlineData("status -vm1")]
    [InlineData("recover")]
    [InlineData("recover vm vm1")]
    [InlineData("enroll")]
    [InlineData("enroll vm --home-address 192.0.2.1 --home-agent 2001:db8:1::1")]
    [InlineData("enroll vm --home-address 2001:db8:1::20 --home-agent 2001:db8:1::1 --interface vnet0")]
    public void A_command_line_that_makes_no_sense(string arguments) =>
        _host.Hook(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)).FailWithOneLine(2);

    [Theory]
    [InlineData("/usr/bin/kagemusha-hook", "status")]
    [InlineData("/usr/sbin/kagemushad")]
    [InlineData("/usr/sbin/kagemusha-ha")]
    public void No_root(params string[] line) => _host.Run(
        "setpriv", ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", .. line]).FailWithOneLine(6);

    [Fact]
    public void A_second_agent_on_the_same_host()
    {
        Assert.Contains("another", _host.Run("kagemushad").FailWithOneLine(7), StringComparison.Ordinal);
        _host.Hook("status").Succeed();
    }

    [Fact]
    public void An_agent_that_does_not_run()
    {
        _host.KillAgent();
        Assert.Contains("systemctl start kagemushad", _host.Hook("status").FailWithOneLine(4), StringComparison.Ordinal);
    }

    [Fact]
    public void A_libvirt_that_does_not_answer()
    {
        _host.KillLibvirtd();
        Wait.Until("the agent has seen it", TimeSpan.FromSeconds(20), () => _host.Hook("status").ExitCode != 0);
        Assert.Contains("libvirt", _host.Hook("status").FailWithOneLine(5), StringComparison.Ordinal);
        _host.StartLibvirtd();
        _host.Hook("status").Succeed();
    }

    [Theory]
    [InlineData("binding_lifetime_s = \"long\"", "line 2", "binding_lifetime_s")]
    [InlineData("binding_lifetime_s = 1", "line 2", "binding_lifetime_s")]
    [InlineData("care_of_address = \"fe80::1\"", "line 2", "care_of_address")]
    [InlineData("frobnicate = 1", "line 2", "frobnicate")]
    [InlineData("vrf_table = 1001", "line 2", "vrf_table")]
    [InlineData("binding_lifetime_s = = 1", "line 2", "=")]
    public void A_malformed_configuration(string line, string place, string key)
    {
        _host.Shell($"cp {Configuration} /tmp/kagemushad.toml; printf '%s\n' 'vrf_table = 1000' '{line}' >{Configuration}");
        try
        {
            var said = _host.Run("kagemushad").FailWithOneLine(2);
            Assert.All((string[])[Configuration, place, key], word => Assert.True(said.Has(word), said));
        }
        finally
        {
            _host.Shell($"mv /tmp/kagemushad.toml {Configuration}");
        }
    }

    [Fact]
    public void A_malformed_configuration_of_the_home_agent()
    {
        _host.Shell("printf 'home_link = 7\\n' >/etc/kagemusha/home-agent.toml");
        var said = _host.Run("kagemusha-ha").FailWithOneLine(2);
        Assert.All((string[])["/etc/kagemusha/home-agent.toml", "line 1", "home_link"], word => Assert.True(said.Has(word), said));
    }

    [Fact]
    public void Malformed_metadata()
    {
        using var domain = new StillDomain(_host, "still", StillDomain.OnBridge("br-home", "52:54:00:00:00:20"));
        domain.SetMetadata("<mobility><interface mac='52:54:00:00:00:20'/></mobility>");
        var before = domain.Xml;
        Assert.Contains("line ", _host.Hook("recover", "still").FailWithOneLine(7), StringComparison.Ordinal);
        Assert.Contains(
            _host.Status("still").GetProperty("problems").EnumerateArray(), problem => problem.GetString()!.Has("line "));
        Assert.Equal(before, domain.Xml);
    }
}
