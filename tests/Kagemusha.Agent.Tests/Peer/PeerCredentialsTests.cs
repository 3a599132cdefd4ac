namespace Kagemusha.Agent.Tests;

public sealed class PeerCredentialsTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly PeerSettings _settings;

    public PeerCredentialsTests() => _settings = _authority.For("hv-a");

    public void Dispose() => _authority.Dispose();

    [Fact]
    public void The_name_is_the_server_certificates()
    {
        using var credentials = new PeerCredentials(_settings);
        Assert.Equal("hv-a", credentials.ServerName);
    }

    [Fact]
    public void What_is_not_there_is_named()
    {
        Refused(_settings with { Authority = "/nowhere/ca.pem" }, "/nowhere/ca.pem is not there");
        Refused(_settings with { ClientCertificate = "/nowhere/cert.pem" }, "/nowhere/cert.pem is not there");
        Refused(_settings with { ServerKey = "/nowhere/key.pem" }, "/nowhere/key.pem is not there");
    }

    [Fact]
    public void What_cannot_be_used_is_named()
    {
        Refused(_settings with { ServerKey = _settings.ClientKey }, $"{_settings.ClientKey} cannot be used: ");
        Refused(_settings with { ServerKey = _settings.ServerCertificate }, $"{_settings.ServerCertificate} cannot be used: ");
        File.WriteAllText(_settings.ClientCertificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        Refused(_settings, $"{_settings.ClientCertificate} cannot be used: ");
    }

    [Fact]
    public void A_certificate_of_our_own_that_has_expired_is_named()
    {
        using var expired = _authority.Issue("hv-a", server: true, expired: true);
        using var key = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(expired)!;
        File.WriteAllText(_settings.ServerCertificate, expired.ExportCertificatePem());
        File.WriteAllText(_settings.ServerKey, key.ExportPkcs8PrivateKeyPem());
        Refused(_settings, $"{_settings.ServerCertificate}: it lasts from ");
    }

    private static void Refused(PeerSettings settings, string why) => Assert.StartsWith(
        why,
        Assert.Throws<ConfigurationException>(() => new PeerCredentials(settings).Dispose()).Message,
        StringComparison.Ordinal);
}
