using System.Text.Json;
using System.Text.Json.Serialization;
using Kagemusha.Wire;

namespace Kagemusha.Control;

/// <summary>The JSON of the control socket and of <c>--json</c>, by source generation for Native AOT.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    Converters = [typeof(Ipv6AddressConverter), typeof(LinkLayerAddressConverter), typeof(JsonStringEnumConverter<DataPath>), typeof(JsonStringEnumConverter<RecoverAs>), typeof(JsonStringEnumConverter<HomeAddressOrigin>)])]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
[JsonSerializable(typeof(IReadOnlyList<DomainStatus>))]
[JsonSerializable(typeof(IReadOnlyList<Move>))]
[JsonSerializable(typeof(IReadOnlyList<Finding>))]
public sealed partial class ControlJson : JsonSerializerContext;

internal sealed class Ipv6AddressConverter : JsonConverter<Ipv6Address>
{
    public override Ipv6Address Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Ipv6Address.TryParse(reader.GetString(), out var address) ? address : throw new JsonException("not an IPv6 address");

    public override void Write(Utf8JsonWriter writer, Ipv6Address value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

internal sealed class LinkLayerAddressConverter : JsonConverter<LinkLayerAddress>
{
    public override LinkLayerAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        LinkLayerAddress.TryParse(reader.GetString(), out var address) ? address : throw new JsonException("not an Ethernet address");

    public override void Write(Utf8JsonWriter writer, LinkLayerAddress value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
