using System.Text.Json.Serialization;

namespace Kagemusha.Probe;

/// <summary>What one side received: index is the sequence number. Times are nanoseconds since 1970, by the receiver's kernel.</summary>
/// <param name="At">When the first copy came, 0 where none did.</param>
/// <param name="Copies">How many came.</param>
/// <param name="BufferDrops">Packets that the socket's receive buffer had no room for: with any, the counts mean nothing.</param>
internal sealed record ProbesReceived(long[] At, int[] Copies, long BufferDrops);

/// <summary>One TCP connection, seen by the correspondent: numbered lines both ways, each answering the last one that came.</summary>
/// <param name="ConnectedAt">When the guest's first word came.</param>
/// <param name="BrokenAt">When it was seen to be broken; null if it never was.</param>
/// <param name="BrokenBy">What broke it.</param>
/// <param name="SentAt">When line N was sent.</param>
/// <param name="ReceivedAt">When the guest's line N came.</param>
/// <param name="Answered">How many of the correspondent's lines the guest had when it sent its line N.</param>
internal sealed record StreamRecord(
    long ConnectedAt, long? BrokenAt, string? BrokenBy, IReadOnlyList<long> SentAt, IReadOnlyList<long> ReceivedAt,
    IReadOnlyList<int> Answered);

/// <summary>What a correspondent writes when it ends.</summary>
/// <param name="Guest">The guest's address.</param>
/// <param name="Session">The number in all probes of this run, hexadecimal.</param>
/// <param name="IntervalMs">Between two probes of one direction.</param>
/// <param name="Boots">The guest's boots in the order seen. The counts hold for the first; with more than one they are void.</param>
/// <param name="SentToGuestAt">When each probe to the guest was sent, by the correspondent's clock.</param>
/// <param name="ReceivedByGuest">By the guest's clock; null where it could not be asked.</param>
/// <param name="SentByGuest">How many the guest sent; null where it could not be asked.</param>
/// <param name="ReceivedFromGuest">By the correspondent's clock.</param>
/// <param name="Streams">The TCP connections in their order; more than one only where one broke.</param>
internal sealed record ProbeRecord(
    string Guest, string Session, int IntervalMs, IReadOnlyList<string> Boots, long[] SentToGuestAt, ProbesReceived? ReceivedByGuest,
    int? SentByGuest, ProbesReceived ReceivedFromGuest, IReadOnlyList<StreamRecord> Streams);

/// <summary>The file's JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ProbeRecord))]
internal sealed partial class ProbeRecordJson : JsonSerializerContext;
