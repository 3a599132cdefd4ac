using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>Whether this host's certificates for the channel between agents can be used, for how long yet, and whether their keys are secret.</summary>
internal static class Certificates
{
    public const string Check = "certificate";

    private const UnixFileMode NotForOthers = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite;

    /// <summary>So long before it ends, a certificate is worth a word.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromDays(30);

    /// <summary>Looks at the files as they are now.</summary>
    public static IEnumerable<Finding> Look(PeerSettings settings, DateTimeOffset now)
    {
        var authorities = new X509Certificate2Collection();
        if (WhyNot(settings.Authority, () => authorities.ImportFromPemFile(settings.Authority)) is { } why)
        {
            yield return Finding.Error(Check, why, $"put the authority's certificate there, or set peer_ca in {AgentConfiguration.Path}");
            yield break;
        }

        foreach (var (path, key) in new[] { (settings.ServerCertificate, settings.ServerKey), (settings.ClientCertificate, settings.ClientKey) })
        {
            yield return Judge(path, key, authorities, settings.Authority, now);
            if (Secrecy(key) is { } finding)
            {
                yield return finding;
            }
        }
    }

    private static Finding Judge(string path, string key, X509Certificate2Collection authorities, string authority, DateTimeOffset now)
    {
        var others = new X509Certificate2Collection();
        X509Certificate2? own = null;
        var why = WhyNot(path, () => others.ImportFromPemFile(path)) ?? WhyNot(key, () => own = X509Certificate2.CreateFromPemFile(path, key));
        if (why is not null)
        {
            return Finding.Error(Check, why, $"make it anew, or name another in {AgentConfiguration.Path}, then 'systemctl restart kagemushad'");
        }

        using var certificate = own!;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.ExtraStore.AddRange(others);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        // Whether it is valid now is said below, of the whole chain.
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        if (!chain.Build(certificate))
        {
            return Finding.Error(Check, $"{path} is not from the authority in {authority}", "have that authority sign it: all hosts' certificates come from one");
        }

        var (from, until) = (chain.ChainElements.Max(element => element.Certificate.NotBefore), chain.ChainElements.Min(element => element.Certificate.NotAfter));
        return now < from ? Finding.Error(Check, $"{path} is not valid before {Day(from)}", "look at this host's clock")
            : now > until ? Finding.Error(Check, $"{path}, or its authority, has ended on {Day(until)}", Renew)
            : now > until - Soon ? Finding.Warning(Check, $"{path}, or its authority, ends on {Day(until)}", Renew)
            : Finding.Ok(Check, $"{path} is valid until {Day(until)}");
    }

    private const string Renew = "make a new one, then 'systemctl restart kagemushad'";

    private static Finding? Secrecy(string key)
    {
        try
        {
            return (File.GetUnixFileMode(key) & NotForOthers) == 0 ? null
                : Finding.Warning(Check, $"{key} is not secret: others may read or change it", $"chmod 600 {key}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Said already.
            return null;
        }
    }

    private static string? WhyNot(string path, Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return $"{path} is not there";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            return $"{path} cannot be used: {e.Message}";
        }
    }

    private static string Day(DateTime at) => at.ToUniversalTime().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture);
}
