namespace Kagemusha.Linux;

/// <summary>
/// What the kernel has of a few objects, by what it was told rather than by asking: it begins with what it was given before, and follows the changes that it
/// takes. Links and settings are not in it: of those the kernel is asked, one by one.
/// </summary>
internal sealed class KernelMemory
{
    private readonly Dictionary<(Type, object), KernelObject> _objects = [];

    /// <param name="given">What the kernel was given.</param>
    public KernelMemory(IEnumerable<KernelObject> given)
    {
        foreach (var one in given.Where(one => one is not (Link or Sysctl or BridgePort)))
        {
            Put(one);
            if (one is Filter { Link: var link })
            {
                Put(new Classifier(link));
            }
        }
    }

    /// <summary>What it has now.</summary>
    /// <param name="links">Its links, as far as they matter.</param>
    /// <param name="settings">Its settings, as far as they matter.</param>
    public KernelSnapshot With(IReadOnlyDictionary<string, NetworkInterface> links, IReadOnlyDictionary<string, string> settings) => new()
    {
        Interfaces = links,
        Objects = [.. _objects.Values],
        Marked = _objects.Values.ToHashSet(),
        Settings = settings,
    };

    /// <summary>Takes note of what the kernel has done.</summary>
    public void Follow(IEnumerable<Change> done)
    {
        foreach (var change in done)
        {
            switch (change)
            {
                case { Object: LinkSettings or Sysctl or BridgePort }:
                    break;
                case { Object: Link link, Kind: ChangeKind.Delete }:
                    Remove(one => one.RequiredLink == link.Name);
                    break;
                case { Object: Link }:
                    break;
                case { Object: Classifier { Link: var link }, Kind: ChangeKind.Delete }:
                    Remove(one => one is Filter or Classifier && one.RequiredLink == link);
                    break;
                case { Kind: ChangeKind.Delete }:
                    _objects.Remove(KernelState.Key(change.Object));
                    break;
                default:
                    Put(change.Object);
                    break;
            }
        }
    }

    private void Put(KernelObject one) => _objects[KernelState.Key(one)] = one;

    private void Remove(Func<KernelObject, bool> gone)
    {
        foreach (var key in _objects.Where(one => gone(one.Value)).Select(one => one.Key).ToList())
        {
            _objects.Remove(key);
        }
    }
}
