using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>What is to be served, as this machine has it now.</summary>
/// <param name="Link">The interface on the home link.</param>
/// <param name="Configuration">What the home agent is told.</param>
internal sealed record HomeSite(NetworkInterface Link, HomeAgentConfiguration Configuration)
{
    /// <summary>Finds the home link, the home agent's address and the home prefixes.</summary>
    /// <exception cref="RefusedException">Something is not there.</exception>
    public static HomeSite Find(
        HomeAgentSettings settings, IReadOnlyCollection<NetworkInterface> links, IReadOnlyCollection<InterfaceAddress> addresses)
    {
        var link = links.FirstOrDefault(l => l.Name == settings.HomeLink) ?? throw new RefusedException(
            $"home_link {settings.HomeLink}: there is no such interface; there are {string.Join(", ", links.Select(l => l.Name))}");
        if (link.Address is not { } linkLayerAddress)
        {
            throw new RefusedException($"home_link {link.Name}: it has no Ethernet address: it is no link that guests could be on");
        }

        var global = addresses.Where(a => a.InterfaceIndex == link.Index && a.Address.IsRoutableUnicast).ToList();
        var address = settings.Address ?? global.FirstOrDefault(a => a.IsUsable)?.Address ?? throw new RefusedException(
            $"home_link {link.Name}: it has no global address yet: give it one, or set address");
        if (!addresses.Any(a => a.Address == address && a.IsUsable))
        {
            throw new RefusedException($"address {address}: it is not an address of this machine, or not usable yet");
        }

        var prefixes = settings.Prefixes
            ?? [.. global.Where(a => a.PrefixLength < 128).Select(a => new Ipv6Prefix(a.Address, a.PrefixLength)).Distinct()];
        return new(link, new(address, linkLayerAddress, [.. prefixes])
        {
            LearnsPrefixes = settings.Prefixes is null,
            AccessList = settings.AccessList is { } rules ? [.. rules] : [AccessRule.Any],
            OtherAddresses =
            [
                .. addresses.Where(a => a.Address.IsRoutableUnicast || a.InterfaceIndex == link.Index).Select(a => a.Address)
                    .Where(a => a != address).Distinct(),
            ],
            MaximumLifetime = settings.MaximumLifetime,
            PrefixAdvertisements = settings.PrefixAdvertisements,
        });
    }
}

/// <summary>The home agent cannot serve as things are: one line that says what is wrong and what helps.</summary>
/// <param name="message">The line.</param>
internal sealed class RefusedException(string message) : Exception(message);
