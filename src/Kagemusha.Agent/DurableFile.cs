using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kagemusha.Agent;

/// <summary>A JSON file that is whole after a crash at any moment: the new one, or the one before.</summary>
internal static class DurableFile
{
    /// <summary>Writes beside the file, syncs, and renames; makes the directory if it is not there.</summary>
    /// <exception cref="IOException">It was not written; the one before is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void Write<T>(string path, T content, JsonTypeInfo<T> type)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (var file = new FileStream(path + ".new", FileMode.Create, FileAccess.Write, FileShare.None))
        {
            JsonSerializer.Serialize(file, content, type);
            file.Flush(flushToDisk: true);
        }

        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Takes a file that cannot be used out of the way, for whoever wants to know why.</summary>
    /// <returns>Where it is now.</returns>
    public static string SetAside(string path)
    {
        var aside = path + ".damaged";
        File.Move(path, aside, overwrite: true);
        return aside;
    }

    /// <summary>Checks what a file says of its own form.</summary>
    /// <exception cref="JsonException">It is another version's.</exception>
    public static void Expect(int version, int? found)
    {
        if (found != version)
        {
            throw new JsonException(found > version ? "it is of a newer version" : "it has no version that is known");
        }
    }
}
