using System.Text.Json;
using System.Text.Json.Serialization;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// What this host must know of a guest after a crash of its own: <c>/var/lib/kagemusha/UUID.json</c>. Written whole, synced and renamed, before any
/// sequence number in it is used.
/// </summary>
internal static class StateFile
{
    public const string Directory = "/var/lib/kagemusha";

    private const int Version = 1;

    /// <summary>Makes the registrations' numbers durable.</summary>
    public static void Write(Guest guest, string directory = Directory)
    {
        var addresses = guest.Registrations.Select(registration =>
        {
            var snapshot = registration.Node.TakeSnapshot(Clock.Now);
            return new AddressState(
                registration.Address.ToString(),
                snapshot.ReservedThrough,
                snapshot.CareOfAddress?.ToString(),
                snapshot.BindingRemaining.TotalSeconds,
                snapshot.BindingMayRemain.TotalSeconds,
                snapshot.HomeAgent?.ToString(),
                snapshot.HomeAddressRemaining?.TotalSeconds,
                [.. snapshot.MayRemainElsewhere.Select(held => new HeldBindingState(held.HomeAgent.ToString(), held.Remaining.TotalSeconds))]);
        });
        var content = new GuestState(Version, guest.Uuid, guest.Name, DateTimeOffset.UtcNow, [.. addresses]);
        DurableFile.Write(PathOf(guest.Uuid, directory), content, StateJson.Default.GuestState);
    }

    /// <summary>What is known of a guest's home addresses, with the lifetimes that remain now.</summary>
    /// <param name="uuid">The guest.</param>
    /// <param name="warn">Is told in one line why a file was set aside.</param>
    /// <param name="directory">Where the files are.</param>
    public static IReadOnlyDictionary<Ipv6Address, MobileNodeSnapshot> Read(Guid uuid, Action<string> warn, string directory = Directory)
    {
        var path = PathOf(uuid, directory);
        try
        {
            var state = JsonSerializer.Deserialize(File.ReadAllBytes(path), StateJson.Default.GuestState);
            DurableFile.Expect(Version, state?.Version);
            if (state!.Uuid != uuid)
            {
                throw new JsonException($"it is of another VM, {state.Uuid}");
            }

            if (state.Addresses.Contains(null!) || state.Addresses.Any(address => address.MayRemainElsewhere?.Contains(null!) == true))
            {
                throw new JsonException("it has an empty address");
            }

            // A clock that was set back makes lifetimes too long, which costs a needless update; never negative time.
            var passed = TimeSpan.FromTicks(Math.Max(0, (DateTimeOffset.UtcNow - state.WrittenAt).Ticks));
            return state.Addresses.ToDictionary(address => Ipv6Address.Parse(address.HomeAddress), address => new MobileNodeSnapshot(
                address.ReservedThrough,
                address.CareOfAddress is { } careOf ? Ipv6Address.Parse(careOf) : null,
                Left(address.BindingRemaining, passed),
                Left(address.BindingMayRemain, passed))
            {
                HomeAgent = address.HomeAgent is { } homeAgent ? Ipv6Address.Parse(homeAgent) : null,
                HomeAddressRemaining = address.HomeAddressRemaining is { } remaining ? Left(remaining, passed) : null,
                MayRemainElsewhere = [.. (address.MayRemainElsewhere ?? []).Select(held => new HeldBinding(Ipv6Address.Parse(held.HomeAgent), Left(held.Remaining, passed)))],
            });
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or FormatException or ArgumentException or OverflowException)
        {
            warn($"{path} cannot be used and is {DurableFile.SetAside(path)}; going on from libvirt's metadata: {e.Message.ReplaceLineEndings(" ")}");
        }

        return new Dictionary<Ipv6Address, MobileNodeSnapshot>();
    }

    public static void Delete(Guid uuid, string directory = Directory)
    {
        var path = PathOf(uuid, directory);
        if (File.Exists(path))
        {
            File.Delete(path);
        }
    }

    private static string PathOf(Guid uuid, string directory) => Path.Combine(directory, $"{uuid}.json");

    private static TimeSpan Left(double seconds, TimeSpan passed) =>
        TimeSpan.FromSeconds(Math.Max(0, seconds - passed.TotalSeconds));
}

/// <summary>A state file.</summary>
internal sealed record GuestState(int Version, Guid Uuid, string Name, DateTimeOffset WrittenAt, IReadOnlyList<AddressState> Addresses);

/// <summary>One home address in a state file; lifetimes in seconds from the time of writing on.</summary>
internal sealed record AddressState(
    string HomeAddress,
    ushort ReservedThrough,
    string? CareOfAddress,
    double BindingRemaining,
    double BindingMayRemain,
    string? HomeAgent = null,
    double? HomeAddressRemaining = null,
    IReadOnlyList<HeldBindingState>? MayRemainElsewhere = null);

/// <summary>What a home agent may hold that does not serve any more, in a state file.</summary>
internal sealed record HeldBindingState(string HomeAgent, double Remaining);

/// <summary>The state file's JSON, by source generation for Native AOT.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(GuestState))]
internal sealed partial class StateJson : JsonSerializerContext;
