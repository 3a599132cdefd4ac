using Kagemusha.Wire;

namespace Kagemusha.Linux;

/// <summary>What is done to an object.</summary>
public enum ChangeKind
{
    /// <summary>It is made; an error if its place is taken.</summary>
    Add,

    /// <summary>It takes the place of another, or a free one.</summary>
    Replace,

    /// <summary>It is there and gets other settings.</summary>
    Set,

    /// <summary>It goes.</summary>
    Delete,
}

/// <summary>One step from what the kernel has to what we want. Its text is the iproute2 line that would do the same.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Object">To what.</param>
public sealed record Change(ChangeKind Kind, KernelObject Object)
{
    /// <inheritdoc/>
    public override string ToString() => Object.Line(Kind switch
    {
        ChangeKind.Add => "add",
        ChangeKind.Replace => "replace",
        ChangeKind.Set => "set",
        _ => "delete",
    });
}

/// <summary>What is to be changed of a link that is there.</summary>
internal sealed record LinkSettings(string Name) : KernelObject
{
    public LinkLayerAddress? Address { get; init; }

    public int? Mtu { get; init; }

    public int? TransmitQueueLength { get; init; }

    /// <summary>A link's name, or empty for none.</summary>
    public string? Master { get; init; }

    public bool NoAddressGeneration { get; init; }

    public bool? Up { get; init; }

    internal override object Identity => Name;

    internal override string Line(string verb)
    {
        var line = $"ip link {verb} {Name}";
        line = Address is null ? line : $"{line} address {Address}";
        line = Mtu is null ? line : $"{line} mtu {Mtu}";
        line = TransmitQueueLength is null ? line : $"{line} txqueuelen {TransmitQueueLength}";
        line = Master switch
        {
            null => line,
            "" => $"{line} nomaster",
            _ => $"{line} master {Master}",
        };
        line = NoAddressGeneration ? $"{line} addrgenmode none" : line;
        return Up switch
        {
            null => line,
            true => $"{line} up",
            false => $"{line} down",
        };
    }
}

/// <summary>The queueing discipline that filters of a link are at.</summary>
internal sealed record Classifier(string Link) : KernelObject
{
    internal override object Identity => Link;

    internal override string? RequiredLink => Link;

    internal override string Line(string verb) => $"tc qdisc {verb} dev {Link} clsact";
}
