using Kagemusha.Control;

namespace Kagemusha.Agent.Tests;

public sealed class CertificatesTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly PeerSettings _settings;

    public CertificatesTests()
    {
        _settings = _authority.For("hv-a");
        File.SetUnixFileMode(_settings.ServerKey, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.SetUnixFileMode(_settings.ClientKey, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>How many days from now it is looked at, where a certificate lasts from a year before to a year after.</summary>
    [Theory]
    [InlineData(0, FindingResult.Ok, "is valid until")]
    [InlineData(334, FindingResult.Ok, "is valid until")]
    [InlineData(336, FindingResult.Warning, ", or its authority, ends on")]
    [InlineData(364, FindingResult.Warning, ", or its authority, ends on")]
    [InlineData(367, FindingResult.Error, ", or its authority, has ended on")]
    [InlineData(-367, FindingResult.Error, "is not valid before")]
    public void Its_end_is_said_30_days_before(int days, FindingResult result, string what)
    {
        var found = Look(_settings, days);

        Assert.Equal([result, result], found.Select(finding => finding.Result));
        Assert.All(
            found.Zip([_settings.ServerCertificate, _settings.ClientCertificate]),
            each => Assert.StartsWith(what[0] == ',' ? each.Second + what : $"{each.Second} {what}", each.First.What, StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_not_there_or_another_s_is_named()
    {
        using var other = new TestAuthority("another's");

        Assert.Equal(["/nowhere/ca.pem is not there"], Errors(_settings with { Authority = "/nowhere/ca.pem" }));
        Assert.Equal(["/nowhere/cert.pem is not there"], Errors(_settings with { ClientCertificate = "/nowhere/cert.pem" }));
        Assert.Equal(["/nowhere/key.pem is not there"], Errors(_settings with { ServerKey = "/nowhere/key.pem" }));
        Assert.StartsWith($"{_settings.ClientKey} cannot be used: ", Assert.Single(Errors(_settings with { ServerKey = _settings.ClientKey })), StringComparison.Ordinal);
        Assert.Equal(
            [
                $"{_settings.ServerCertificate} is not from the authority in {other.For("hv-b").Authority}",
                $"{_settings.ClientCertificate} is not from the authority in {other.For("hv-b").Authority}",
            ],
            Errors(_settings with { Authority = other.For("hv-b").Authority }));
    }

    [Theory]
    [InlineData("600", true)]
    [InlineData("640", true)]
    [InlineData("644", false)]
    [InlineData("660", false)]
    public void A_key_that_others_may_read_or_change_is_named(string mode, bool isSecret)
    {
        File.SetUnixFileMode(_settings.ServerKey, (UnixFileMode)Convert.ToInt32(mode, 8));

        Assert.Equal(
            isSecret ? [] : [$"{_settings.ServerKey} is not secret: others may read or change it; chmod 600 {_settings.ServerKey}"],
            Look(_settings, 0).Where(finding => finding.Result != FindingResult.Ok).Select(finding => $"{finding.What}; {finding.Remedy}"));
    }

    public void Dispose() => _authority.Dispose();

    private static IReadOnlyList<string> Errors(PeerSettings settings) =>
        [.. Look(settings, 0).Where(finding => finding.Result == FindingResult.Error).Select(finding => finding.What)];

    private static IReadOnlyList<Finding> Look(PeerSettings settings, int days) => [.. Certificates.Look(settings, DateTimeOffset.UtcNow.AddDays(days))];
}
