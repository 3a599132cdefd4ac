using System.Collections;
using System.Collections.Frozen;
using System.Runtime.CompilerServices;

namespace Kagemusha.Linux;

/// <summary>One thing that the kernel can hold: a link, an address, a route. Equal when all that we set is equal.</summary>
public abstract record KernelObject
{
    /// <summary>What the kernel allows only one of: two objects of one type with the same identity exclude each other.</summary>
    internal abstract object Identity { get; }

    /// <summary>The link that has to be there first, if any.</summary>
    internal virtual string? RequiredLink => null;

    /// <summary>The iproute2 command line that would add, replace or delete it.</summary>
    internal abstract string Line(string verb);
}

/// <summary>
/// What we want of the kernel: a set of objects. States of several guests are put together with <see cref="With"/>;
/// what they share (a VRF, a tunnel) is then there once.
/// </summary>
[CollectionBuilder(typeof(KernelState), nameof(Create))]
public sealed class KernelState : IEnumerable<KernelObject>
{
    private readonly FrozenDictionary<(Type, object), KernelObject> _objects;

    private KernelState(IEnumerable<KernelObject> objects)
    {
        var known = new Dictionary<(Type, object), KernelObject>();
        foreach (var wanted in objects)
        {
            if (!known.TryAdd(Key(wanted), wanted) && known[Key(wanted)] != wanted)
            {
                throw new ArgumentException($"'{known[Key(wanted)].Line("add")}' and '{wanted.Line("add")}' exclude each other");
            }
        }

        _objects = known.ToFrozenDictionary();
    }

    /// <summary>Nothing.</summary>
    public static KernelState Empty { get; } = new([]);

    /// <summary>How many objects it has.</summary>
    public int Count => _objects.Count;

    /// <summary>Makes a state of objects; the same object twice counts once.</summary>
    /// <exception cref="ArgumentException">Two objects exclude each other.</exception>
    public static KernelState Create(ReadOnlySpan<KernelObject> objects) => new(objects.ToArray());

    /// <summary>This state and more.</summary>
    /// <exception cref="ArgumentException">Two objects exclude each other.</exception>
    public KernelState With(IEnumerable<KernelObject> more) => new(_objects.Values.Concat(more));

    /// <summary>Whether exactly this object is wanted.</summary>
    public bool Contains(KernelObject wanted) => _objects.TryGetValue(Key(wanted), out var known) && known == wanted;

    /// <summary>Whether an object takes the place that this one has or would have.</summary>
    internal bool Occupies(KernelObject other) => _objects.ContainsKey(Key(other));

    /// <summary>The object that takes this one's place.</summary>
    internal KernelObject OccupantOf(KernelObject other) => _objects[Key(other)];

    /// <inheritdoc/>
    public IEnumerator<KernelObject> GetEnumerator() => _objects.Values.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The place that an object has or would have.</summary>
    internal static (Type, object) Key(KernelObject wanted) => (wanted is Link ? typeof(Link) : wanted.GetType(), wanted.Identity);
}

/// <summary>
/// Which of the kernel's objects are one program's own, to be deleted when they are not wanted: links of kind vrf, ip6tnl and veth by
/// their names and their group, routes, rules, neighbours, proxy entries and filters (in a cookie) by their protocol, and whatever is on those links and on the
/// ports of those VRFs. Programs with different protocol numbers do not touch each other's.
/// </summary>
/// <param name="LinkPrefix">How the names of its links begin.</param>
/// <param name="Protocol">The protocol number (RTA_PROTO, FRA_PROTOCOL, NDA_PROTOCOL) of what it adds, and the group of its links.</param>
public sealed record KernelScope(string LinkPrefix, byte Protocol)
{
    /// <summary>The protocol number of Kagemusha.</summary>
    public const byte DefaultProtocol = 75;

    /// <summary>Whether a link is of the kinds that we make, and by its name and group ours.</summary>
    internal bool Owns(NetworkInterface link) =>
        link.Kind is "vrf" or "ip6tnl" or "veth" && link.Group == Protocol && link.Name.StartsWith(LinkPrefix, StringComparison.Ordinal);
}
