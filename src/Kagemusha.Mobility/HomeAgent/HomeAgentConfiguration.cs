using System.Collections.Immutable;
using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What a <see cref="HomeAgent"/> serves.</summary>
/// <param name="Address">The home agent's address: where updates are sent to and where the tunnels end.</param>
/// <param name="LinkLayerAddress">Its link-layer address on the home link, which home addresses are advertised with.</param>
/// <param name="HomePrefixes">The prefixes that home addresses must lie in, or those that are known from the beginning.</param>
public sealed record HomeAgentConfiguration(
    Ipv6Address Address, LinkLayerAddress LinkLayerAddress, ImmutableArray<Ipv6Prefix> HomePrefixes)
{
    /// <summary>
    /// Whether <see cref="HomePrefixes"/> are those of this node's own addresses, and the home link's routers say what else there is, and for how long; else they
    /// are set, for ever.
    /// </summary>
    public bool LearnsPrefixes { get; init; }

    /// <summary>When mobile nodes are told of the home prefixes without having asked; null for never.</summary>
    public PrefixAdvertisementIntervals? PrefixAdvertisements { get; init; }

    /// <summary>Who may register; whoever no rule lets is refused.</summary>
    public ImmutableArray<AccessRule> AccessList { get; init; } = [AccessRule.Any];

    /// <summary>Other addresses of this node, which no mobile node may take; those of the home link with the link-local ones.</summary>
    public ImmutableArray<Ipv6Address> OtherAddresses { get; init; } = [];

    /// <summary>The longest lifetime that is granted. At least <see cref="HomeAgent.LifetimeUnit"/>.</summary>
    public TimeSpan MaximumLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How many home addresses may be bound or waiting for duplicate address detection.</summary>
    public int MaximumBindings { get; init; } = 16384;

    /// <summary>How many home addresses may wait for duplicate address detection: each is a multicast packet on the home link.</summary>
    public int MaximumDetections { get; init; } = 1024;
}

/// <summary>MinMobPfxAdvInterval and MaxMobPfxAdvInterval (RFC 6275, section 12).</summary>
/// <param name="Minimum">No advertisement is sent earlier after what it is sent for.</param>
/// <param name="Maximum">After so long one is sent again, and none waits for longer; not less than the minimum.</param>
public sealed record PrefixAdvertisementIntervals(TimeSpan Minimum, TimeSpan Maximum);
