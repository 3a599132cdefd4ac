using System.Collections;
using System.Runtime.CompilerServices;

namespace Kagemusha.Wire;

/// <summary>An unchanging list that is equal to another with equal elements, so that the records that hold it are values.</summary>
/// <typeparam name="T">The elements, values themselves.</typeparam>
[CollectionBuilder(typeof(WireArray), nameof(WireArray.Create))]
public readonly struct WireArray<T> : IReadOnlyList<T>, IEquatable<WireArray<T>>
{
    private readonly T[]? _items;

    internal WireArray(T[] items) => _items = items;

    /// <inheritdoc/>
    public int Count => _items?.Length ?? 0;

    /// <summary>The elements.</summary>
    public ReadOnlySpan<T> Span => _items;

    /// <inheritdoc/>
    public T this[int index] => Span[index];

    /// <summary>Element by element.</summary>
    public static bool operator ==(WireArray<T> left, WireArray<T> right) => left.Equals(right);

    /// <summary>Element by element.</summary>
    public static bool operator !=(WireArray<T> left, WireArray<T> right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(WireArray<T> other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is WireArray<T> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var item in Span)
        {
            hash.Add(item);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)(_items ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Bytes as hexadecimal digits, anything else as a list.</summary>
    public override string ToString() => _items is byte[] bytes ? Convert.ToHexStringLower(bytes) : $"[{string.Join(", ", this)}]";
}

/// <summary>Makes <see cref="WireArray{T}"/> from a collection expression.</summary>
public static class WireArray
{
    /// <summary>Copies the elements.</summary>
    public static WireArray<T> Create<T>(ReadOnlySpan<T> items) => new(items.ToArray());
}
