using System.Text.Json.Serialization;

namespace Kagemusha.Probe;

/// <summary>
/// What the control process writes when it ends. Tick N was due at <paramref name="StartedAt"/> and N intervals; one that came while an
/// earlier one was late is counted too.
/// </summary>
/// <param name="StartedAt">Nanoseconds since 1970.</param>
/// <param name="IntervalMs">Between two ticks.</param>
/// <param name="Lateness">By how many nanoseconds each tick was late.</param>
internal sealed record ControlRecord(long StartedAt, int IntervalMs, int[] Lateness);

/// <summary>The file's JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ControlRecord))]
internal sealed partial class ControlRecordJson : JsonSerializerContext;
