using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>
/// The binding cache on disk: a first line that says what it is, then a line of JSON for each change, the last one of a home address counting.
/// Changes are appended, so that one costs the same however many bindings there are; when most lines are outdated, a file with one for each
/// binding takes its place as a whole. Each line has the remaining lifetime and the wall clock's time, so that a restart knows how much of
/// it has gone by.
/// </summary>
/// <remarks>
/// What has been written outlives this program; what has been flushed outlives the machine. The new file's name may not be on the disk before the next
/// flush, but until then the one before says the same.
/// </remarks>
internal sealed class CacheFile(string path = CacheFile.DefaultPath) : IDisposable
{
    public const string DefaultPath = "/var/lib/kagemusha/home-agent.journal";

    private const string Format = "kagemusha home agent";
    private const int Version = 1;
    private const byte LineEnd = (byte)'\n';

    // More than any journal of ours: what is longer is not read into memory.
    private const long LargestFile = 256 << 20;

    // A clock that is set by the network goes back a little from time to time.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(1);

    // So many outdated lines do no harm.
    private const int SpareLines = 1000;

    private FileStream? _journal;
    private int _lines;

    /// <summary>Appends changes; where it cannot go on from what is there, it writes all anew. Not on the disk before <see cref="Flush"/>.</summary>
    /// <param name="changes">Bindings as they are now; one that has no lifetime left has ended.</param>
    /// <param name="all">All bindings that there are now.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="IOException">It was not written. The next time, all is written anew.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public void Append(IReadOnlyCollection<BindingSnapshot> changes, Func<IReadOnlyCollection<BindingSnapshot>> all, DateTimeOffset now)
    {
        if (_journal is null)
        {
            Begin(all(), now);
            return;
        }

        try
        {
            // One write: there is no half of it unless the disk is full.
            _journal.Write(Lines(changes, now));
            _lines += changes.Count;
        }
        catch (IOException)
        {
            Close();
            throw;
        }
    }

    /// <summary>Waits until what was written is on the disk.</summary>
    /// <exception cref="IOException">It is not. The next time, all is written anew.</exception>
    public void Flush()
    {
        try
        {
            _journal?.Flush(flushToDisk: true);
        }
        catch (IOException)
        {
            Close();
            throw;
        }
    }

    /// <summary>Whether most of it is outdated, so that <see cref="Begin"/> is worth its while.</summary>
    /// <param name="bindings">How many bindings there are.</param>
    public bool IsMostlyOutdated(int bindings) => _journal is not null && _lines > 2 * bindings + SpareLines;

    /// <summary>Puts a file with all bindings in the place of the one that is there, on the disk.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Begin(IReadOnlyCollection<BindingSnapshot> all, DateTimeOffset now)
    {
        Close();
        DurableFile.Write(path, [.. JsonSerializer.SerializeToUtf8Bytes(new StoredHeader(Format, Version), CacheJson.Default.StoredHeader), LineEnd, .. Lines(all, now)]);
        _journal = new(path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 });
        _lines = all.Count;
    }

    /// <summary>What the file says, with what the bindings have left now. One that cannot be used whole is set aside.</summary>
    public CacheContent Read(DateTimeOffset now)
    {
        var bindings = new Dictionary<Ipv6Address, BindingSnapshot>();
        var lapsed = new HashSet<Ipv6Address>();
        DateTimeOffset? lastWrittenAt = null;
        try
        {
            var rest = ReadBytes();
            ReadHeader(Line(ref rest));
            for (var number = 2; !rest.IsEmpty; number++)
            {
                try
                {
                    var (binding, stored) = ReadBinding(Line(ref rest), now);
                    lastWrittenAt = stored.WrittenAt > lastWrittenAt ? stored.WrittenAt : lastWrittenAt ?? stored.WrittenAt;
                    _ = stored.RemainingSeconds > 0 && binding.Remaining <= TimeSpan.Zero ? lapsed.Add(binding.HomeAddress) : lapsed.Remove(binding.HomeAddress);
                    bindings[binding.HomeAddress] = binding;
                }
                catch (Exception e) when (e is JsonException or FormatException or OverflowException)
                {
                    throw new JsonException(string.Create(CultureInfo.InvariantCulture, $"line {number}: {e.Message}"), e);
                }
            }

            return new([.. bindings.Values], null) { ClockFault = ClockFault(now, lastWrittenAt, lapsed.Count) };
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new([], $"{path} is not there");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return new([.. bindings.Values], string.Create(
                CultureInfo.InvariantCulture,
                $"{path} cannot be used whole and is {DurableFile.SetAside(path)}: {e.Message.ReplaceLineEndings(" ")}; {bindings.Count} bindings were read of it"));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private static void ReadHeader(ReadOnlySpan<byte> line)
    {
        StoredHeader? header = null;
        try
        {
            header = JsonSerializer.Deserialize(line, CacheJson.Default.StoredHeader);
        }
        catch (JsonException)
        {
            // Not ours, or not any more.
        }

        if (header?.Format != Format)
        {
            throw new JsonException("it is no home agent's journal");
        }

        DurableFile.Expect(Version, header.Version);
    }

    private string? ClockFault(DateTimeOffset now, DateTimeOffset? lastWrittenAt, int lapsed) =>
        lastWrittenAt - now > ClockTolerance ? string.Create(
            CultureInfo.InvariantCulture,
            $"this machine's clock is wrong, or was: it says {now:u}, but {path} was last written at {lastWrittenAt:u}; lifetimes count as they were then")
        : lapsed > 0 ? string.Create(
            CultureInfo.InvariantCulture,
            $"{lapsed} bindings have ended since {path} was last written at {lastWrittenAt:u}; if that is not so long ago, this machine's clock is wrong: it says {now:u}")
        : null;

    private static (BindingSnapshot Binding, StoredBinding Stored) ReadBinding(ReadOnlySpan<byte> line, DateTimeOffset now)
    {
        var stored = JsonSerializer.Deserialize(line, CacheJson.Default.StoredBinding) ?? throw new JsonException("it is empty");
        // A clock that was set back makes lifetimes longer; their mobile nodes refresh them long before.
        var passed = now > stored.WrittenAt ? now - stored.WrittenAt : TimeSpan.Zero;
        var binding = new BindingSnapshot(
            Ipv6Address.Parse(stored.HomeAddress), Ipv6Address.Parse(stored.CareOfAddress), stored.Sequence, TimeSpan.FromSeconds(stored.RemainingSeconds) - passed)
        {
            LinkLocalAddress = stored.LinkLocalAddress is { } linkLocal ? Ipv6Address.Parse(linkLocal) : null,
        };
        return (binding, stored);
    }

    private static ReadOnlySpan<byte> Line(ref ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOf(LineEnd);
        if (end < 0)
        {
            throw new JsonException(rest.IsEmpty ? "it is empty" : "its last line is cut short");
        }

        var line = rest[..end];
        rest = rest[(end + 1)..];
        return line;
    }

    private static ReadOnlySpan<byte> Lines(IReadOnlyCollection<BindingSnapshot> bindings, DateTimeOffset now)
    {
        var lines = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(lines);
        foreach (var binding in bindings)
        {
            json.Reset();
            JsonSerializer.Serialize(
                json,
                new(now, binding.HomeAddress.ToString(), binding.CareOfAddress.ToString(), binding.Sequence, binding.Remaining.TotalSeconds, binding.LinkLocalAddress?.ToString()),
                CacheJson.Default.StoredBinding);
            lines.Write([LineEnd]);
        }

        return lines.WrittenSpan;
    }

    private ReadOnlySpan<byte> ReadBytes() =>
        new FileInfo(path) is { Exists: true, Length: > LargestFile } ? throw new IOException("it is far too long") : File.ReadAllBytes(path);

    private void Close()
    {
        _journal?.Dispose();
        _journal = null;
    }
}

/// <summary>What a journal said.</summary>
/// <param name="Bindings">The bindings; those that have no lifetime left have ended.</param>
/// <param name="Fault">Why these may not be all that there were, in one line; null if they are.</param>
internal sealed record CacheContent(IReadOnlyList<BindingSnapshot> Bindings, string? Fault)
{
    /// <summary>Why the clock may be wrong, now or when it was written, in one line; null if nothing says so.</summary>
    public string? ClockFault { get; init; }
}

/// <summary>The first line.</summary>
internal sealed record StoredHeader(string Format, int Version);

/// <summary>Every other line.</summary>
internal sealed record StoredBinding(DateTimeOffset WrittenAt, string HomeAddress, string CareOfAddress, ushort? Sequence, double RemainingSeconds, string? LinkLocalAddress = null);

/// <summary>Reading and writing without reflection, which Native AOT does not have.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(StoredHeader))]
[JsonSerializable(typeof(StoredBinding))]
internal sealed partial class CacheJson : JsonSerializerContext;
