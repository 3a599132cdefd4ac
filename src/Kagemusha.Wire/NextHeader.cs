namespace Kagemusha.Wire;

/// <summary>The protocol numbers of the headers that a packet is made of (IANA, Assigned Internet Protocol Numbers).</summary>
public enum NextHeader : byte
{
    /// <summary>RFC 8200, section 4.3.</summary>
    HopByHopOptions = 0,

    /// <summary>A whole IPv6 packet: the tunnels of RFC 2473.</summary>
    Ipv6 = 41,

    /// <summary>RFC 8200, section 4.4.</summary>
    Routing = 43,

    /// <summary>RFC 8200, section 4.5.</summary>
    Fragment = 44,

    /// <summary>RFC 4303.</summary>
    EncapsulatingSecurityPayload = 50,

    /// <summary>RFC 4443.</summary>
    Icmpv6 = 58,

    /// <summary>Nothing follows (RFC 8200, section 4.7).</summary>
    None = 59,

    /// <summary>RFC 8200, section 4.6.</summary>
    DestinationOptions = 60,

    /// <summary>RFC 6275, section 6.1.</summary>
    Mobility = 135,
}
