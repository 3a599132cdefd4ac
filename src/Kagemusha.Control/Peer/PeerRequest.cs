using System.Text.Json.Serialization;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>What one agent asks of another; one connection, one request, one <see cref="PeerReply"/>.</summary>
/// <param name="Version">The version of the messages that the caller speaks.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "request")]
[JsonDerivedType(typeof(HandOverRequest), "hand-over")]
[JsonDerivedType(typeof(ArrivedRequest), "arrived")]
[JsonDerivedType(typeof(DeregistrationRequest), "deregistration")]
[JsonDerivedType(typeof(RegisteredRequest), "registered")]
public abstract record PeerRequest(int Version)
{
    /// <summary>The version that this program speaks, and the only one.</summary>
    public const int CurrentVersion = 5;
}

/// <summary>A domain is migrating to the caller, who wants what its agent knows of it; answered by <see cref="HandOver"/>.</summary>
/// <param name="Version">The version of the messages that the caller speaks.</param>
/// <param name="Domain">The domain's UUID.</param>
/// <param name="Token">What the domain's metadata has shown to the caller.</param>
/// <param name="Destination">Where the caller is reached itself; its address is the caller's end of the hand-over's tunnel.</param>
public sealed record HandOverRequest(int Version, Guid Domain, OneTimeToken Token, PeerEndpoint Destination) : PeerRequest(Version);

/// <summary>
/// A domain that was handed over runs at the caller's, and its home agents have turned: nothing new comes for it to the one that is asked. Answered
/// by <see cref="DomainLeft"/>, or by <see cref="Understood"/> where that is not known.
/// </summary>
/// <param name="Version">The version of the messages that the caller speaks.</param>
/// <param name="Domain">The domain's UUID.</param>
/// <param name="Token">What was shown for the hand-over.</param>
public sealed record ArrivedRequest(int Version, Guid Domain, OneTimeToken Token) : PeerRequest(Version);

/// <summary>
/// A domain that was handed over is on its home link now, at the caller's. Its home agent is to be told so from the care-of address that it had, where
/// the one that is asked can send from and the caller cannot. Answered by <see cref="HomeAgentAnswer"/>.
/// </summary>
/// <param name="Version">The version of the messages that the caller speaks.</param>
/// <param name="Domain">The domain's UUID.</param>
/// <param name="Token">What was shown for the hand-over.</param>
/// <param name="Packet">The IPv6 packet with the Binding Update.</param>
public sealed record DeregistrationRequest(int Version, Guid Domain, OneTimeToken Token, byte[] Packet) : PeerRequest(Version);

/// <summary>
/// A domain is on its way from the caller to the one that is asked, and its home agent has just acknowledged the caller's care-of address: from then on it
/// takes the domain's packets from there only. Answered by <see cref="Understood"/>.
/// </summary>
/// <param name="Version">The version of the messages that the caller speaks.</param>
/// <param name="Domain">The domain's UUID.</param>
/// <param name="Token">What was shown for the hand-over.</param>
/// <param name="HomeAddress">The home address that was acknowledged.</param>
/// <param name="Hold">For how many seconds the home agent may still drop what follows an update.</param>
public sealed record RegisteredRequest(int Version, Guid Domain, OneTimeToken Token, Ipv6Address HomeAddress, double Hold) : PeerRequest(Version);
