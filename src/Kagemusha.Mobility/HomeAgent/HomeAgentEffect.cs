using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What a <see cref="HomeAgent"/> wants done, in the order given.</summary>
public abstract record HomeAgentEffect
{
    private HomeAgentEffect()
    {
    }

    /// <summary>
    /// The binding cache has changed: the kernel and the stored cache follow before the effects behind this one, so that nothing is
    /// acknowledged that does not hold.
    /// </summary>
    /// <param name="Binding">The binding as it now is, or as it was when it ended.</param>
    /// <param name="Change">What happened to it.</param>
    /// <param name="Remaining">The lifetime that it has left.</param>
    public sealed record BindingChanged(BindingCacheEntry Binding, BindingCacheChange Change, TimeSpan Remaining) : HomeAgentEffect
    {
        /// <summary>Whether there is no such binding any more.</summary>
        public bool HasEnded => Change is BindingCacheChange.Deregistered or BindingCacheChange.Expired or BindingCacheChange.Abandoned;
    }

    /// <summary>Send a packet by the routing table.</summary>
    /// <param name="Packet">The packet.</param>
    public sealed record Send(Ipv6Packet Packet) : HomeAgentEffect;

    /// <summary>
    /// Send a packet on the home link: neighbour discovery, and what is for a mobile node that is at home, which the routing table may still
    /// lead to the care-of address.
    /// </summary>
    /// <param name="Packet">The packet.</param>
    /// <param name="Destination">The receiver's link-layer address, or the group's.</param>
    public sealed record SendOnHomeLink(Ipv6Packet Packet, LinkLayerAddress Destination) : HomeAgentEffect;

    /// <summary>There are other home prefixes, or other words for them: for the log, and for who listens to the prefixes' anycast addresses.</summary>
    /// <param name="Prefixes">All of them.</param>
    public sealed record HomePrefixesChanged(WireArray<HomePrefix> Prefixes) : HomeAgentEffect;

    /// <summary>An update was refused: for the log.</summary>
    /// <param name="HomeAddress">Whose.</param>
    /// <param name="CareOfAddress">The care-of address that it asked for.</param>
    /// <param name="Status">The status of the acknowledgement that follows.</param>
    /// <param name="Reason">Why, in words.</param>
    public sealed record Refused(Ipv6Address HomeAddress, Ipv6Address CareOfAddress, BindingStatus Status, string Reason) : HomeAgentEffect;

    /// <summary>A packet was discarded without an answer: for the log.</summary>
    /// <param name="Source">Where it came from.</param>
    /// <param name="Reason">Why, in words.</param>
    public sealed record Discarded(Ipv6Address Source, string Reason) : HomeAgentEffect;
}

/// <summary>What happened to a binding.</summary>
public enum BindingCacheChange
{
    /// <summary>It began.</summary>
    Registered,

    /// <summary>Its lifetime was renewed.</summary>
    Refreshed,

    /// <summary>It has another care-of address.</summary>
    Moved,

    /// <summary>The mobile node ended it.</summary>
    Deregistered,

    /// <summary>Its lifetime ended.</summary>
    Expired,

    /// <summary>It had to be given up, because the kernel would not have its data path.</summary>
    Abandoned,
}
