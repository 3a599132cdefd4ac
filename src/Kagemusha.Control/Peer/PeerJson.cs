using System.Text.Json;
using System.Text.Json.Serialization;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>The JSON between agents, apart from the control socket's so that the hook does not carry it.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    Converters =
    [
        typeof(Ipv6AddressConverter), typeof(Ipv6PrefixConverter), typeof(LinkLayerAddressConverter), typeof(OneTimeTokenConverter),
        typeof(FiniteNumberConverter),
    ])]
[JsonSerializable(typeof(PeerRequest))]
[JsonSerializable(typeof(PeerReply))]
internal sealed partial class PeerJson : JsonSerializerContext;

internal sealed class Ipv6PrefixConverter : JsonConverter<Ipv6Prefix>
{
    public override Ipv6Prefix Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Ipv6Prefix.TryParse(reader.GetString(), out var prefix) ? prefix : throw new JsonException("not an IPv6 prefix");

    public override void Write(Utf8JsonWriter writer, Ipv6Prefix value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

/// <summary>A number that is too large for its type would be read as infinite, which is no time that could be waited, nor JSON.</summary>
internal sealed class FiniteNumberConverter : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetDouble() is var number && double.IsFinite(number) ? number : throw new JsonException("not a finite number");

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

internal sealed class OneTimeTokenConverter : JsonConverter<OneTimeToken>
{
    public override OneTimeToken Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        OneTimeToken.TryParse(reader.GetString(), out var token) ? token : throw new JsonException("not a token");

    public override void Write(Utf8JsonWriter writer, OneTimeToken value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Reveal());
}
