using System.Text.Json.Serialization;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>What the agent answers.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "reply")]
[JsonDerivedType(typeof(HookReply), "hook")]
[JsonDerivedType(typeof(Done), "done")]
[JsonDerivedType(typeof(StatusReply), "status")]
[JsonDerivedType(typeof(HistoryReply), "history")]
[JsonDerivedType(typeof(DoctorReply), "doctor")]
[JsonDerivedType(typeof(RecoverReply), "recover")]
[JsonDerivedType(typeof(Failed), "failed")]
public abstract record ControlReply;

/// <summary>How the hook is to end towards libvirt.</summary>
/// <param name="Xml">The changed XML for standard output, or null: printing anything marks the domain tainted.</param>
/// <param name="Error">The line with which the hook refuses, or null; it becomes the error that <c>virsh migrate</c> prints.</param>
public sealed record HookReply(string? Xml = null, string? Error = null) : ControlReply
{
    /// <summary>Whether it refuses, without the XML.</summary>
    public override string ToString() => Error is null ? $"accepted{(Xml is null ? "" : " with changed XML")}" : $"refused: {Error}";
}

/// <summary>The request was carried out.</summary>
/// <param name="Notes">Lines for the administrator: what was done, and what he should know.</param>
public sealed record Done(IReadOnlyList<string> Notes) : ControlReply, IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Notes);
}

/// <summary>The request was not carried out.</summary>
/// <param name="ExitCode">What the program ends with.</param>
/// <param name="Error">One line: what is wrong and what helps.</param>
public sealed record Failed(ExitCode ExitCode, string Error) : ControlReply;

/// <summary>What has become of each domain that was to be recovered.</summary>
public sealed record RecoverReply(IReadOnlyList<DomainRecovery> Domains) : ControlReply, IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Domains);
}

/// <summary>What has become of one domain that was to be recovered.</summary>
/// <param name="Notes">Lines for the administrator.</param>
/// <param name="ExitCode">What the program would end with for it alone.</param>
/// <param name="Error">One line, or null where it is done.</param>
public sealed record DomainRecovery(IReadOnlyList<string> Notes, ExitCode ExitCode, string? Error) : IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Notes);
}

/// <summary>How things stand, one entry for each home address.</summary>
public sealed record StatusReply(IReadOnlyList<DomainStatus> Domains) : ControlReply, IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Domains);
}

/// <summary>The moves that this host took part in, the newest last.</summary>
public sealed record HistoryReply(IReadOnlyList<Move> Moves) : ControlReply, IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Moves);
}

/// <summary>What was looked at, and what was found.</summary>
/// <param name="Version">The agent's version.</param>
/// <param name="Findings">What it has found.</param>
public sealed record DoctorReply(string Version, IReadOnlyList<Finding> Findings) : ControlReply, IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Findings);
}

/// <summary>One home address of one enrolled domain, as this host sees it.</summary>
/// <param name="Name">The domain's name.</param>
/// <param name="Uuid">The domain's UUID.</param>
/// <param name="State">libvirt's word for the domain's state, such as <c>running</c>.</param>
/// <param name="Interface">The guest's address on the enrolled interface.</param>
/// <param name="HomeAddress">The home address, or null where the interface has none yet.</param>
/// <param name="CareOfAddress">This host's address under which it is registered, if it is.</param>
/// <param name="HomeAgent">The home agent that serves it, or is asked.</param>
/// <param name="Binding">The registration's state in words, such as <c>registered</c> or <c>refused (132)</c>.</param>
/// <param name="RemainingLifetime">Seconds until the binding ends, if there is one.</param>
/// <param name="DataPath">How packets come to the guest and leave it.</param>
/// <param name="Problems">Lines: what is wrong and what helps; empty if all is well.</param>
/// <param name="Origin">How the home address became known, or null where there is none yet.</param>
/// <param name="OtherHomeAgents">Who is asked when the home agent does not serve, the most preferred first.</param>
public sealed record DomainStatus(
    string Name,
    Guid Uuid,
    string State,
    LinkLayerAddress Interface,
    Ipv6Address? HomeAddress,
    Ipv6Address? CareOfAddress,
    Ipv6Address HomeAgent,
    string Binding,
    int? RemainingLifetime,
    DataPath DataPath,
    IReadOnlyList<string> Problems,
    HomeAddressOrigin? Origin,
    IReadOnlyList<Ipv6Address> OtherHomeAgents) : IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => WholeList.Require(Problems);
}

/// <summary>How a guest's packets travel on this host.</summary>
public enum DataPath
{
    /// <summary>Not at all: the guest does not run here, or cannot be reached.</summary>
    [JsonStringEnumMemberName("none")]
    None,

    /// <summary>Natively on the home link's bridge.</summary>
    [JsonStringEnumMemberName("home-link")]
    HomeLink,

    /// <summary>Through the tunnel between care-of address and home agent.</summary>
    [JsonStringEnumMemberName("home-agent-tunnel")]
    HomeAgentTunnel,

    /// <summary>Through the tunnel to the host that the guest comes from: its home agent has not turned yet.</summary>
    [JsonStringEnumMemberName("hand-over-tunnel")]
    HandOverTunnel,
}
