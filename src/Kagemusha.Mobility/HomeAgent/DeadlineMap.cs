using System.Diagnostics.CodeAnalysis;
using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>Values by home address, each with a time at which it is due. Whatever is done costs the logarithm of how many there are, or less.</summary>
/// <typeparam name="T">The values.</typeparam>
/// <param name="due">When a value is due; it does not change.</param>
internal sealed class DeadlineMap<T>(Func<T, TimeSpan> due)
{
    // So many outdated times do no harm.
    private const int SpareTimes = 64;

    private readonly Dictionary<Ipv6Address, T> _values = [];

    // One that has been given another value, or taken out, stays here until its time, or until most are like it.
    private readonly PriorityQueue<Ipv6Address, TimeSpan> _times = new();

    /// <summary>How many there are.</summary>
    public int Count => _values.Count;

    /// <summary>All values.</summary>
    public IReadOnlyCollection<T> Values => _values.Values;

    /// <summary>When the first one is due; null if there is none.</summary>
    public TimeSpan? Next
    {
        get
        {
            while (_times.TryPeek(out var key, out var time))
            {
                if (_values.TryGetValue(key, out var value) && due(value) == time)
                {
                    return time;
                }

                _times.Dequeue();
            }

            return null;
        }
    }

    /// <summary>The value of a home address.</summary>
    public T this[Ipv6Address homeAddress]
    {
        set
        {
            _values[homeAddress] = value;
            if (_times.Count > 2 * _values.Count + SpareTimes)
            {
                _times.Clear();
                _times.EnqueueRange(_values.Select(one => (one.Key, due(one.Value))));
            }
            else
            {
                _times.Enqueue(homeAddress, due(value));
            }
        }
    }

    public bool ContainsKey(Ipv6Address homeAddress) => _values.ContainsKey(homeAddress);

    public bool TryGetValue(Ipv6Address homeAddress, [MaybeNullWhen(false)] out T value) => _values.TryGetValue(homeAddress, out value);

    public bool Remove(Ipv6Address homeAddress) => _values.Remove(homeAddress);

    public bool Remove(Ipv6Address homeAddress, [MaybeNullWhen(false)] out T value) => _values.Remove(homeAddress, out value);

    /// <summary>Takes those out that are due, the earliest first.</summary>
    public IReadOnlyList<(Ipv6Address HomeAddress, T Value)> TakeDue(TimeSpan now)
    {
        var taken = new List<(Ipv6Address, T)>();
        while (Next <= now)
        {
            var homeAddress = _times.Dequeue();
            _values.Remove(homeAddress, out var value);
            taken.Add((homeAddress, value!));
        }

        return taken;
    }
}
