using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What a <see cref="MobileNode"/> wants done, in this order.</summary>
public abstract record MobileNodeEffect
{
    private MobileNodeEffect()
    {
    }

    /// <summary>
    /// Numbers up to and including this one may be used from now on. A snapshot taken now must be durable before the
    /// effects that follow are carried out, or a crash could make the node use a number twice.
    /// </summary>
    /// <param name="Through">The last number reserved, modulo 2^16.</param>
    public sealed record SequenceReserved(ushort Through) : MobileNodeEffect;

    /// <summary>Send a Binding Update from the care-of address, on the foreign link.</summary>
    /// <param name="Packet">The packet, whose source is the care-of address.</param>
    public sealed record SendFromCareOfAddress(MobilityPacket Packet) : MobileNodeEffect;

    /// <summary>Tell a home agent that serves no more, as another does, to end what it may still hold, from the care-of address.</summary>
    /// <param name="Packet">The de-registration, whose source is the care-of address.</param>
    public sealed record EndElsewhere(MobilityPacket Packet) : MobileNodeEffect;

    /// <summary>Send an answer to what the home agent has said unasked, which is no update, from the care-of address.</summary>
    /// <param name="Packet">The packet, whose source is the care-of address.</param>
    public sealed record AnswerFromCareOfAddress(Ipv6Packet Packet) : MobileNodeEffect;

    /// <summary>Ask the home agent for the home prefixes, from the care-of address (RFC 6275, section 11.4.2).</summary>
    /// <param name="Packet">The packet, whose source is the care-of address.</param>
    public sealed record SolicitPrefixes(MobilityIcmpPacket Packet) : MobileNodeEffect;

    /// <summary>The home agent says what the home link's routers advertise now (RFC 6275, section 11.4.3): the guest is told, as if they had.</summary>
    /// <param name="Prefixes">The prefixes with their remaining lifetimes.</param>
    /// <param name="Flags">How the guest is to find out addresses and other things.</param>
    public sealed record PrefixesAdvertised(WireArray<PrefixInformation> Prefixes, MobilePrefixFlags Flags) : MobileNodeEffect;

    /// <summary>Send an answer to what the home agent has said unasked, which is no update, from the home address, on the home link.</summary>
    /// <param name="Packet">The packet, whose source is the home address.</param>
    public sealed record AnswerOnHomeLink(MobilityPacket Packet) : MobileNodeEffect;

    /// <summary>Send a de-registration from the home address, on the home link (RFC 6275, section 11.5.5).</summary>
    /// <param name="Packet">The packet, whose source is the home address.</param>
    public sealed record SendOnHomeLink(MobilityPacket Packet) : MobileNodeEffect;

    /// <summary>
    /// Have the host that the guest came from send a de-registration on its foreign link, and hand back what answers it there.
    /// </summary>
    /// <param name="Packet">The packet, whose source is the previous care-of address.</param>
    public sealed record SendFromPreviousCareOfAddress(MobilityPacket Packet) : MobileNodeEffect;

    /// <summary>The home agent no longer defends the home address: advertise the guest's own link-layer address, with the override flag.</summary>
    public sealed record AnnounceOnHomeLink : MobileNodeEffect;

    /// <summary>Another home agent is asked, or serves, or one has let go: packets come from others. From which, is in <see cref="MobileNode.TunnelEnds"/>.</summary>
    public sealed record HomeAgentChanged : MobileNodeEffect;

    /// <summary>None of the home agents that are known does as wanted: look for others (RFC 6275, section 11.4.1).</summary>
    public sealed record OtherHomeAgentsWanted : MobileNodeEffect;

    /// <summary>The home agent has accepted an update.</summary>
    /// <param name="Elapsed">Since that very update was sent.</param>
    /// <param name="BindingExisted">
    /// Whether there was a binding when it was sent, as far as was known: before a new one the home agent looks for duplicates.
    /// </param>
    public sealed record UpdateAnswered(TimeSpan Elapsed, bool BindingExisted) : MobileNodeEffect;

    /// <summary>Something about the binding is other than before. What is true now is in <see cref="MobileNode.GetState"/>.</summary>
    /// <param name="Change">What has happened.</param>
    /// <param name="HomeAgent">The home agent that it is about.</param>
    /// <param name="Status">The home agent's answer, where it was one.</param>
    /// <param name="CareOfAddress">The care-of address that it is about; none on the home link.</param>
    /// <param name="Lifetime">How long the binding is good for from now on.</param>
    /// <param name="Explanation">One sentence for the operator.</param>
    public sealed record BindingChanged(
        BindingChange Change, Ipv6Address HomeAgent, BindingStatus? Status, Ipv6Address? CareOfAddress, TimeSpan Lifetime, string Explanation) : MobileNodeEffect;
}

/// <summary>What has happened to a binding.</summary>
public enum BindingChange
{
    /// <summary>The home agent tunnels to this care-of address from now on.</summary>
    Registered,

    /// <summary>The binding goes on with a new lifetime.</summary>
    Refreshed,

    /// <summary>The home agent refused, or has revoked the binding; the update is repeated. Reported once for each reason.</summary>
    Refused,

    /// <summary>The home agent does not answer; the update is repeated. Reported once.</summary>
    Unanswered,

    /// <summary>The lifetime is over: the home agent no longer tunnels, nor defends the home address.</summary>
    Expired,

    /// <summary>The home agent has dropped the binding on the guest's return.</summary>
    Deregistered,
}
