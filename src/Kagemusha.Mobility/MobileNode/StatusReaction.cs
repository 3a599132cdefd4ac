using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>What a mobile node does about a Binding Acknowledgement's status (RFC 6275, section 11.7.3).</summary>
internal enum StatusReaction
{
    /// <summary>The binding is what was asked for.</summary>
    Accept,

    /// <summary>Continue behind the number that the acknowledgement gives, at once.</summary>
    ResumeSequence,

    /// <summary>It may pass by itself: repeat the update as if it had not been answered.</summary>
    RepeatWithBackOff,

    /// <summary>Somebody has to change something: repeat the update no more often than MAX_BINDACK_TIMEOUT.</summary>
    RepeatSlowly,
}

/// <summary>The reaction to each status, with a sentence that says what it means here.</summary>
internal static class StatusReactions
{
    public static (StatusReaction Reaction, string Explanation) To(BindingStatus status) => status switch
    {
        BindingStatus.Accepted =>
            (StatusReaction.Accept, "the home agent accepted the update"),
        BindingStatus.AcceptedPrefixDiscoveryNecessary =>
            (StatusReaction.Accept, "the home agent accepted the update, but says that the home prefix changes or ends before the binding"),
        BindingStatus.ReasonUnspecified =>
            (StatusReaction.RepeatWithBackOff, "the home agent refused and gave no reason; its own log may tell"),
        BindingStatus.AdministrativelyProhibited =>
            (StatusReaction.RepeatSlowly, "the home agent's policy does not allow this home address or care-of address"),
        BindingStatus.InsufficientResources =>
            (StatusReaction.RepeatWithBackOff, "the home agent has no resources left for this binding"),
        BindingStatus.HomeRegistrationNotSupported =>
            (StatusReaction.RepeatSlowly, "the node at the home agent's address is not a home agent"),
        BindingStatus.NotHomeSubnet =>
            (StatusReaction.RepeatSlowly, "the home address is in no prefix that the home agent knows on the home link"),
        BindingStatus.NotHomeAgentForThisMobileNode =>
            (StatusReaction.RepeatSlowly, "the home agent does not serve this home address"),
        BindingStatus.DuplicateAddressDetectionFailed =>
            (StatusReaction.RepeatWithBackOff, "another node on the home link uses the home address: duplicate address detection failed"),
        BindingStatus.SequenceNumberOutOfWindow =>
            (StatusReaction.ResumeSequence, "the home agent has seen a greater sequence number; the update is repeated behind it"),
        BindingStatus.ExpiredHomeNonceIndex or BindingStatus.ExpiredCareOfNonceIndex or BindingStatus.ExpiredNonces =>
            (StatusReaction.RepeatSlowly, "the home agent asks for nonces, which no home registration has"),
        BindingStatus.RegistrationTypeChangeDisallowed =>
            (StatusReaction.RepeatSlowly, "the home agent holds a binding of another type for the home address, which has to end first"),
        BindingStatus.InvalidCareOfAddress =>
            (StatusReaction.RepeatSlowly, "the home agent does not accept the care-of address"),
        { IsAccepted: true } =>
            (StatusReaction.Accept, $"the home agent accepted the update with the unknown status {(byte)status}"),
        _ =>
            (StatusReaction.RepeatSlowly, $"the home agent refused with the unknown status {(byte)status}"),
    };
}
