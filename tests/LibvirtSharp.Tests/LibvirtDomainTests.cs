namespace LibvirtSharp.Tests;

public sealed class LibvirtDomainTests : IDisposable
{
    private const string Uri = "urn:kagemusha:mobility:1";

    private readonly TestDriver _driver = new();

    public void Dispose() => _driver.Dispose();

    [Fact]
    public void It_has_its_name_uuid_and_xml()
    {
        Assert.Equal((TestDriver.Name, TestDriver.Uuid), (_driver.Domain.Name, _driver.Domain.Uuid));
        Assert.Contains("<name>-vm1</name>", _driver.Domain.GetXml(), StringComparison.Ordinal);
        Assert.Contains($"<uuid>{TestDriver.Uuid}</uuid>", _driver.Domain.GetXml(DomainXmlFlags.Inactive), StringComparison.Ordinal);
    }

    [Fact]
    public void Passwords_are_only_given_to_who_asks()
    {
        Assert.DoesNotContain("secret", _driver.Domain.GetXml(), StringComparison.Ordinal);
        Assert.Contains("secret", _driver.Domain.GetXml(DomainXmlFlags.Secure), StringComparison.Ordinal);
    }

    [Fact]
    public void Its_state_follows_what_is_done_to_it()
    {
        var domain = _driver.Domain;
        Assert.True(domain.IsActive);
        Assert.Equal(DomainState.Running, domain.GetState().State);

        domain.Suspend();
        Assert.Equal(new(DomainState.Paused, (int)PausedReason.User), domain.GetState());
        Assert.Equal("paused", domain.GetState().ToString());

        domain.Resume();
        Assert.Equal(new(DomainState.Running, (int)RunningReason.Unpaused), domain.GetState());

        domain.Destroy();
        Assert.Equal(new(DomainState.Shutoff, (int)ShutoffReason.Destroyed), domain.GetState());
        Assert.False(domain.IsActive);
        Assert.True(domain.IsPersistent);

        domain.Create();
        Assert.Equal(new(DomainState.Running, (int)RunningReason.Booted), domain.GetState());
    }

    // Of jobs that there are, the lab's migrations tell.
    [Fact]
    public void A_domain_that_is_off_has_no_job_to_tell_of()
    {
        _driver.Domain.Destroy();
        Assert.ThrowsAny<LibvirtException>(() => _driver.Domain.GetJob());
    }

    [Fact]
    public void Metadata_is_set_read_and_removed()
    {
        var domain = _driver.Domain;
        Assert.Null(domain.GetMetadata(Uri));

        domain.SetMetadata(
            "<mobility version='1'><interface/></mobility>",
            "kagemusha",
            Uri,
            DomainModificationImpact.Live | DomainModificationImpact.Config);

        Assert.StartsWith("<mobility version=\"1\">", domain.GetMetadata(Uri), StringComparison.Ordinal);
        const string namespaced = "<kagemusha:mobility xmlns:kagemusha=\"urn:kagemusha:mobility:1\" version=\"1\">";
        Assert.Contains(namespaced, domain.GetXml(), StringComparison.Ordinal);
        Assert.Contains(namespaced, domain.GetXml(DomainXmlFlags.Inactive), StringComparison.Ordinal);

        domain.SetMetadata(null, "kagemusha", Uri, DomainModificationImpact.Live | DomainModificationImpact.Config);
        Assert.Null(domain.GetMetadata(Uri));
        Assert.DoesNotContain("kagemusha", domain.GetXml(DomainXmlFlags.Inactive), StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_with_its_own_namespace_is_refused_and_changes_nothing()
    {
        var error = Assert.Throws<LibvirtException>(() => _driver.Domain.SetMetadata(
            $"<kagemusha:mobility xmlns:kagemusha='{Uri}'/>", "kagemusha", Uri, DomainModificationImpact.Current));

        Assert.Contains("namespace", error.Message, StringComparison.Ordinal);
        Assert.Null(_driver.Domain.GetMetadata(Uri));
    }

    [Fact]
    public void What_its_state_forbids_is_an_error_with_libvirt_s_code()
    {
        _driver.Domain.Destroy();

        var error = Assert.Throws<LibvirtException>(_driver.Domain.Destroy);

        Assert.Equal(LibvirtErrorCode.OperationInvalid, error.Code);
        Assert.NotEqual(0, error.Domain);
        Assert.Contains("not running", error.Message, StringComparison.Ordinal);
    }
}
