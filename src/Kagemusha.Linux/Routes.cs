using System.Globalization;
using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>An address of a link, usable at once: without duplicate address detection (<c>nodad</c>).</summary>
/// <param name="Link">The link's name.</param>
/// <param name="Value">The address.</param>
/// <param name="PrefixLength">How many of its bits are the link's prefix, 128 for none.</param>
public sealed record LinkAddress(string Link, Ipv6Address Value, int PrefixLength) : KernelObject
{
    internal override object Identity => (Link, Value);

    internal override string? RequiredLink => Link;

    internal override string Line(string verb) => $"ip -6 address {verb} {Value}/{PrefixLength} dev {Link}{(verb == "delete" ? "" : " nodad")}";
}

/// <summary>An IPv6 route. Without a link it is unreachable, so that a packet that it matches is refused, or thrown.</summary>
/// <param name="Destination">Where to; <c>::/0</c> for the default route.</param>
/// <param name="Table">The routing table.</param>
public sealed record Route(Ipv6Prefix Destination, uint Table = Route.MainTable) : KernelObject
{
    /// <summary>The table that is used where no rule or VRF says otherwise.</summary>
    public const uint MainTable = 254;

    /// <summary>The kernel's metric for routes that come from programs.</summary>
    public const uint DefaultMetric = 1024;

    /// <summary>The metric for an unreachable default route that is behind all others.</summary>
    public const uint LastMetric = 4278198272;

    /// <summary>Only for packets from here (a subtree); null for all.</summary>
    public Ipv6Prefix? Source { get; init => field = value is { Length: 0 } ? null : value; }

    /// <summary>Which of several routes to one destination comes first: the smallest.</summary>
    public uint Metric { get; init; } = DefaultMetric;

    /// <summary>The link it goes by; null for unreachable or thrown.</summary>
    public string? Link { get; init; }

    /// <summary>Whether what it matches is looked up as if the table did not have it: by the next rule (RTN_THROW).</summary>
    public bool IsThrown { get; init; }

    /// <summary>The next hop; null for neighbours and tunnels.</summary>
    public Ipv6Address? Gateway { get; init; }

    internal override object Identity => (Destination, Table, Source, Metric);

    internal override string? RequiredLink => Link;

    internal override string Line(string verb)
    {
        var line = $"ip -6 route {verb} {(IsThrown ? "throw " : Link is null ? "unreachable " : "")}{(Destination.Length == 0 ? "default" : Destination.ToString())}";
        line = Source is null ? line : $"{line} from {Source}";
        line = Gateway is null ? line : $"{line} via {Gateway}";
        line = Link is null ? line : $"{line} dev {Link}";
        return $"{line} table {Table} metric {Metric}";
    }
}

/// <summary>An IPv6 rule: which packets look into which table.</summary>
/// <param name="Priority">The smallest is asked first.</param>
/// <param name="Table">The routing table.</param>
public sealed record Rule(uint Priority, uint Table) : KernelObject
{
    /// <summary>Only packets from here; null for all.</summary>
    public Ipv6Prefix? Source { get; init => field = value is { Length: 0 } ? null : value; }

    /// <summary>Only packets to here; null for all.</summary>
    public Ipv6Prefix? Destination { get; init => field = value is { Length: 0 } ? null : value; }

    /// <summary>Only packets that came in by this link; null for all.</summary>
    public string? InputLink { get; init; }

    internal override object Identity => this;

    internal override string Line(string verb)
    {
        var line = $"ip -6 rule {verb} pref {Priority} from {Source?.ToString() ?? "all"}";
        line = Destination is null ? line : $"{line} to {Destination}";
        line = InputLink is null ? line : $"{line} iif {InputLink}";
        return $"{line} table {Table}";
    }
}

/// <summary>A permanent neighbour entry: programmed, never resolved.</summary>
/// <param name="Link">The link's name.</param>
/// <param name="Address">The neighbour's address.</param>
/// <param name="LinkLayerAddress">The neighbour's link-layer address.</param>
public sealed record Neighbour(string Link, Ipv6Address Address, LinkLayerAddress LinkLayerAddress) : KernelObject
{
    internal override object Identity => (Link, Address);

    internal override string? RequiredLink => Link;

    internal override string Line(string verb) =>
        verb == "delete" ? $"ip -6 neigh delete {Address} dev {Link}" : $"ip -6 neigh {verb} {Address} lladdr {LinkLayerAddress} nud permanent dev {Link}";
}

/// <summary>A kernel setting under <c>/proc/sys/net</c>. It is not put back when it is no longer wanted.</summary>
/// <param name="Path">The path below it, with slashes, such as <c>ipv6/conf/all/forwarding</c>.</param>
/// <param name="Value">The value as the file shows it.</param>
public sealed record Sysctl(string Path, string Value) : KernelObject
{
    internal override object Identity => Path;

    /// <summary>An IPv6 setting of one interface.</summary>
    public static Sysctl Ipv6(string link, string key, int value) => new($"ipv6/conf/{link}/{key}", value.ToString(CultureInfo.InvariantCulture));

    internal override string Line(string verb) => $"sysctl -w net/{Path}={Value}";
}
