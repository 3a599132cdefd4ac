using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What a <see cref="MobileNode"/> registers, and where.</summary>
/// <param name="HomeAddress">The guest's address on its home link.</param>
/// <param name="HomeAgent">The home agent's address; of several the most preferred one's.</param>
public sealed record MobileNodeConfiguration(Ipv6Address HomeAddress, Ipv6Address HomeAgent)
{
    /// <summary>Those that are asked, in this order, when it does not answer, or refuses (RFC 6275, section 11.4.1).</summary>
    public WireArray<Ipv6Address> OtherHomeAgents { get; init; } = [];

    /// <summary>The guest's link-local address, as far as it is known: L says whether its interface identifier is the home address' (RFC 6275, section 11.7.1).</summary>
    public Ipv6Address? LinkLocalAddress { get; init; }

    /// <summary>The lifetime asked for; rounded up to the unit of 4 s (RFC 6275, section 6.1.7).</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// InitialBindackTimeoutFirstReg (RFC 6275, section 12): the first wait when the home agent holds no binding,
    /// because it then has duplicate address detection to do before it answers.
    /// </summary>
    public TimeSpan InitialBindackTimeoutFirstReg { get; init; } = TimeSpan.FromSeconds(1.5);
}
