using System.Text.Json;
using System.Text.Json.Serialization;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>
/// The binding cache on disk: remaining lifetimes and the wall clock's time, so that a restart knows how much of them has gone by. Each
/// file takes the place of the last one as a whole. It is not flushed: what it is for is the program's end, not the machine's, which
/// takes the tunnels with it.
/// </summary>
internal sealed class CacheFile(string path = CacheFile.DefaultPath)
{
    public const string DefaultPath = "/var/lib/kagemusha/home-agent.json";

    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Write(IEnumerable<BindingSnapshot> bindings, DateTimeOffset now)
    {
        var cache = new StoredCache(now, [.. bindings.Select(b => new StoredBinding(
            b.HomeAddress.ToString(), b.CareOfAddress.ToString(), b.Sequence, b.Remaining.TotalSeconds))]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var next = path + ".new";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(cache, StoredCacheContext.Default.StoredCache));
        File.Move(next, path, overwrite: true);
    }

    /// <summary>The bindings, with what they have left now. No file: none.</summary>
    /// <exception cref="IOException">It cannot be read, or is not what <see cref="Write"/> writes.</exception>
    public IReadOnlyList<BindingSnapshot> Read(DateTimeOffset now)
    {
        try
        {
            var cache = JsonSerializer.Deserialize(File.ReadAllBytes(path), StoredCacheContext.Default.StoredCache)
                ?? throw new FormatException("it is empty");
            // A clock that was set back makes lifetimes longer; their mobile nodes refresh them long before.
            var passed = now > cache.WrittenAt ? now - cache.WrittenAt : TimeSpan.Zero;
            return [.. cache.Bindings.Select(b => new BindingSnapshot(
                Ipv6Address.Parse(b.HomeAddress),
                Ipv6Address.Parse(b.CareOfAddress),
                b.Sequence,
                TimeSpan.FromSeconds(b.RemainingSeconds) - passed))];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException or ArgumentException)
        {
            throw new IOException($"{path} is damaged: {e.Message}", e);
        }
    }
}

/// <summary>The file as it is written.</summary>
internal sealed record StoredCache(DateTimeOffset WrittenAt, IReadOnlyList<StoredBinding> Bindings);

/// <summary>A binding in the file.</summary>
internal sealed record StoredBinding(string HomeAddress, string CareOfAddress, ushort Sequence, double RemainingSeconds);

/// <summary>Reading and writing without reflection, which Native AOT does not have.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(StoredCache))]
internal sealed partial class StoredCacheContext : JsonSerializerContext;
