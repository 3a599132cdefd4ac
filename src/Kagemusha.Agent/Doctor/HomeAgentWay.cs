using System.Globalization;
using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>What is known of the way to a home agent of an enrolled guest.</summary>
/// <param name="HomeAgent">Its address.</param>
/// <param name="CareOf">This host's end, or null without a way.</param>
/// <param name="WhyNot">Why there is none.</param>
/// <param name="IsRegistered">Whether it has acknowledged a binding of a guest here that still lasts.</param>
/// <param name="Answer">What it has answered now, or null.</param>
internal sealed record HomeAgentWay(Ipv6Address HomeAgent, CareOf? CareOf, string? WhyNot, bool IsRegistered, string? Answer)
{
    public const string Check = "home agent";

    // Less than that, and what is in the tunnel has to be less than IPv6's least (RFC 8200, section 5).
    private const int LeastMtu = 1280 + 40;

    /// <summary>Whether a guest could be registered there.</summary>
    public Finding Judge()
    {
        if (CareOf is null)
        {
            return Finding.Error(Check, WhyNot ?? $"there is no way to {HomeAgent}", "set the route, or care_of_address");
        }

        var way = string.Create(CultureInfo.InvariantCulture, $"from {CareOf.Address} by {CareOf.Interface}, MTU {CareOf.Mtu}");
        return CareOf.Mtu < LeastMtu
            ? Finding.Error(Check, $"{HomeAgent}: {way}", string.Create(CultureInfo.InvariantCulture, $"raise the MTU to {LeastMtu} at least: a tunnel takes 40 of it"))
            : (Answer, IsRegistered) switch
            {
                ({ } answer, _) => Finding.Ok(Check, $"{HomeAgent} answers {answer}: {way}"),
                (null, true) => Finding.Ok(Check, $"{HomeAgent} has acknowledged a binding, and answers no echo: {way}"),
                _ => Finding.Warning(
                    Check, $"{HomeAgent} answers neither an echo nor a home agent discovery: {way}", "see whether it runs, and what filters packets on the way"),
            };
    }
}
