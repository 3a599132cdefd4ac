using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>A home registration in the binding cache (RFC 6275, section 9.1).</summary>
/// <param name="HomeAddress">The home address.</param>
/// <param name="CareOfAddress">Where its packets are tunnelled to.</param>
/// <param name="Sequence">The greatest sequence number that was accepted, or null if that is not known: then the next update counts.</param>
/// <param name="Expires">When the binding ends, on the clock of the home agent's <c>now</c>.</param>
public sealed record BindingCacheEntry(Ipv6Address HomeAddress, Ipv6Address CareOfAddress, ushort? Sequence, TimeSpan Expires)
{
    /// <summary>The mobile node's link-local address on the home link, if that is to be defended too (the L bit; RFC 6275, section 10.3.1).</summary>
    public Ipv6Address? LinkLocalAddress { get; init; }
}

/// <summary>A binding as it is stored: with a remaining lifetime, which holds on any clock.</summary>
/// <param name="HomeAddress">The home address.</param>
/// <param name="CareOfAddress">Where its packets are tunnelled to.</param>
/// <param name="Sequence">The greatest sequence number that was accepted, or null if that is not known.</param>
/// <param name="Remaining">The lifetime that is left.</param>
public sealed record BindingSnapshot(Ipv6Address HomeAddress, Ipv6Address CareOfAddress, ushort? Sequence, TimeSpan Remaining)
{
    /// <summary>The mobile node's link-local address on the home link, if that is defended too.</summary>
    public Ipv6Address? LinkLocalAddress { get; init; }
}
