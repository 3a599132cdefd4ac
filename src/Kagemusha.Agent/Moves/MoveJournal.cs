using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>
/// The moves that this host took part in: a file for each, <c>/var/lib/kagemusha/moves/TIME-UUID-ROLE.json</c>, written whole, synced and
/// renamed. Files are touched one after another and never on the agent's loop, which a slow disk must not hold up during a move.
/// </summary>
/// <param name="warn">Is told in one line what could not be kept; from any thread.</param>
/// <param name="directory">Where the files are.</param>
internal sealed class MoveJournal(Action<string> warn, string directory = MoveJournal.Directory) : IDisposable
{
    public const string Directory = StateFile.Directory + "/moves";

    /// <summary>Older moves are forgotten.</summary>
    public const int MostMoves = 500;

    private const int Version = 1;
    private const string Time = "yyyyMMdd'T'HHmmss.ffffff'Z'";

    private static readonly TimeSpan LongestMemory = TimeSpan.FromDays(90);

    // Of this agent's own moves: nobody ends those of one that has died. Touched in the queue only.
    private readonly HashSet<string> _underWay = [];
    private Task _queue = Task.CompletedTask;

    /// <summary>Keeps what is known of a move by now, in the place of what was known before.</summary>
    public void Save(MoveRecord record)
    {
        var move = record.TakeSnapshot();
        _ = Enqueue(() =>
        {
            Write(move);
            return true;
        });
    }

    /// <summary>What is written down of a guest's move to or from this host is complete, if there is one.</summary>
    public void Close(Guest guest, MoveRole role, MoveOutcome outcome, string? detail = null)
    {
        MoveRecord? move;
        if (role == MoveRole.Source)
        {
            (move, guest.MoveAway) = (guest.MoveAway, null);
        }
        else
        {
            (move, guest.MoveHere) = (guest.MoveHere, null);
        }

        if (move is not null)
        {
            move.End(outcome, detail);
            Save(move);
        }
    }

    /// <summary>The moves, the oldest first; all that was saved before is in it.</summary>
    /// <param name="domain">Only this one's, by name or UUID, or null for all.</param>
    public Task<IReadOnlyList<Move>> ReadAsync(string? domain = null) => Enqueue(() => Read(domain));

    /// <summary>Waits until all is written.</summary>
    public void Dispose() => Task.WhenAny(_queue).Wait();

    /// <summary>What a move's file is called.</summary>
    internal static string FileName(Move move)
    {
        var role = move.Role == MoveRole.Source ? "source" : "destination";
        return $"{move.Began.UtcDateTime.ToString(Time, CultureInfo.InvariantCulture)}-{move.Uuid}-{role}.json";
    }

    private Task<T> Enqueue<T>(Func<T> work)
    {
        var task = _queue.ContinueWith(_ => work(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _queue = task;
        return task;
    }

    private void Write(Move move)
    {
        var path = Path.Combine(directory, FileName(move));
        try
        {
            DurableFile.Write(path, new(Version, move), MoveJson.Default.MoveFile);
            if (move.Outcome != MoveOutcome.UnderWay)
            {
                _underWay.Remove(path);
            }
            else if (_underWay.Add(path))
            {
                Expire();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warn($"the move of {move.Name} is not recorded: {e.Message}");
        }
    }

    private IReadOnlyList<Move> Read(string? domain)
    {
        if (!System.IO.Directory.Exists(directory))
        {
            return [];
        }

        Expire();
        return
        [
            .. System.IO.Directory.GetFiles(directory, "*.json").Order(StringComparer.Ordinal).Select(ReadFile).OfType<Move>()
                .Where(move => domain is null || move.Name == domain || (Guid.TryParse(domain, out var uuid) && move.Uuid == uuid)),
        ];
    }

    private Move? ReadFile(string path)
    {
        try
        {
            var file = JsonSerializer.Deserialize(File.ReadAllBytes(path), MoveJson.Default.MoveFile);
            DurableFile.Expect(Version, file?.Version);
            var move = file!.Move;
            if (FileName(move) != Path.GetFileName(path))
            {
                throw new JsonException($"it is of another move, {FileName(move)}");
            }

            return move.Outcome == MoveOutcome.UnderWay && !_underWay.Contains(path) ? move with { Outcome = MoveOutcome.Unknown } : move;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            warn($"{path} cannot be used and is {DurableFile.SetAside(path)}; history goes on without that move: {e.Message.ReplaceLineEndings(" ")}");
            return null;
        }
    }

    /// <summary>Deletes what is too old or too much, damaged files and half-written ones too; what is not called like ours stays.</summary>
    private void Expire()
    {
        var oldest = DateTime.UtcNow - LongestMemory;
        var kept = 0;
        foreach (var path in System.IO.Directory.GetFiles(directory).OrderDescending(StringComparer.Ordinal))
        {
            if (DateTime.TryParseExact(
                    Path.GetFileName(path).Split('-')[0],
                    Time,
                    CultureInfo.InvariantCulture,
                    DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal,
                    out var began)
                && (began < oldest || ++kept > MostMoves))
            {
                File.Delete(path);
            }
        }
    }
}

/// <summary>A move's file.</summary>
internal sealed record MoveFile(int Version, Move Move);

/// <summary>The file's JSON, by source generation for Native AOT.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(MoveFile))]
internal sealed partial class MoveJson : JsonSerializerContext;
