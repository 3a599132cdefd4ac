using System.Globalization;
using System.Text.Json;
using Kagemusha.Control;

namespace Kagemusha.Agent.Tests;

public sealed class MoveJournalTests : IDisposable
{
    private static readonly Guid Other = Guid.Parse("c0ffee00-0000-4000-8000-000000000002");

    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _warned = [];
    private readonly MoveJournal _journal;

    public MoveJournalTests() => _journal = Journal();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Moves => _directory.File("moves");

    public void Dispose()
    {
        _journal.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task What_was_saved_is_read_by_this_agent_and_the_next()
    {
        var record = Begin(MoveRole.Source);
        record.Peer = "hv-b";
        record.Kind = MoveKind.Precopy;
        record.Add(MoveStep.Suspended);
        record.Add(MoveStep.TrafficTurned, "by the stand-in on br0");
        record.Counters = new(Forwarded: 10, Tail: 2);
        record.End(MoveOutcome.Moved);
        _journal.Save(record);

        var read = Assert.Single(await _journal.ReadAsync());

        Assert.Equal((Environment.MachineName, "hv-b", MoveOutcome.Moved), (read.From, read.To, read.Outcome));
        Assert.Equal(Text(record.TakeSnapshot()), Text(read));
        Assert.Equal([Path.Combine(Moves, MoveJournal.FileName(read))], Directory.GetFiles(Moves));
        using var next = Journal();
        Assert.Equal(Text(read), Text(Assert.Single(await next.ReadAsync())));
        Assert.Empty(_warned);
    }

    [Fact]
    public async Task A_snapshot_is_what_was_known_when_it_was_saved_and_the_last_one_stays()
    {
        var record = Begin(MoveRole.Destination, peer: "hv-a");
        var updates = Enumerable.Range(0, 20).Select(number => number.ToString(CultureInfo.InvariantCulture)).ToList();
        foreach (var update in updates)
        {
            record.Add(MoveStep.UpdateSent, update);
            _journal.Save(record);
        }

        record.Add(MoveStep.Acknowledged);

        var read = Assert.Single(await _journal.ReadAsync());
        Assert.Equal(("hv-a", Environment.MachineName), (read.From, read.To));
        Assert.Equal(updates, read.Events.Select(happened => happened.Detail));
    }

    [Fact]
    public async Task A_move_whose_agent_has_died_is_not_under_way()
    {
        var record = Begin(MoveRole.Source);
        Assert.Equal(MoveOutcome.UnderWay, Assert.Single(await _journal.ReadAsync()).Outcome);

        using var next = Journal();
        Assert.Equal(MoveOutcome.Unknown, Assert.Single(await next.ReadAsync()).Outcome);

        record.End(MoveOutcome.Failed, "canceled by client");
        _journal.Save(record);
        Assert.Equal(MoveOutcome.Failed, Assert.Single(await _journal.ReadAsync()).Outcome);
    }

    [Theory]
    [InlineData(null, "vm source", "vm destination", "other source")]
    [InlineData("vm", "vm source", "vm destination")]
    [InlineData("other", "other source")]
    [InlineData("c0ffee00-0000-4000-8000-000000000002", "other source")]
    [InlineData("C0FFEE00-0000-4000-8000-000000000001", "vm source", "vm destination")]
    [InlineData("v")]
    public async Task A_domain_is_found_by_name_and_by_uuid_the_oldest_move_first(string? domain, params string[] expected)
    {
        Begin(MoveRole.Source);
        Begin(MoveRole.Destination);
        Begin(MoveRole.Source, Other, "other");

        var moves = await _journal.ReadAsync(domain);

        Assert.Equal(expected, moves.Select(move => $"{move.Name} {(move.Role == MoveRole.Source ? "source" : "destination")}"));
    }

    [Fact]
    public async Task A_domain_without_a_move_is_not_found_and_no_move_at_all_is_no_error()
    {
        var history = new History(_journal);

        Assert.Empty((await history.AnswerAsync(new(null))).Moves);
        var refused = await Assert.ThrowsAsync<RefusedException>(() => history.AnswerAsync(new("vm")));

        Assert.Equal((ExitCode.NotFound, "no move of 'vm' to or from this host is recorded"), (refused.ExitCode, refused.Message));
        Begin(MoveRole.Source);
        Assert.Single((await history.AnswerAsync(new("vm"))).Moves);
    }

    [Fact]
    public async Task Only_the_newest_are_kept_and_none_for_too_long()
    {
        Directory.CreateDirectory(Moves);
        var now = DateTimeOffset.UtcNow;
        Put(now.AddDays(-90).AddMinutes(-1));
        var young = Put(now.AddDays(-90).AddMinutes(1));
        await File.WriteAllTextAsync(Path.Combine(Moves, "notes-of-the-administrator.json.old"), "", Cancellation);
        Assert.Equal(young.Began, Assert.Single(await _journal.ReadAsync()).Began);

        for (var move = 1; move < MoveJournal.MostMoves; move++)
        {
            Put(now.AddMinutes(-move));
        }

        Assert.Equal(MoveJournal.MostMoves, (await _journal.ReadAsync()).Count);
        Begin(MoveRole.Source);
        var moves = await _journal.ReadAsync();
        Assert.Equal(MoveJournal.MostMoves, moves.Count);
        Assert.DoesNotContain(young.Began, moves.Select(move => move.Began));
        Assert.True(moves[^1].Began >= now);
        Assert.Equal(MoveJournal.MostMoves + 1, Directory.GetFiles(Moves).Length);
    }

    [Fact]
    public async Task Every_torn_file_is_set_aside_as_it_is_and_said_once()
    {
        Directory.CreateDirectory(Moves);
        var move = Put(DateTimeOffset.UtcNow);
        var path = Path.Combine(Moves, MoveJournal.FileName(move));
        var whole = await File.ReadAllBytesAsync(path, Cancellation);
        for (var length = 0; length < whole.Length; length += 7)
        {
            await File.WriteAllBytesAsync(path, whole[..length], Cancellation);
            await SetAside(path, "");
        }
    }

    [Theory]
    [InlineData("null", null, "it has no version that is known")]
    [InlineData("\"version\": 1", "\"version\": 0", "it has no version that is known")]
    [InlineData("\"version\": 1", "\"version\": 2, \"more\": 1", "it is of a newer version")]
    [InlineData("\"role\": \"source\"", "\"role\": \"destination\"", "it is of another move, ")]
    [InlineData("\"role\": \"source\"", "\"role\": 0", "role")]
    [InlineData("\"role\": \"source\"", "\"role\": \"middle\"", "role")]
    [InlineData("\"name\": \"vm\"", "\"name\": null", "name")]
    [InlineData("000000000001", "000000000002", "it is of another move, ")]
    [InlineData("\"outcome\": \"moved\",", "", "outcome")]
    [InlineData("\"events\": []", "\"events\": null", "events")]
    [InlineData("\"events\": []", "\"eve\\nnts\": [}", "eve nts")]
    [InlineData("\"events\": []", "\"events\": [null]", "a list has an empty element")]
    [InlineData("\"events\": []", "\"events\": [{\"step\": \"suspended\", \"at\": \"yesterday\", \"detail\": null}]", "at")]
    public async Task A_file_that_cannot_be_used_is_set_aside_and_the_line_says_why(string was, string? becomes, string why)
    {
        Directory.CreateDirectory(Moves);
        var path = Path.Combine(Moves, MoveJournal.FileName(Put(DateTimeOffset.UtcNow)));
        var text = await File.ReadAllTextAsync(path, Cancellation);
        Assert.Contains(was, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(path, becomes is null ? was : text.Replace(was, becomes, StringComparison.Ordinal), Cancellation);

        await SetAside(path, why);
    }

    [Fact]
    public async Task A_disk_that_does_not_take_it_costs_the_record_and_one_line()
    {
        await File.WriteAllTextAsync(Moves, "not a directory", Cancellation);
        Begin(MoveRole.Source);
        Assert.Empty(await _journal.ReadAsync());

        Assert.StartsWith("the move of vm is not recorded: ", Assert.Single(_warned), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_waits_for_the_last_move()
    {
        using (var ending = Journal())
        {
            var record = Begin(MoveRole.Source, journal: ending);
            record.End(MoveOutcome.Moved);
            ending.Save(record);
        }

        Assert.Equal(MoveOutcome.Moved, Assert.Single(await _journal.ReadAsync()).Outcome);
    }

    [Fact]
    public async Task A_guest_that_moves_on_has_two_moves_and_each_is_ended_once()
    {
        var guest = Guests.Make(Guests.Away);
        guest.MoveHere = new(guest.Uuid, guest.Name, MoveRole.Destination, Clock.Now);
        guest.MoveAway = new(guest.Uuid, guest.Name, MoveRole.Source, Clock.Now);

        _journal.Close(guest, MoveRole.Destination, MoveOutcome.Moved);
        Assert.Null(guest.MoveHere);
        Assert.NotNull(guest.MoveAway);
        _journal.Close(guest, MoveRole.Source, MoveOutcome.Failed, "given up");
        _journal.Close(guest, MoveRole.Source, MoveOutcome.Moved);
        Assert.Null(guest.MoveAway);

        Assert.Equal(
            [(MoveRole.Destination, MoveOutcome.Moved, null), (MoveRole.Source, MoveOutcome.Failed, "given up")],
            (await _journal.ReadAsync()).Select(move => (move.Role, move.Outcome, Assert.Single(move.Events).Detail)));
    }

    [Fact]
    public void A_record_is_bounded_and_its_end_always_in_it()
    {
        var record = new MoveRecord(Guests.Uuid, "vm", MoveRole.Destination, Clock.Now);
        for (var change = 0; change < 100; change++)
        {
            record.Add(MoveStep.PathChanged, new string('x', 1000));
        }

        record.End(MoveOutcome.Moved);
        record.End(MoveOutcome.Moved);

        var events = record.TakeSnapshot().Events;
        Assert.Equal(MoveRecord.MostEvents, events.Count);
        Assert.Equal(MoveStep.Ended, Assert.Single(events, happened => happened.Step != MoveStep.PathChanged).Step);
        Assert.All(events.SkipLast(1), happened => Assert.Equal(MoveRecord.LongestDetail, happened.Detail!.Length));
    }

    [Fact]
    public void The_longest_history_fits_into_one_reply()
    {
        var record = new MoveRecord(Guests.Uuid, new('n', 255), MoveRole.Destination, Clock.Now) { Peer = new('p', 255) };
        for (var change = 0; change < MoveRecord.MostEvents; change++)
        {
            record.Add(MoveStep.FirstPacketOut, new string('x', MoveRecord.LongestDetail));
        }

        var reply = new HistoryReply([.. Enumerable.Repeat(record.TakeSnapshot(), MoveJournal.MostMoves)]);

        // The frame's own limit.
        Assert.InRange(JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply).Length, 1, 4 << 20);
    }

    [Fact]
    public void Times_come_from_the_monotonic_clock_and_give_the_intervals()
    {
        var at = Clock.Now;
        var record = new MoveRecord(Guests.Uuid, "vm", MoveRole.Destination, began: at);
        Add(MoveStep.Resumed, 40);
        Add(MoveStep.UpdateSent, 41.25);
        Add(MoveStep.UpdateSent, 1041);
        Add(MoveStep.Suspended, 50);
        // The source's agent says so afterwards.
        Add(MoveStep.Suspended, 0);
        Add(MoveStep.TrafficTurned, 2.5);

        var move = record.TakeSnapshot();

        Assert.Equal((40, 2.5, 1.25, null), (move.PauseMs, move.TurnedAfterMs, move.UpdateSentAfterMs, move.AcknowledgedAfterMs));
        Assert.Equal(at, record.At(MoveStep.Suspended));
        Assert.Null(record.At(MoveStep.Acknowledged));
        Assert.Equal(
            [MoveStep.Suspended, MoveStep.TrafficTurned, MoveStep.Resumed, MoveStep.UpdateSent, MoveStep.Suspended, MoveStep.UpdateSent],
            move.Events.Select(happened => happened.Step));
        Assert.Equal(move.Began, move.Events[0].At);
        Assert.InRange(move.Began, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);

        void Add(MoveStep step, double milliseconds) => record.Add(step, at: at + TimeSpan.FromMilliseconds(milliseconds));
    }

    [Theory]
    [InlineData(null, 500, 498)]
    [InlineData(600, 500, 498)]
    [InlineData(490, 490, 488)]
    public void What_the_source_has_said_is_put_before_the_first_packet_from_there(int? firstPacket, double turned, double suspended)
    {
        var began = Clock.Now;
        var record = new MoveRecord(Guests.Uuid, "vm", MoveRole.Destination, began) { Kind = MoveKind.Precopy };

        record.Add(new DomainLeft(1.502, 1.5, MoveKind.Postcopy), began + Milliseconds(2000), firstPacket is { } first ? began + Milliseconds(first) : null);

        Assert.Equal(MoveKind.Postcopy, record.Kind);
        Assert.Equal((Milliseconds(suspended), Milliseconds(turned)), (record.At(MoveStep.Suspended) - began, record.At(MoveStep.TrafficTurned) - began));
        Assert.All(record.TakeSnapshot().Events, happened => Assert.Equal("at the source", happened.Detail));

        static TimeSpan Milliseconds(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(1, -1)]
    [InlineData(1e300, 1)]
    [InlineData(double.NaN, 1)]
    public void What_the_source_cannot_have_meant_is_not_written_down(double suspendedAgo, double turnedAgo)
    {
        var record = new MoveRecord(Guests.Uuid, "vm", MoveRole.Destination, Clock.Now);
        record.Add(new DomainLeft(suspendedAgo, turnedAgo, MoveKind.Postcopy), Clock.Now, null);
        Assert.Null(record.Kind);
        Assert.Empty(record.TakeSnapshot().Events);
    }

    /// <summary>A move that is kept.</summary>
    private MoveRecord Begin(MoveRole role, Guid? uuid = null, string name = "vm", string? peer = null, MoveJournal? journal = null)
    {
        var record = new MoveRecord(uuid ?? Guests.Uuid, name, role, Clock.Now) { Peer = peer };
        (journal ?? _journal).Save(record);
        return record;
    }

    private MoveJournal Journal() => new(
        line =>
        {
            lock (_warned)
            {
                _warned.Add(line);
            }
        },
        Moves);

    private Move Put(DateTimeOffset began)
    {
        var move = new Move("vm", Guests.Uuid, MoveRole.Source, "hv-a", "hv-b", MoveKind.Precopy, began, MoveOutcome.Moved, [], new());
        var text = JsonSerializer.Serialize(new(1, move), MoveJson.Default.MoveFile);
        File.WriteAllText(Path.Combine(Moves, MoveJournal.FileName(move)), text);
        return move;
    }

    private async Task SetAside(string path, string why)
    {
        var content = await File.ReadAllBytesAsync(path, Cancellation);
        _warned.Clear();
        Assert.Empty(await _journal.ReadAsync());
        Assert.Empty(await _journal.ReadAsync());

        var line = Assert.Single(_warned);
        Assert.DoesNotContain('\n', line);
        Assert.StartsWith(
            $"{path} cannot be used and is set aside as {path}.damaged; history goes on without that move: ",
            line,
            StringComparison.Ordinal);
        Assert.Contains(why, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
        Assert.Equal(content, await File.ReadAllBytesAsync(path + ".damaged", Cancellation));
        Assert.False(File.Exists(path));
    }

    private static string Text(Move move) => JsonSerializer.Serialize(move, MoveJson.Default.Move);
}
