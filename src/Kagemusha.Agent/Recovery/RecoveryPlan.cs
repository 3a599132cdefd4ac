using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>What libvirt says of a domain on this host.</summary>
internal enum DomainIs
{
    /// <summary>It knows none of that name.</summary>
    Unknown,

    /// <summary>It is defined and does not run here.</summary>
    Off,

    /// <summary>It is coming or leaving.</summary>
    Moving,

    /// <summary>It is this host's.</summary>
    Here,
}

/// <summary>What was found of a home address.</summary>
/// <param name="HomeAddress">The home address.</param>
/// <param name="HomeAgent">The home agent that serves it, or is asked.</param>
/// <param name="Place">Where its interface ends here.</param>
/// <param name="Phase">What its mobile node is doing.</param>
/// <param name="Problem">Why that is not what is wanted, as far as the node knows.</param>
/// <param name="IsEchoed">Whether an echo came back from the home agent through the tunnel; null where none could be sent.</param>
internal sealed record FoundAddress(
    Ipv6Address HomeAddress, Ipv6Address HomeAgent, Attachment Place, MobileNodePhase Phase, string? Problem, bool? IsEchoed);

/// <summary>What was found of a domain, by libvirt, the agent's own state, the kernel, and its home agents.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Domain">What libvirt says.</param>
/// <param name="State">libvirt's word for its state.</param>
/// <param name="IsKnown">Whether this agent has it, or something that is left of it.</param>
/// <param name="IsHandingOver">Whether its packets may come from another host, or are about to go to one.</param>
/// <param name="Hindrance">Why it is not served.</param>
/// <param name="Differences">What would have to be changed in the kernel at once, as <c>ip</c> and <c>tc</c> lines.</param>
/// <param name="Addresses">Its home addresses.</param>
internal sealed record Findings(
    string Name,
    DomainIs Domain,
    string State,
    bool IsKnown,
    bool IsHandingOver,
    string? Hindrance,
    IReadOnlyList<string> Differences,
    IReadOnlyList<FoundAddress> Addresses);

/// <summary>What is done to recover a domain.</summary>
internal enum RecoveryStep
{
    /// <summary>Nothing: it is refused.</summary>
    Refuse,

    /// <summary>The data path is built again, and the home agents are told again; a hand-over that only this agent knows of goes on.</summary>
    GoOn,

    /// <summary>It is taken up as after a start of the agent, and the home agents are told again.</summary>
    TakeUp,

    /// <summary>This host lets go of it.</summary>
    Release,
}

/// <summary>What is wrong with a domain, and what is to be done. Pure: the same findings give the same plan.</summary>
/// <param name="Step">What is to be done.</param>
/// <param name="Says">That in words; why not, where it is refused.</param>
/// <param name="Wrong">What is wrong, a sentence for each thing.</param>
internal sealed record RecoveryPlan(RecoveryStep Step, string Says, IReadOnlyList<string> Wrong)
{
    /// <summary>Decides.</summary>
    /// <param name="found">What was found.</param>
    /// <param name="asWhat">What the administrator says that it is.</param>
    public static RecoveryPlan Decide(Findings found, RecoverAs asWhat) =>
        asWhat == RecoverAs.Release ? Release(found) : Recover(found, asWhat);

    /// <summary>What is wrong with a home address, in words; null where nothing is.</summary>
    public static string? Fault(FoundAddress address, RecoverAs asWhat) => address switch
    {
        { Place: Attachment.Severed { Why: var why } } => $"its interface is severed: {why}",
        { Place: Attachment.Away } when asWhat == RecoverAs.Home => "it is taken for away",
        { Place: Attachment.Home } when asWhat == RecoverAs.Away => "it is taken for one on its home link",
        { Problem: { } problem } => problem,
        { Phase: MobileNodePhase.Registering } => $"the home agent {address.HomeAgent} has not acknowledged it",
        { Phase: MobileNodePhase.Deregistering } => $"the home agent {address.HomeAgent} has not let go of it",
        { Phase: MobileNodePhase.Passive } => "nobody speaks for it here",
        { IsEchoed: false } => $"no echo comes back from the home agent {address.HomeAgent} through the tunnel",
        _ => null,
    };

    private static RecoveryPlan Release(Findings found) => found.Domain switch
    {
        DomainIs.Here => Refuse($"{found.Name} is {found.State} on this host: to let go of it would cut it off"),
        DomainIs.Moving => Refuse($"{found.Name} is in the middle of a migration: that has to end first"),
        _ => new(
            RecoveryStep.Release,
            "its data path and state on this host are removed; its home agents are told nothing",
            found.IsKnown ? [$"it is {(found.Domain == DomainIs.Unknown ? "not on this host" : found.State)}, and this host serves it"] : []),
    };

    private static RecoveryPlan Recover(Findings found, RecoverAs asWhat) => found.Domain switch
    {
        DomainIs.Unknown => Refuse($"there is no domain '{found.Name}' on this host"),
        DomainIs.Moving => Refuse($"{found.Name} is in the middle of a migration on this host: recover it where it runs"),
        DomainIs.Off => Refuse($"{found.Name} is {found.State} on this host: recover it where it runs"),
        _ when found.IsHandingOver && asWhat != RecoverAs.Found =>
            Refuse($"the hand-over of {found.Name} has not ended, and says where it is: recover it without --home and --away, or later"),
        _ => new(
            found.IsHandingOver ? RecoveryStep.GoOn : RecoveryStep.TakeUp,
            (found.IsHandingOver ? "its hand-over goes on" : "it is taken up again from what libvirt and the state file say")
                + asWhat switch { RecoverAs.Home => ", as on its home link", RecoverAs.Away => ", as away", _ => "" }
                + "; the kernel is made to match, and its home agents are told again",
            [.. Faults(found, asWhat)]),
    };

    private static IEnumerable<string> Faults(Findings found, RecoverAs asWhat)
    {
        if (found.Hindrance is { } hindrance)
        {
            yield return $"it is not served: {hindrance}";
        }
        else if (!found.IsKnown)
        {
            yield return "the agent has not taken it up";
        }

        if (found.Differences.Count > 0)
        {
            yield return $"the kernel is not as it should be: {found.Differences[0]}"
                + (found.Differences.Count > 1 ? $", and {found.Differences.Count - 1} more" : "");
        }

        foreach (var address in found.Addresses)
        {
            if (Fault(address, asWhat) is { } wrong)
            {
                yield return $"{address.HomeAddress}: {wrong}";
            }
        }
    }

    private static RecoveryPlan Refuse(string why) => new(RecoveryStep.Refuse, why, []);
}
