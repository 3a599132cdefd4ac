using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon.Tests;

public sealed class CacheFileTests : IDisposable
{
    private const string Header = """{"format":"kagemusha home agent","version":1}""";

    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly BindingSnapshot[] Bindings =
    [
        new(Ipv6Address.Parse("2001:db8:1::a"), Ipv6Address.Parse("2001:db8:f4::2"), 65535, TimeSpan.FromSeconds(300.5)),
        new(Ipv6Address.Parse("2001:db8:1::b"), Ipv6Address.Parse("2001:db8:f5::2"), 0, TimeSpan.FromSeconds(4)),
        new(Ipv6Address.Parse("2001:db8:1::c"), Ipv6Address.Parse("2001:db8:f5::2"), null, TimeSpan.FromSeconds(3600)) { LinkLocalAddress = Ipv6Address.Parse("fe80::c") },
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("kagemusha-ha-").FullName;
    private readonly CacheFile _file;

    public CacheFileTests() => _file = new(Location);

    private string Location => Path.Combine(_directory, "kagemusha/home-agent.journal");

    public void Dispose()
    {
        _file.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void What_was_written_is_read_with_the_lifetimes_that_are_left()
    {
        _file.Begin(Bindings, Now);
        AssertRead(Bindings);
        var passed = TimeSpan.FromSeconds(100);
        Assert.Equal(Bindings.Select(b => b with { Remaining = b.Remaining - passed }), _file.Read(Now + passed).Bindings);
    }

    [Fact]
    public void A_clock_that_was_set_back_takes_nothing_away()
    {
        _file.Begin(Bindings, Now);
        var content = _file.Read(Now - TimeSpan.FromDays(1));
        Assert.Equal(Bindings, content.Bindings);
        Assert.StartsWith("this machine's clock is wrong, or was: it says 2025-12-31 00:00:00Z, but ", content.ClockFault, StringComparison.Ordinal);
        Assert.Contains("was last written at 2026-01-01 00:00:00Z", content.ClockFault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_clock_that_may_have_been_set_on_is_told_by_what_has_ended()
    {
        _file.Begin([.. Bindings, Bindings[0] with { HomeAddress = Ipv6Address.Parse("2001:db8:1::d"), Remaining = TimeSpan.Zero }], Now);
        Assert.Null(_file.Read(Now).ClockFault);
        Assert.Null(_file.Read(Now - TimeSpan.FromSeconds(0.9)).ClockFault);
        var content = _file.Read(Now + TimeSpan.FromSeconds(301));
        Assert.StartsWith("2 bindings have ended since ", content.ClockFault, StringComparison.Ordinal);
        Assert.EndsWith("this machine's clock is wrong: it says 2026-01-01 00:05:01Z", content.ClockFault, StringComparison.Ordinal);
    }

    [Fact]
    public void No_file_is_no_binding_and_not_all_that_there_may_have_been() => AssertFault("is not there");

    [Fact]
    public void A_change_is_appended_and_takes_the_place_of_the_one_before()
    {
        _file.Begin(Bindings[..1], Now);
        _file.Append(Bindings[1..], () => throw new InvalidOperationException("all is written anew"), Now);
        var moved = Bindings[0] with { CareOfAddress = Bindings[1].CareOfAddress, Sequence = 0 };
        _file.Append([moved], () => throw new InvalidOperationException("all is written anew"), Now);
        _file.Flush();
        AssertRead(moved, Bindings[1], Bindings[2]);
        Assert.Equal([Location], Directory.GetFiles(Path.GetDirectoryName(Location)!));
    }

    [Fact]
    public void One_that_has_ended_has_no_lifetime_left()
    {
        _file.Begin(Bindings, Now);
        var ended = Bindings[1] with { Remaining = TimeSpan.Zero };
        _file.Append([ended], () => Bindings, Now);
        AssertRead(Bindings[0], ended, Bindings[2]);
    }

    [Fact]
    public void Without_a_file_that_it_has_begun_all_is_written_anew()
    {
        _file.Append(Bindings[..1], () => Bindings, Now);
        AssertRead(Bindings);
    }

    [Fact]
    public void A_write_that_fails_is_an_error_and_the_next_one_writes_all()
    {
        Directory.CreateDirectory(_directory);
        File.WriteAllText(Path.GetDirectoryName(Location)!, "in the way");
        Assert.ThrowsAny<IOException>(() => _file.Append(Bindings[..1], () => Bindings, Now));
        File.Delete(Path.GetDirectoryName(Location)!);
        _file.Append(Bindings[..1], () => Bindings, Now);
        AssertRead(Bindings);
    }

    [Fact]
    public void It_is_written_anew_when_most_of_it_is_outdated()
    {
        _file.Begin(Bindings, Now);
        var appended = 0;
        for (; !_file.IsMostlyOutdated(Bindings.Length); appended++)
        {
            _file.Append(Bindings[..1], () => Bindings, Now);
        }

        Assert.InRange(appended, 100, 2000);
        _file.Begin(Bindings, Now);
        Assert.False(_file.IsMostlyOutdated(Bindings.Length));
        AssertRead(Bindings);
        Assert.Equal(1 + Bindings.Length, File.ReadAllLines(Location).Length);
    }

    [Fact]
    public void Of_every_torn_file_what_is_whole_counts_and_the_rest_is_set_aside()
    {
        _file.Begin(Bindings, Now);
        _file.Dispose();
        var whole = File.ReadAllBytes(Location);
        for (var length = 0; length < whole.Length; length++)
        {
            var torn = whole[..length];
            File.WriteAllBytes(Location, torn);
            var content = _file.Read(Now);
            Assert.Equal(Bindings.Take(torn.Count(b => b == '\n') - 1), content.Bindings);
            if (length > 0 && torn[^1] == '\n')
            {
                // Nobody can see that more lines had been there.
                Assert.Null(content.Fault);
                continue;
            }

            Assert.StartsWith($"{Location} cannot be used whole and is set aside as {Location}.damaged: ", content.Fault, StringComparison.Ordinal);
            Assert.Equal(torn, File.ReadAllBytes(Location + ".damaged"));
            Assert.False(File.Exists(Location));
        }
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("{", "its last line is cut short")]
    [InlineData("null\n", "it is no home agent's journal")]
    [InlineData("{\n}\n", "it is no home agent's journal")]
    [InlineData("""{"version":1,"uuid":"c0ffee00-0000-4000-8000-000000000001"}""" + "\n", "it is no home agent's journal")]
    [InlineData("""{"format":"kagemusha home agent","version":0}""" + "\n", "it has no version that is known")]
    [InlineData("""{"format":"kagemusha home agent","version":2,"more":1}""" + "\n", "it is of a newer version")]
    public void A_foreign_or_newer_file_is_set_aside_and_the_line_says_why(string text, string why)
    {
        Put(text);
        AssertFault(why);
        Assert.Equal(text, File.ReadAllText(Location + ".damaged"));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("\0\0\0\0")]
    [InlineData("""{"written_at":"2026-01-01T00:00:00+00:00","home_address":"x","care_of_address":"::1","sequence":1,"remaining_seconds":1}""")]
    [InlineData("""{"written_at":"2026-01-01T00:00:00+00:00","home_address":"::1","care_of_address":null,"sequence":1,"remaining_seconds":1}""")]
    [InlineData("""{"written_at":"2026-01-01T00:00:00+00:00","home_address":"::1","care_of_address":"::2","sequence":70000,"remaining_seconds":1}""")]
    [InlineData("""{"written_at":"2026-01-01T00:00:00+00:00","home_address":"::1","care_of_address":"::2","sequence":1,"remaining_seconds":1e300}""")]
    [InlineData("""{"written_at":"yesterday","home_address":"::1","care_of_address":"::2","sequence":1,"remaining_seconds":1}""")]
    public void A_line_that_cannot_be_is_named(string line)
    {
        Put($"{Header}\n{line}\n");
        AssertFault("line 2: ");
    }

    [Fact]
    public void A_directory_in_its_place_is_set_aside()
    {
        Directory.CreateDirectory(Location);
        AssertFault($"set aside as {Location}.damaged");
        _file.Begin(Bindings, Now);
        AssertRead(Bindings);
    }

    private void Put(string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Location)!);
        File.WriteAllText(Location, text);
    }

    private void AssertRead(params BindingSnapshot[] bindings)
    {
        var content = _file.Read(Now);
        Assert.Null(content.Fault);
        Assert.Equal(bindings, content.Bindings);
    }

    private void AssertFault(string why)
    {
        var content = _file.Read(Now);
        Assert.Empty(content.Bindings);
        Assert.Contains(why, content.Fault, StringComparison.Ordinal);
        Assert.Contains(Location, content.Fault, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', content.Fault!);
    }
}
