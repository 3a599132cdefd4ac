using System.Text;
using Kagemusha.Control;
using static Kagemusha.Fuzz.BrokenPropertyException;

namespace Kagemusha.Fuzz;

/// <summary>
/// What libvirt gives, which others may have written: read, or refused by <see cref="MalformedXmlException"/>; and a rewrite changes what it says and
/// nothing besides.
/// </summary>
internal static class XmlTargets
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
        [new("mobility-metadata", bytes => CheckMetadata(Encoding.UTF8.GetString(bytes))), new("domain-xml", bytes => CheckDomain(Encoding.UTF8.GetString(bytes)))];

    private static void CheckMetadata(string text)
    {
        if (Read(() => MobilityProfile.Parse(text)) is { } profile)
        {
            Require(profile.Equals(MobilityProfile.Parse(profile.ToMetadata())), "what we write we read as something else");
            Require(profile.Equals(MobilityProfile.Parse(profile.ToElement())), "libvirt's form of it is read as something else");
        }
    }

    private static void CheckDomain(string text)
    {
        if (Read(() => DomainXml.Parse(text)) is not { } domain)
        {
            return;
        }

        Require(domain.Text == text, "the document is another");
        for (var i = 0; i < domain.Interfaces.Count; i++)
        {
            // libvirt gives each interface both; without them none is ours.
            if (domain.Interfaces[i] is { Mac: null } or { Type: "" })
            {
                continue;
            }

            var away = DomainXml.Parse(domain.WithEthernet(domain.Interfaces[i], "kgt'<&>\""));
            RequireSame(domain, away, except: i);
            var moved = away.Interfaces[i];
            Require(moved is { Type: "ethernet", TargetDevice: "kgt'<&>\"", SourceBridge: null, SourceNetwork: null }, "it is on no tap of its own");
            Require(moved.Mac == domain.Interfaces[i].Mac, "the interface has another address");

            var source = new HomeSource(HomeSourceType.Bridge, "br'<&>\"", PortGroup: null, IsIsolated: true);
            var home = DomainXml.Parse(away.WithHome(moved, source));
            RequireSame(domain, home, except: i);
            Require(home.Interfaces[i] is { Type: "bridge", SourceBridge: "br'<&>\"", IsIsolated: true, TargetDevice: null }, "it is not home");
        }

        if (domain.IsEnrolled && Read(domain.ReadProfile) is { } profile)
        {
            var again = DomainXml.Parse(domain.WithProfile(profile));
            RequireSame(domain, again, except: -1);
            Require(profile.Equals(again.ReadProfile()), "the profile is read as something else");
        }
    }

    private static void RequireSame(DomainXml one, DomainXml other, int except)
    {
        Require(one.Name == other.Name && one.Uuid == other.Uuid && one.IsEnrolled == other.IsEnrolled, "another domain");
        Require(one.Interfaces.Count == other.Interfaces.Count, "there are not as many interfaces");
        Require(
            one.Interfaces.Zip(other.Interfaces).Index().All(pair => pair.Index == except || IsSame(pair.Item.First, pair.Item.Second)),
            "another interface was changed");
    }

    private static bool IsSame(DomainInterface one, DomainInterface other) =>
        one.Mac == other.Mac && one.Type == other.Type && one.SourceBridge == other.SourceBridge && one.SourceNetwork == other.SourceNetwork
        && one.TargetDevice == other.TargetDevice && one.FilterRef == other.FilterRef;

    private static T? Read<T>(Func<T?> parse)
        where T : class
    {
        try
        {
            return parse();
        }
        catch (MalformedXmlException e)
        {
            Require(e.Line >= 1 && !e.Message.Contains('\n', StringComparison.Ordinal), $"line {e.Line}: {e.Message}");
            return null;
        }
    }
}
