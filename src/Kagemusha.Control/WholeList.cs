using System.Text.Json;

namespace Kagemusha.Control;

/// <summary>A list of a message: what its type says of nulls does not hold by itself for its elements.</summary>
internal static class WholeList
{
    /// <exception cref="JsonException">An element is null.</exception>
    public static void Require<T>(IReadOnlyList<T?> list)
        where T : class
    {
        if (list.Contains(null))
        {
            throw new JsonException("a list has an empty element");
        }
    }
}
