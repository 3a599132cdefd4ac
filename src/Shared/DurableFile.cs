using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kagemusha;

/// <summary>A file that is whole after a crash at any moment: the new one, or the one before.</summary>
internal static class DurableFile
{
    /// <summary>Writes JSON beside the file, syncs, and renames; makes the directory if it is not there.</summary>
    /// <exception cref="IOException">It was not written; the one before is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void Write<T>(string path, T content, JsonTypeInfo<T> type) => Write(path, JsonSerializer.SerializeToUtf8Bytes(content, type));

    /// <summary>Writes beside the file, syncs, and renames; makes the directory if it is not there.</summary>
    /// <exception cref="IOException">It was not written; the one before is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (var file = new FileStream(path + ".new", FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Takes a file that cannot be used, or whatever is in its place, out of the way, for whoever wants to know why.</summary>
    /// <returns>What became of it, to follow "is": where it is now, or why it is still there.</returns>
    public static string SetAside(string path)
    {
        var aside = path + ".damaged";
        try
        {
            if (Directory.Exists(path))
            {
                Directory.Move(path, aside);
            }
            else
            {
                File.Move(path, aside, overwrite: true);
            }

            return $"set aside as {aside}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"still there, move it away yourself ({e.Message})";
        }
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
