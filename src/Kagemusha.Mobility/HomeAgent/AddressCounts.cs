using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>Addresses, each as often as it has been added.</summary>
internal sealed class AddressCounts
{
    private readonly Dictionary<Ipv6Address, int> _counts = [];

    /// <summary>Whether it is there at least once.</summary>
    public bool Contains(Ipv6Address address) => _counts.ContainsKey(address);

    public void Add(Ipv6Address address) => _counts[address] = _counts.GetValueOrDefault(address) + 1;

    /// <summary>Takes one away that is there.</summary>
    public void Remove(Ipv6Address address)
    {
        if (--_counts[address] == 0)
        {
            _counts.Remove(address);
        }
    }
}
