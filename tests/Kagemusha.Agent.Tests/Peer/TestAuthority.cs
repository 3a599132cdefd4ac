using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kagemusha.Agent.Tests;

/// <summary>A certificate authority of a test's own, and the files that a host has from it.</summary>
internal sealed class TestAuthority : IDisposable
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 _certificate;
    private readonly string _directory = Directory.CreateTempSubdirectory("kagemusha-pki-").FullName;

    public TestAuthority(string name = "the lab's authority")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-2), DateTimeOffset.UtcNow.AddYears(2));
    }

    /// <summary>What the host's agent would be configured with.</summary>
    public PeerSettings For(string host, PeerSettings? believing = null)
    {
        var settings = new PeerSettings
        {
            Authority = believing?.Authority ?? PathOf("cacert.pem"),
            ServerCertificate = PathOf($"{host}-servercert.pem"),
            ServerKey = PathOf($"{host}-serverkey.pem"),
            ClientCertificate = PathOf($"{host}-clientcert.pem"),
            ClientKey = PathOf($"{host}-clientkey.pem"),
        };
        File.WriteAllText(PathOf("cacert.pem"), _certificate.ExportCertificatePem());
        Write(host, server: true, settings.ServerCertificate, settings.ServerKey);
        Write(host, server: false, settings.ClientCertificate, settings.ClientKey);
        return settings;
    }

    /// <summary>A certificate with its key.</summary>
    public X509Certificate2 Issue(string host, bool server, bool expired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new(server ? ServerUsage : ClientUsage)], false));
        using var certificate = request.Create(
            _certificate,
            DateTimeOffset.UtcNow.AddYears(-1),
            expired ? DateTimeOffset.UtcNow.AddMinutes(-1) : DateTimeOffset.UtcNow.AddYears(1),
            RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }

    public void Dispose()
    {
        _certificate.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string PathOf(string file) => Path.Combine(_directory, file);

    private void Write(string host, bool server, string certificatePath, string keyPath)
    {
        using var certificate = Issue(host, server);
        using var key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(certificatePath, certificate.ExportCertificatePem());
        File.WriteAllText(keyPath, key.ExportPkcs8PrivateKeyPem());
    }
}
