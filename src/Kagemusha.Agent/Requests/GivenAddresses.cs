using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>Whose the addresses are that an administrator gives: each home address belongs to one interface.</summary>
internal static class GivenAddresses
{
    /// <summary>The home addresses that were given, by the guest's address of their interface.</summary>
    /// <param name="request">What was asked for.</param>
    /// <param name="found">The interfaces that it is about, at least one.</param>
    /// <exception cref="RefusedException">An address is in no home prefix, or may be that of several interfaces.</exception>
    public static ILookup<LinkLayerAddress, Ipv6Address> Of(EnrollRequest request, IReadOnlyList<InterfaceAtHome> found)
    {
        if (request.HomeAgent is { IsRoutableUnicast: false } homeAgent)
        {
            throw new RefusedException($"{homeAgent} cannot be a home agent's address");
        }

        if (request.HomeAgent is not null && found.DistinctBy(at => at.Bridge.Index).Count() > 1)
        {
            throw new RefusedException($"--home-agent is for one home link, and the interfaces are on several: choose one by --interface: {List(found)}");
        }

        return request.HomeAddresses.Distinct().ToLookup(address => OwnerOf(address, found).Mac);
    }

    private static InterfaceAtHome OwnerOf(Ipv6Address address, IReadOnlyList<InterfaceAtHome> found) =>
        found.Where(at => address.IsRoutableUnicast && at.Router.Prefixes.Any(prefix => prefix.Contains(address))).ToList() switch
        {
            [var owner] => owner,
            [] => throw new RefusedException($"{address} is in no prefix of the home link ({string.Join(", ", found.DistinctBy(at => at.Bridge.Index).Select(Prefixes))})"),
            var owners => throw new RefusedException($"{address} may be that of several interfaces, choose one by --interface: {List(owners)}"),
        };

    private static string Prefixes(InterfaceAtHome at) => $"{string.Join(", ", at.Router.Prefixes)}, advertised by {at.Router.Address}";

    private static string List(IEnumerable<InterfaceAtHome> interfaces) => string.Join(", ", interfaces.Select(at => $"{at.Mac} (on {at.Bridge.Name})"));
}
