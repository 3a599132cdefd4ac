using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kagemusha.Agent;

/// <summary>Why a peer's certificate is not believed.</summary>
internal sealed class PeerDoubt
{
    /// <summary>Half a sentence, or null.</summary>
    public string? Why { get; set; }
}

/// <summary>
/// Who this agent is to others, and whom it believes: certificates of one authority in both roles. libvirt's own serve by default, so that hosts which
/// migrate over TLS need no others.
/// </summary>
internal sealed class PeerCredentials : IDisposable
{
    private readonly PeerSettings _settings;
    private readonly X509Certificate2Collection _authorities = [];
    private readonly SslStreamCertificateContext _server;
    private readonly SslStreamCertificateContext _client;

    /// <exception cref="ConfigurationException">A file is not there, or cannot be used: one line.</exception>
    public PeerCredentials(PeerSettings settings)
    {
        _settings = settings;
        Use(settings.Authority, () => _authorities.ImportFromPemFile(settings.Authority));
        if (_authorities.Count == 0)
        {
            throw new ConfigurationException($"{settings.Authority} has no certificate");
        }

        _server = Load(settings.ServerCertificate, settings.ServerKey);
        _client = Load(settings.ClientCertificate, settings.ClientKey);
    }

    /// <summary>The name that the server's certificate is valid for.</summary>
    public string ServerName => _server.TargetCertificate.GetNameInfo(X509NameType.DnsName, forIssuer: false);

    /// <summary>For a connection from a peer.</summary>
    /// <param name="doubt">Is told why the peer is not believed.</param>
    public SslServerAuthenticationOptions ForServer(PeerDoubt doubt) => new()
    {
        ServerCertificateContext = _server,
        ClientCertificateRequired = true,
        CertificateChainPolicy = ChainPolicy(),
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => Believe(certificate, chain, errors, null, doubt),
        EnabledSslProtocols = Protocols,
        AllowRenegotiation = false,
        AllowTlsResume = false,
    };

    /// <summary>For a connection to a peer.</summary>
    /// <param name="name">The name that its certificate has to have.</param>
    /// <param name="doubt">Is told why the peer is not believed.</param>
    public SslClientAuthenticationOptions ForClient(string name, PeerDoubt doubt) => new()
    {
        TargetHost = name,
        ClientCertificateContext = _client,
        CertificateChainPolicy = ChainPolicy(),
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => Believe(certificate, chain, errors, name, doubt),
        EnabledSslProtocols = Protocols,
        AllowRenegotiation = false,
        AllowTlsResume = false,
    };

    public void Dispose()
    {
        foreach (var certificate in (X509Certificate2[])[.. _authorities, _server.TargetCertificate, _client.TargetCertificate])
        {
            certificate.Dispose();
        }
    }

#pragma warning disable CA5398 // Not the system's choice: it may have been opened for old clients, of which there are none here.
    private static SslProtocols Protocols => SslProtocols.Tls12 | SslProtocols.Tls13;
#pragma warning restore CA5398

    private X509ChainPolicy ChainPolicy()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            // libvirt's certificates name no place to ask, and a migration is no time to wait for one.
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(_authorities);
        return policy;
    }

    private bool Believe(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, string? name, PeerDoubt doubt)
    {
        var status = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status) ?? X509ChainStatusFlags.NoError;
        var subject = certificate?.Subject;
        var why = errors switch
        {
            SslPolicyErrors.None => null,
            _ when certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable) => "it shows no certificate",
            _ when (status & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.NotSignatureValid)) != 0 =>
                $"its certificate '{subject}' is not from the authority in {_settings.Authority}",
            _ when status.HasFlag(X509ChainStatusFlags.NotTimeValid) =>
                $"its certificate '{subject}' has expired or is not valid yet: it lasts from {certificate.GetEffectiveDateString()} to {certificate.GetExpirationDateString()}",
            _ when status != X509ChainStatusFlags.NoError => $"its certificate '{subject}' cannot be used: {status}",
            _ when errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) => $"its certificate '{subject}' is not for the name '{name}'",
            _ => $"its certificate '{subject}' cannot be used: {errors}",
        };
        doubt.Why = why;
        return why is null;
    }

    private static SslStreamCertificateContext Load(string certificatePath, string keyPath)
    {
        var chain = new X509Certificate2Collection();
        Use(certificatePath, () => chain.ImportFromPemFile(certificatePath));
        X509Certificate2? own = null;
        Use(keyPath, () => own = X509Certificate2.CreateFromPemFile(certificatePath, keyPath));
        var now = DateTime.Now;
        if (now < own!.NotBefore || now > own.NotAfter)
        {
            throw new ConfigurationException($"{certificatePath}: it lasts from {own.NotBefore:u} to {own.NotAfter:u}: make a new one");
        }

        return SslStreamCertificateContext.Create(own, chain, offline: true);
    }

    private static void Use(string path, Action read)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(e is FileNotFoundException or DirectoryNotFoundException ? $"{path} is not there" : $"{path}: {e.Message}");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ConfigurationException($"{path} cannot be used: {e.Message}");
        }
    }
}
