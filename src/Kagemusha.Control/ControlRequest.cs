using System.Text.Json.Serialization;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>What the hook or the administrator asks of the agent; one request, one <see cref="ControlReply"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "request")]
[JsonDerivedType(typeof(HookCall), "hook")]
[JsonDerivedType(typeof(EnrollRequest), "enroll")]
[JsonDerivedType(typeof(UnenrollRequest), "unenroll")]
[JsonDerivedType(typeof(StatusRequest), "status")]
[JsonDerivedType(typeof(RecoverRequest), "recover")]
[JsonDerivedType(typeof(HistoryRequest), "history")]
[JsonDerivedType(typeof(DoctorRequest), "doctor")]
public abstract record ControlRequest
{
    /// <summary>Whether it only asks: others than root may be allowed to.</summary>
    [JsonIgnore]
    public virtual bool IsReadOnly => false;
}

/// <summary>libvirt called the hook for a domain with our metadata; answered by <see cref="HookReply"/>.</summary>
/// <param name="Guest">The domain's name, the hook's first argument.</param>
/// <param name="Operation">Such as <c>migrate</c> or <c>started</c>.</param>
/// <param name="SubOperation">Such as <c>begin</c>.</param>
/// <param name="Extra">The fourth argument, a dash where libvirt has nothing to say.</param>
/// <param name="Xml">The domain's XML from standard input. It holds secrets: never log it.</param>
public sealed record HookCall(string Guest, string Operation, string SubOperation, string Extra, string Xml) : ControlRequest
{
    /// <summary>The call without the XML.</summary>
    public override string ToString() => $"{Guest} {Operation} {SubOperation} {Extra}";
}

/// <summary>Make a domain's interfaces mobile; answered by <see cref="Done"/>.</summary>
/// <param name="Domain">Its name or UUID.</param>
/// <param name="HomeAddresses">Those that are known; the VM's others are learnt.</param>
/// <param name="HomeAgent">The home agent's address, or null for those that are found on the home link.</param>
/// <param name="Interface">Only this interface, by the guest's address, also beside others that are enrolled already; null for all that are on a home link.</param>
public sealed record EnrollRequest(
    string Domain, IReadOnlyList<Ipv6Address> HomeAddresses, Ipv6Address? HomeAgent, LinkLayerAddress? Interface) : ControlRequest;

/// <summary>Take our metadata from a domain that is at home; answered by <see cref="Done"/>.</summary>
/// <param name="Domain">Its name or UUID.</param>
/// <param name="Interface">Only what is said of this interface, by the guest's address; null for all.</param>
public sealed record UnenrollRequest(string Domain, LinkLayerAddress? Interface) : ControlRequest;

/// <summary>How the enrolled domains of this host stand; answered by <see cref="StatusReply"/>.</summary>
/// <param name="Domain">Only this one, by name or UUID.</param>
public sealed record StatusRequest(string? Domain) : ControlRequest
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override bool IsReadOnly => true;
}

/// <summary>
/// Find out what is wrong with a domain here, register it again and build its data path again; answered by <see cref="Done"/>, or for all domains by
/// <see cref="RecoverReply"/>.
/// </summary>
/// <param name="Domain">Its name or UUID; null for all enrolled ones that run here.</param>
/// <param name="As">What this host is to take it for.</param>
/// <param name="DryRun">Only say what is wrong and what would be done.</param>
public sealed record RecoverRequest(string? Domain, RecoverAs As = RecoverAs.Found, bool DryRun = false) : ControlRequest;

/// <summary>What a host is to take a domain for that is recovered.</summary>
public enum RecoverAs
{
    /// <summary>For what libvirt and the kernel say.</summary>
    [JsonStringEnumMemberName("found")]
    Found,

    /// <summary>For one on its home link.</summary>
    [JsonStringEnumMemberName("home")]
    Home,

    /// <summary>For one that is away.</summary>
    [JsonStringEnumMemberName("away")]
    Away,

    /// <summary>For none of its own: it lets go of it, and tells no home agent.</summary>
    [JsonStringEnumMemberName("release")]
    Release,
}

/// <summary>Which moves this host took part in; answered by <see cref="HistoryReply"/>.</summary>
/// <param name="Domain">Only this one's, by name or UUID; it need not be on this host any more.</param>
public sealed record HistoryRequest(string? Domain) : ControlRequest
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override bool IsReadOnly => true;
}

/// <summary>
/// What a move will need of this host, as far as only the agent can look at it; answered by <see cref="DoctorReply"/>. It tries what the kernel can do.
/// </summary>
public sealed record DoctorRequest : ControlRequest;
