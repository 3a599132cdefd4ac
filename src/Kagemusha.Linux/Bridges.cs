using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>
/// Settings of a link that is a port of a bridge, ours or somebody else's; null leaves as it is. A link that is no port is left alone, and
/// nothing is undone when it is no longer wanted. The filters of somebody else's are somebody else's.
/// </summary>
/// <param name="Name">The link's name.</param>
public sealed record BridgePort(string Name) : KernelObject
{
    /// <summary>Whether the bridge learns addresses from it.</summary>
    public bool? Learning { get; init; }

    /// <summary>Whether it gets frames to addresses that the bridge does not know.</summary>
    public bool? UnicastFlood { get; init; }

    /// <summary>Whether it gets frames to groups.</summary>
    public bool? MulticastFlood { get; init; }

    /// <summary>Whether it gets broadcasts.</summary>
    public bool? BroadcastFlood { get; init; }

    /// <summary>How many frames may wait in the link (<c>txqueuelen</c>).</summary>
    public int? TransmitQueueLength { get; init; }

    internal override object Identity => Name;

    internal override string? RequiredLink => Name;

    /// <summary>What is still to be set.</summary>
    internal BridgePort Missing(NetworkInterface there) => this with
    {
        Learning = Learning == there.BridgePort?.Learning ? null : Learning,
        UnicastFlood = UnicastFlood == there.BridgePort?.UnicastFlood ? null : UnicastFlood,
        MulticastFlood = MulticastFlood == there.BridgePort?.MulticastFlood ? null : MulticastFlood,
        BroadcastFlood = BroadcastFlood == there.BridgePort?.BroadcastFlood ? null : BroadcastFlood,
        TransmitQueueLength = TransmitQueueLength == there.TransmitQueueLength ? null : TransmitQueueLength,
    };

    internal override string Line(string verb)
    {
        var line = $"ip link {verb} {Name}";
        line = TransmitQueueLength is { } length ? $"{line} txqueuelen {length}" : line;
        line = new[] { Learning, UnicastFlood, MulticastFlood, BroadcastFlood }.Any(set => set is not null) ? $"{line} type bridge_slave" : line;
        line = Learning is { } learning ? $"{line} learning {Word(learning)}" : line;
        line = UnicastFlood is { } unicast ? $"{line} flood {Word(unicast)}" : line;
        line = MulticastFlood is { } multicast ? $"{line} mcast_flood {Word(multicast)}" : line;
        return BroadcastFlood is { } broadcast ? $"{line} bcast_flood {Word(broadcast)}" : line;

        static string Word(bool on) => on ? "on" : "off";
    }
}

/// <summary>How a port of a bridge is set.</summary>
/// <param name="Learning">Whether the bridge learns addresses from it.</param>
/// <param name="UnicastFlood">Whether it gets frames to addresses that the bridge does not know.</param>
/// <param name="MulticastFlood">Whether it gets frames to groups.</param>
/// <param name="BroadcastFlood">Whether it gets broadcasts.</param>
public sealed record BridgePortSettings(bool Learning, bool UnicastFlood, bool MulticastFlood, bool BroadcastFlood);

/// <summary>Where a bridge sends what is for an address. It goes with its port if that is ours; else it ages or stays.</summary>
/// <param name="Link">A port of the bridge; one that is up, unless the entry is sticky.</param>
/// <param name="Address">The address that is behind it.</param>
public sealed record BridgeForwardingEntry(string Link, LinkLayerAddress Address) : KernelObject
{
    /// <summary>Whether no frame moves it to another port: even a static entry follows the address. Otherwise it is as if learnt.</summary>
    public bool IsSticky { get; init; }

    internal override object Identity => Address;

    internal override string? RequiredLink => Link;

    internal override string Line(string verb) =>
        $"bridge fdb {verb} {Address} dev {Link} master{(verb == "delete" ? "" : IsSticky ? " static sticky" : " dynamic")}";
}
