using System.Diagnostics.CodeAnalysis;
using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>Who may register.</summary>
/// <param name="HomeAddresses">The home addresses that may be registered.</param>
/// <param name="CareOfAddresses">Where they may be.</param>
public sealed record AccessRule(Ipv6Prefix HomeAddresses, Ipv6Prefix CareOfAddresses)
{
    private const string From = " from ";

    /// <summary>Any home address, anywhere.</summary>
    public static AccessRule Any { get; } = new(default, default);

    /// <summary>Parses <c>HOME</c> or <c>HOME from CARE-OF</c>, each of them an address or a prefix.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out AccessRule? rule)
    {
        rule = null;
        var from = text?.IndexOf(From, StringComparison.Ordinal) ?? -1;
        var careOfAddresses = Any.CareOfAddresses;
        if (!TryParsePrefix(from < 0 ? text : text![..from], out var homeAddresses)
            || (from >= 0 && !TryParsePrefix(text![(from + From.Length)..], out careOfAddresses)))
        {
            return false;
        }

        rule = new(homeAddresses, careOfAddresses);
        return true;
    }

    private static bool TryParsePrefix(string? text, out Ipv6Prefix prefix)
    {
        if (Ipv6Address.TryParse(text, out var address))
        {
            prefix = new(address, 128);
            return true;
        }

        return Ipv6Prefix.TryParse(text, out prefix);
    }
}
