extern alias HomeAgentDaemon;

using System.Text.Json;
using HomeAgentDaemon::Kagemusha.HomeAgentDaemon;
using Kagemusha.Agent;
using Kagemusha.Control;
using static Kagemusha.Fuzz.BrokenPropertyException;

namespace Kagemusha.Fuzz;

/// <summary>
/// Files on disk, torn or edited: read, or set aside or refused with one line; and what was read is read again, as the same, when we write it.
/// </summary>
internal static class FileTargets
{
    private const string Uuid = "6f3c1f0e-1111-4222-8333-944455566677";

    // In memory: a fuzzer writes thousands of them each second.
    private static readonly string Place = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"kagemusha-fuzz-{Environment.ProcessId}")).FullName;

    static FileTargets() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Place, recursive: true);

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("state-file", CheckState),
        new("move-file", CheckMove),
        new("home-agent-cache", CheckCache),
        new("agent-configuration", bytes => CheckConfiguration(bytes, path => AgentConfiguration.Read(path))),
        new("home-agent-configuration", bytes => CheckConfiguration(bytes, path => HomeAgentSettings.Read(path))),
    ];

    private static void CheckState(byte[] bytes)
    {
        var directory = Directory.CreateDirectory(Path.Combine(Place, "state")).FullName;
        var path = Path.Combine(directory, $"{Uuid}.json");
        File.WriteAllBytes(path, bytes);
        var warnings = new List<string>();
        var read = StateFile.Read(Guid.Parse(Uuid), warnings.Add, directory);
        RequireSetAside(path, warnings);
        if (warnings.Count > 0)
        {
            Require(read.Count == 0, "something was read from a file that cannot be used");
            return;
        }

        DurableFile.Write(path, JsonSerializer.Deserialize(bytes, StateJson.Default.GuestState)!, StateJson.Default.GuestState);
        var again = StateFile.Read(Guid.Parse(Uuid), warnings.Add, directory);
        Require(warnings.Count == 0 && read.Count == again.Count, "what we write we refuse");
        Require(
            read.All(one => again.TryGetValue(one.Key, out var other)
                && one.Value.ReservedThrough == other.ReservedThrough && one.Value.CareOfAddress == other.CareOfAddress
                && other.BindingRemaining <= one.Value.BindingRemaining && other.BindingMayRemain <= one.Value.BindingMayRemain),
            "what we write we read as something else");
    }

    private static void CheckMove(byte[] bytes)
    {
        var directory = Path.Combine(Place, "moves");
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }

        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, NameOf(bytes) ?? $"99990101T000000.000000Z-{Uuid}-source.json");
        File.WriteAllBytes(path, bytes);
        var warnings = new List<string>();
        using var journal = new MoveJournal(warnings.Add, directory);
        var moves = journal.ReadAsync().GetAwaiter().GetResult();
        if (moves is [var move])
        {
            Require(warnings.Count == 0, "used and set aside");
            DurableFile.Write(path, new(1, move), MoveJson.Default.MoveFile);
            var again = journal.ReadAsync().GetAwaiter().GetResult();
            Require(again.Count == 1, "what we write we refuse");
            Require(JsonOf(again) == JsonOf(moves), "what we write we read as something else");
        }
        else if (File.Exists(path + ".damaged"))
        {
            RequireSetAside(path, warnings);
        }
        else
        {
            Require(!File.Exists(path) && warnings.Count == 0, "neither read nor set aside nor too old");
        }
    }

    // A move's file is called after it; of a file that cannot be read it does not matter.
    private static string? NameOf(byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, MoveJson.Default.MoveFile) is { } file ? MoveJournal.FileName(file.Move) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string JsonOf(IReadOnlyList<Move> moves) => JsonSerializer.Serialize(moves, ControlJson.Default.IReadOnlyListMove);

    private static void CheckCache(byte[] bytes)
    {
        var path = Path.Combine(Place, "home-agent.journal");
        File.WriteAllBytes(path, bytes);
        using var file = new CacheFile(path);
        var now = DateTimeOffset.UtcNow;
        var read = file.Read(now);
        RequireSetAside(path, read.Fault is null ? [] : [read.Fault]);
        file.Begin(read.Bindings, now);
        var again = file.Read(now);
        Require(again.Fault is null, $"what we write we refuse: {again.Fault}");
        // Of a lifetime of some thousand years the last microseconds are lost.
        Require(
            read.Bindings.Zip(again.Bindings).All(pair =>
                pair.First == pair.Second with { Remaining = pair.First.Remaining }
                && (pair.First.Remaining - pair.Second.Remaining).Duration() < TimeSpan.FromMilliseconds(1))
            && read.Bindings.Count == again.Bindings.Count,
            "what we write we read as something else");
    }

    private static void CheckConfiguration(byte[] bytes, Action<string> read)
    {
        var path = Path.Combine(Place, "configuration.toml");
        File.WriteAllBytes(path, bytes);
        try
        {
            read(path);
        }
        catch (Exception e) when (e.GetType().Name == "ConfigurationException")
        {
            Require(e.Message.StartsWith(path, StringComparison.Ordinal) && !e.Message.Contains('\n', StringComparison.Ordinal), $"not one line: {e.Message}");
        }
    }

    private static void RequireSetAside(string path, List<string> warnings)
    {
        Require(warnings.Count == (File.Exists(path) ? 0 : 1), "set aside without a line, or the other way round");
        Require(warnings.TrueForAll(line => line.StartsWith(path, StringComparison.Ordinal) && !line.Contains('\n', StringComparison.Ordinal)), string.Join('\n', warnings));
    }
}
