using System.Text.Json;
using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>The files of <c>history --html</c>.</summary>
internal static class PageFile
{
    /// <summary>Longer is no history: an agent's whole one fits into one reply.</summary>
    private const int MostBytes = 4 << 20;

    /// <summary>Writes a page to a file, the old one or the whole new one at any moment.</summary>
    /// <exception cref="ControlException">It was not written, and the old one is still there.</exception>
    public static void Write(string path, string page)
    {
        // Under another name first: by a rename, a device would be gone.
        if (Path.GetFullPath(path) is var full && (full.StartsWith("/dev/", StringComparison.Ordinal) || full.StartsWith("/proc/", StringComparison.Ordinal)))
        {
            throw new ControlException(ExitCode.Failed, $"{path} is no place for a page: name a file elsewhere");
        }

        var unfinished = $"{full}.{Guid.NewGuid():N}";
        try
        {
            using (var file = new FileStream(unfinished, FileMode.CreateNew, FileAccess.Write))
            {
                using var writer = new StreamWriter(file, leaveOpen: true);
                writer.Write(page);
                writer.Flush();
                file.Flush(flushToDisk: true);
            }

            File.Move(unfinished, full, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(unfinished);
            throw new ControlException(ExitCode.Failed, $"{path} was not written: {e.Message}");
        }
    }

    /// <summary>Reads what <c>history --json</c> has printed.</summary>
    /// <exception cref="ControlException">The file cannot be read, or is something else.</exception>
    public static IReadOnlyList<Move> Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var content = new MemoryStream();
            var buffer = new byte[1 << 16];
            while (file.Read(buffer) is > 0 and var read)
            {
                content.Write(buffer, 0, read);
                if (content.Length > MostBytes)
                {
                    throw new JsonException($"it is longer than {MostBytes} bytes");
                }
            }

            return JsonSerializer.Deserialize(content.GetBuffer().AsSpan(0, (int)content.Length), ControlJson.Default.IReadOnlyListMove) is { } moves
                && moves.All(move => (Move?)move is not null) ? moves : throw new JsonException("a move is missing");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ControlException(ExitCode.Failed, $"{path} cannot be read: {e.Message}");
        }
        catch (JsonException e)
        {
            throw new ControlException(ExitCode.Failed, $"{path} is not what 'kagemusha-hook history --json' prints: {e.Message.ReplaceLineEndings(" ")}");
        }
    }
}
