using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon.Tests;

public sealed class CacheFileTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly BindingSnapshot[] Bindings =
    [
        new(Ipv6Address.Parse("2001:db8:1::a"), Ipv6Address.Parse("2001:db8:f4::2"), 65535, TimeSpan.FromSeconds(300.5)),
        new(Ipv6Address.Parse("2001:db8:1::b"), Ipv6Address.Parse("2001:db8:f5::2"), 0, TimeSpan.FromSeconds(4)),
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("kagemusha-ha-").FullName;
    private readonly CacheFile _file;

    public CacheFileTests() => _file = new(Location);

    private string Location => Path.Combine(_directory, "kagemusha/home-agent.json");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_was_written_is_read_with_the_lifetimes_that_are_left()
    {
        _file.Write(Bindings, Now);
        Assert.Equal(Bindings, _file.Read(Now));
        var passed = TimeSpan.FromSeconds(100);
        Assert.Equal(Bindings.Select(b => b with { Remaining = b.Remaining - passed }), _file.Read(Now + passed));
    }

    [Fact]
    public void A_clock_that_was_set_back_takes_nothing_away()
    {
        _file.Write(Bindings, Now);
        Assert.Equal(Bindings, _file.Read(Now - TimeSpan.FromDays(1)));
    }

    [Fact]
    public void No_file_is_no_binding() => Assert.Empty(_file.Read(Now));

    [Fact]
    public void A_file_takes_the_place_of_the_last_one_and_leaves_nothing_else()
    {
        _file.Write(Bindings, Now);
        _file.Write(Bindings[..1], Now);
        Assert.Equal(Bindings[..1], _file.Read(Now));
        Assert.Equal([Location], Directory.GetFiles(Path.GetDirectoryName(Location)!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{'written_at': '2026-01-01T00:00:00+00:00', 'bindings': null}")]
    [InlineData("{'written_at': '2026-01-01T00:00:00+00:00', 'bindings': [{}]}")]
    public void A_damaged_file_is_an_error_that_names_it(string text) => AssertDamaged(text);

    [Theory]
    [InlineData("x", "1", "1")]
    [InlineData("::1", "70000", "1")]
    [InlineData("::1", "1", "1e300")]
    [InlineData("::1", "1", "null")]
    public void So_is_one_with_a_value_that_cannot_be(string homeAddress, string sequence, string remaining) => AssertDamaged(
        $$"""
        {"written_at": "2026-01-01T00:00:00+00:00", "bindings": [
            {"home_address": "{{homeAddress}}", "care_of_address": "::1", "sequence": {{sequence}}, "remaining_seconds": {{remaining}}}]}
        """);

    private void AssertDamaged(string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Location)!);
        File.WriteAllText(Location, text.Replace('\'', '"'));
        Assert.Contains(Location, Assert.Throws<IOException>(() => _file.Read(Now)).Message, StringComparison.Ordinal);
    }
}
