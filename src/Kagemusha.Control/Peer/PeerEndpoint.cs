using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>Where a host's agent is reached by the agents of other hosts.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Port">Its TCP port.</param>
/// <param name="CertificateName">The name that its certificate has to have.</param>
public sealed record PeerEndpoint(Ipv6Address Address, ushort Port, string CertificateName)
{
    /// <summary>As log lines name it.</summary>
    public override string ToString() => $"{CertificateName} ([{Address}]:{Port})";
}

/// <summary>
/// What the metadata says of the agent of the host that the guest is on: where the next host asks for the hand-over, and what it shows there. Every
/// host on which the guest comes puts its own in place of the last one's.
/// </summary>
/// <param name="Endpoint">Where.</param>
/// <param name="Token">Valid for one migration.</param>
public sealed record PeerTicket(PeerEndpoint Endpoint, OneTimeToken Token);
