using System.Diagnostics;

namespace LibvirtSharp.Tests;

public sealed class LibvirtConnectionTests : IDisposable
{
    private readonly TestDriver _driver = new();

    public void Dispose() => _driver.Dispose();

    [Fact]
    public void The_default_test_driver_opens_too()
    {
        using var connection = LibvirtConnection.Open("test:///default");
        using var domain = connection.FindByName("test");

        Assert.True(connection.IsAlive);
        Assert.Equal("test", domain?.Name);
    }

    [Fact]
    public void The_library_s_version_is_virsh_s()
    {
        using var virsh = Process.Start(new ProcessStartInfo("virsh", ["--version"]) { RedirectStandardOutput = true })!;

        Assert.Equal(virsh.StandardOutput.ReadToEnd().Trim(), $"{_driver.Connection.GetLibraryVersion()}");
    }

    [Fact]
    public void A_domain_is_found_by_name_and_by_uuid_or_is_null()
    {
        using var byUuid = _driver.Connection.FindByUuid(TestDriver.Uuid);

        Assert.Equal(TestDriver.Name, byUuid?.Name);
        Assert.Null(_driver.Connection.FindByName("nobody"));
        Assert.Null(_driver.Connection.FindByUuid(Guid.Empty));
    }

    [Fact]
    public void Domains_are_defined_listed_and_undefined()
    {
        const string name = "a & b 影";
        using (var defined = _driver.Connection.Define(TestDriver.DomainXml("a &amp; b 影", "c0ffee00-0000-4000-8000-000000000002")))
        {
            Assert.Equal(name, defined.Name);
            Assert.False(defined.IsActive);
            Assert.Equal(["-vm1", name], Names());

            defined.Create();
            Assert.True(defined.IsActive);
            defined.Destroy();
            defined.Undefine();
        }

        Assert.Equal(["-vm1"], Names());
    }

    [Fact]
    public void A_definition_that_is_none_is_an_error_in_libvirt_s_words()
    {
        var error = Assert.Throws<LibvirtException>(() => _driver.Connection.Define("<domain type='test'><uuid/></domain>"));

        Assert.NotEqual(default, error.Code);
        Assert.NotEmpty(error.Message);
        Assert.Equal(["-vm1"], Names());
    }

    [Fact]
    public void A_network_has_a_bridge_or_is_not_there_or_has_none()
    {
        Assert.Equal("virbr7", _driver.Connection.GetNetworkBridge("isolated"));
        Assert.Null(_driver.Connection.GetNetworkBridge("nowhere"));
        Assert.Throws<LibvirtException>(() => _driver.Connection.GetNetworkBridge("passthrough"));
    }

    [Theory]
    [InlineData("test:///no/such/file.xml")]
    [InlineData("qemu+unix:///system?socket=/no/such/socket")]
    [InlineData("nonsense:///")]
    public void What_can_t_be_opened_is_an_error(string uri)
    {
        var error = Assert.Throws<LibvirtException>(() => LibvirtConnection.Open(uri));

        Assert.NotEmpty(error.Message);
    }

    [Fact]
    public void Errors_of_two_threads_are_not_mixed_up()
    {
        Parallel.For(0, 1000, i =>
        {
            if (i % 2 == 0)
            {
                Assert.Null(_driver.Connection.FindByName("nobody"));
            }
            else
            {
                Assert.Null(_driver.Connection.GetNetworkBridge("nowhere"));
            }
        });
    }

    [Fact]
    public async Task It_says_when_it_is_closed_here()
    {
        using var connection = LibvirtConnection.Open("test:///default");
        Assert.False(connection.Closed.IsCompleted);

        connection.Dispose();
        connection.Dispose();

        Assert.Equal(CloseReason.Client, await connection.Closed.WaitAsync(TestContext.Current.CancellationToken));
    }

    private string[] Names()
    {
        var domains = _driver.Connection.ListDomains();
        var names = domains.Select(domain => domain.Name).Order(StringComparer.Ordinal).ToArray();
        foreach (var domain in domains)
        {
            domain.Dispose();
        }

        return names;
    }
}
