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

internal sealed class OneTimeTokenConverter : JsonConverter<OneTimeToken>
{
    public override OneTimeToken Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        OneTimeToken.TryParse(reader.GetString(), out var token) ? token : throw new JsonException("not a token");

    public override void Write(Utf8JsonWriter writer, OneTimeToken value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Reveal());
}
