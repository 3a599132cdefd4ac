using System.Globalization;
using System.Text.Json;
using CsCheck;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class StateFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Path => _directory.File($"{Guests.Uuid}.json");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_was_written_is_read()
    {
        var guest = Guests.Make(Guests.Away, interfaces: [Guests.Enrolled, Guests.Second]);
        var node = guest.Registrations.First().Node;
        var update = node.Handle(Clock.Now, new MobileNodeInput.Away(Guests.CareOf.Address)).OfType<MobileNodeEffect.SendFromCareOfAddress>().Single().Packet;
        node.Handle(Clock.Now, new MobileNodeInput.Received(Guests.Answer(update)));
        var before = guest.Registrations.Select(registration => registration.Node.TakeSnapshot(Clock.Now)).ToList();

        StateFile.Write(guest, _directory.Path);
        var known = Read();

        Assert.Equal(guest.Registrations.Select(registration => registration.Address), known.Keys);
        Assert.Equal(new(128, Guests.CareOf.Address, TimeSpan.FromSeconds(400), TimeSpan.FromSeconds(400)) { HomeAgent = Guests.HomeAgent }, Round(known[Guests.Home]));
        Assert.All(guest.Registrations.Zip(before), each =>
        {
            var read = known[each.First.Address];
            Assert.Equal((each.Second.ReservedThrough, each.Second.CareOfAddress), (read.ReservedThrough, read.CareOfAddress));
            Assert.InRange(read.BindingRemaining, TimeSpan.Zero, each.Second.BindingRemaining);
            Assert.InRange(read.BindingMayRemain, TimeSpan.Zero, each.Second.BindingMayRemain);
        });
        Assert.Equal([Path], Directory.GetFiles(_directory.Path));
    }

    [Fact]
    public void What_home_agents_may_hold_is_written_and_read()
    {
        var other = Ipv6Address.Parse("2001:db8:1::3");
        var guest = Guests.Make(Guests.Away);
        var snapshot = new MobileNodeSnapshot(64, Guests.CareOf.Address, TimeSpan.FromSeconds(400), TimeSpan.FromSeconds(600))
        {
            HomeAgent = other,
            HomeAddressRemaining = TimeSpan.FromDays(1),
            MayRemainElsewhere = [new(Guests.HomeAgent, TimeSpan.FromSeconds(30))],
        };
        guest.Links[0].Registrations[0] = Registration.Create(Guests.Configuration, Guests.Enrolled, Guests.Enrolled.Addresses[0], snapshot);

        StateFile.Write(guest, _directory.Path);

        var read = Read()[Guests.Home];
        Assert.Equal(other, read.HomeAgent);
        Assert.InRange(read.HomeAddressRemaining!.Value.TotalHours, 23, 24);
        var held = Assert.Single(read.MayRemainElsewhere);
        Assert.Equal(Guests.HomeAgent, held.HomeAgent);
        Assert.InRange(held.Remaining.TotalSeconds, 1, 30);
    }

    [Fact]
    public void A_state_from_before_home_agents_were_in_it_is_read()
    {
        File.WriteAllText(
            Path,
            $$"""{"version":1,"uuid":"{{Guests.Uuid}}","name":"vm","written_at":"2026-01-01T00:00:00Z","addresses":[{"home_address":"2001:db8:1::42","reserved_through":64,"care_of_address":null,"binding_remaining":0,"binding_may_remain":0}]}""");
        Assert.Equal(new(64, null, TimeSpan.Zero, TimeSpan.Zero), Read()[Guests.Home]);
    }

    [Fact]
    public void A_new_state_takes_the_old_ones_place_and_a_half_written_one_is_never_looked_at()
    {
        StateFile.Write(Guests.Make(Guests.Away), _directory.Path);
        File.WriteAllText(Path + ".new", "{ torn");
        Assert.Equal(64, Read()[Guests.Home].ReservedThrough);

        var guest = Guests.Make(Guests.Away);
        guest.Registrations.First().Node.Handle(Clock.Now, new MobileNodeInput.Away(Guests.CareOf.Address));
        StateFile.Write(guest, _directory.Path);
        Assert.Equal(128, Read()[Guests.Home].ReservedThrough);
    }

    [Fact]
    public void No_file_knows_nothing_and_is_no_error()
    {
        Assert.Empty(Read());
        StateFile.Delete(Guests.Uuid, _directory.Path);
        StateFile.Write(Guests.Make(Guests.Away), _directory.Path);
        StateFile.Delete(Guests.Uuid, _directory.Path);
        Assert.Empty(Read());
        Assert.Empty(StateFile.Read(Guests.Uuid, Assert.Fail, _directory.File("not there")));
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    [Fact]
    public void Every_torn_file_is_set_aside_as_it_is_with_one_line()
    {
        StateFile.Write(Guests.Make(Guests.Away), _directory.Path);
        var whole = File.ReadAllBytes(Path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(Path, whole[..length]);
            SetAside(whole[..length]);
        }

        File.WriteAllBytes(Path, whole);
        Assert.Single(Read());
    }

    [Fact]
    public void A_directory_in_its_place_is_set_aside_too()
    {
        Directory.CreateDirectory(Path);
        var lines = new List<string>();
        Assert.Empty(StateFile.Read(Guests.Uuid, lines.Add, _directory.Path));
        Assert.StartsWith($"{Path} cannot be used and is set aside as {Path}.damaged; ", Assert.Single(lines), StringComparison.Ordinal);
        StateFile.Write(Guests.Make(Guests.Away), _directory.Path);
        Assert.Single(Read());
    }

    [Fact]
    public void What_cannot_be_set_aside_is_one_line_and_no_end()
    {
        File.WriteAllText(Path, "torn");
        Directory.CreateDirectory(Path + ".damaged");
        var lines = new List<string>();
        Assert.Empty(StateFile.Read(Guests.Uuid, lines.Add, _directory.Path));
        Assert.StartsWith($"{Path} cannot be used and is still there, move it away yourself (", Assert.Single(lines), StringComparison.Ordinal);
        StateFile.Write(Guests.Make(Guests.Away), _directory.Path);
        Assert.Single(Read());
    }

    [Theory]
    [InlineData("null", "it has no version that is known")]
    [InlineData("[]", "")]
    [InlineData("""{"version":0,"uuid":"U","name":"vm","written_at":"T","addresses":[]}""", "it has no version that is known")]
    [InlineData("""{"version":2,"uuid":"U","name":"vm","written_at":"T","addresses":[],"more":1}""", "it is of a newer version")]
    [InlineData("""{"version":1,"uuid":"c0ffee00-0000-4000-8000-000000000002","name":"vm","written_at":"T","addresses":[]}""", "it is of another VM, c0ffee00-0000-4000-8000-000000000002")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"T"}""", "addresses")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"T","addresses":null}""", "addresses")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"T","addresses":[null]}""", "it has an empty address")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"yesterday","addresses":[]}""", "written_at")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"T","addresses":[{"home_address":"::1"}]}""", "reserved_through")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"T","addresses":[A("2001:db8:1::42", 65536, 1)]}""", "reserved_through")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"T","addresses":[A("not an address", 64, 1)]}""", "not an address")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"T","addresses":[A("2001:db8:1::42", 64, 1e300)]}""", "")]
    [InlineData("""{"version":1,"uuid":"U","name":"vm","written_at":"T","addresses":[A("2001:db8:1::42", 64, 1), A("2001:db8:1::42", 65, 1)]}""", "2001:db8:1::42")]
    public void A_file_that_cannot_be_used_is_set_aside_and_the_line_says_why(string text, string why)
    {
        text = System.Text.RegularExpressions.Regex.Replace(
            text,
            @"A\((""[^""]*""), ([^,]*), ([^)]*)\)",
            """{"home_address":$1,"reserved_through":$2,"care_of_address":null,"binding_remaining":$3,"binding_may_remain":$3}""");
        text = text.Replace("\"U\"", $"\"{Guests.Uuid}\"", StringComparison.Ordinal).Replace("\"T\"", "\"2026-01-01T00:00:00Z\"", StringComparison.Ordinal);
        File.WriteAllText(Path, text);
        Assert.Contains(why, SetAside(File.ReadAllBytes(Path)), StringComparison.Ordinal);
    }

    [Fact]
    public void Lifetimes_shrink_by_the_time_that_has_passed_and_no_further_than_to_nothing() =>
        Gen.Select(Gen.Int[0, 4000], Gen.Double[0, 3600], Gen.Double[0, 3600]).Sample(
            (passed, remaining, mayRemain) =>
            {
                Put(DateTimeOffset.UtcNow - TimeSpan.FromSeconds(passed), remaining, mayRemain);
                var read = Read()[Guests.Home];
                Near(remaining - passed, read.BindingRemaining);
                Near(mayRemain - passed, read.BindingMayRemain);
            },
            threads: 1);

    [Fact]
    public void A_clock_that_was_set_back_makes_no_lifetime_longer() =>
        Gen.Select(Gen.Int[10, 100_000_000], Gen.Double[0, 3600]).Sample(
            (ahead, remaining) =>
            {
                Put(DateTimeOffset.UtcNow + TimeSpan.FromSeconds(ahead), remaining, remaining);
                Assert.Equal(TimeSpan.FromSeconds(remaining), Read()[Guests.Home].BindingRemaining);
                Assert.Equal(TimeSpan.FromSeconds(remaining), Read()[Guests.Home].BindingMayRemain);
            },
            threads: 1);

    private void Put(DateTimeOffset writtenAt, double remaining, double mayRemain)
    {
        var state = new GuestState(
            1, Guests.Uuid, "vm", writtenAt, [new(Guests.Home.ToString(), 64, Guests.CareOf.Address.ToString(), remaining, mayRemain)]);
        File.WriteAllText(Path, JsonSerializer.Serialize(state, StateJson.Default.GuestState));
    }

    // Reading takes some time, too.
    private static void Near(double expected, TimeSpan actual)
    {
        var most = Math.Max(0, expected);
        Assert.InRange(actual.TotalSeconds, Math.Max(0, most - 5), most + 0.001);
    }

    private static MobileNodeSnapshot Round(MobileNodeSnapshot snapshot) => snapshot with
    {
        BindingRemaining = TimeSpan.FromSeconds(Math.Ceiling(snapshot.BindingRemaining.TotalSeconds)),
        BindingMayRemain = TimeSpan.FromSeconds(Math.Ceiling(snapshot.BindingMayRemain.TotalSeconds)),
    };

    private IReadOnlyDictionary<Ipv6Address, MobileNodeSnapshot> Read() => StateFile.Read(Guests.Uuid, Assert.Fail, _directory.Path);

    private string SetAside(byte[] content)
    {
        var lines = new List<string>();
        Assert.Empty(StateFile.Read(Guests.Uuid, lines.Add, _directory.Path));
        var line = Assert.Single(lines);
        var aside = Path + ".damaged";
        Assert.StartsWith(
            string.Create(CultureInfo.InvariantCulture, $"{Path} cannot be used and is set aside as {aside}; going on from libvirt's metadata: "),
            line,
            StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
        Assert.Equal(content, File.ReadAllBytes(aside));
        Assert.False(File.Exists(Path));
        return line;
    }
}
