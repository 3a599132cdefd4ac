using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>What a home agent begins with: the bindings of the run before, by its journal and by the tunnels that are still in the kernel.</summary>
internal static class Takeover
{
    /// <summary>
    /// The bindings that go on. A journal that is whole is right: it was written before the kernel was told. Otherwise the kernel knows better who is bound
    /// where, and the journal, as far as it could be read, how it stood with that binding. Of one that only the kernel knows, the next update
    /// counts whatever its number is, and it lives as long as any binding can.
    /// </summary>
    /// <param name="journal">What the journal says.</param>
    /// <param name="there">Our objects in the kernel.</param>
    /// <param name="homeAgent">The home agent's address.</param>
    /// <param name="maximumLifetime">The longest lifetime that is granted.</param>
    public static IReadOnlyList<BindingSnapshot> Bindings(
        CacheContent journal, IEnumerable<KernelObject> there, Ipv6Address homeAgent, TimeSpan maximumLifetime)
    {
        if (journal.Fault is null)
        {
            return journal.Bindings;
        }

        var tunnelled = Tunnelled(there, homeAgent);
        if (tunnelled.Count == 0)
        {
            return journal.Bindings;
        }

        var known = journal.Bindings.Where(binding => binding.Remaining > TimeSpan.Zero).ToDictionary(binding => (binding.HomeAddress, binding.CareOfAddress));
        return [.. tunnelled.Select(pair => known.GetValueOrDefault(pair) ?? new(pair.HomeAddress, pair.CareOfAddress, null, maximumLifetime))];
    }

    private static List<(Ipv6Address HomeAddress, Ipv6Address CareOfAddress)> Tunnelled(IEnumerable<KernelObject> there, Ipv6Address homeAgent)
    {
        var objects = there.ToList();
        var tunnels = objects.OfType<Ip6Tunnel>().Where(tunnel => tunnel.Local == homeAgent).ToDictionary(tunnel => tunnel.Name, tunnel => tunnel.Remote);
        return
        [
            .. from route in objects.OfType<Route>()
               where route.Destination.Length == 128
               join tunnel in tunnels on route.Link equals tunnel.Key
               select (route.Destination.Address, tunnel.Value),
        ];
    }
}
