using System.Text.Json.Serialization;

namespace Kagemusha.MoveReport;

/// <summary>What <c>scripts/demo --json</c> writes.</summary>
internal sealed record Report(
    IReadOnlyList<ReportedMove> Moves, int ProbeIntervalMs, double HomeAgentRttMs, double HostToHostOneWayMs, int GuestBoots);

/// <summary>One move of the report.</summary>
internal sealed record ReportedMove(
    string From, string To, string Kind, bool Ok, string? SuspendedAt, string? ResumedAt, double? PauseMs, int Sent, int Lost,
    int Duplicated, double LongestGapMs, NetworkAdded NetworkAddedMs, bool TcpSurvived, string PathAfter);

/// <summary>By how much the latest probe was later than when nothing moves, to the guest's tap and from it.</summary>
internal sealed record NetworkAdded(double In, double Out);

/// <summary>The report's JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(Report))]
internal sealed partial class ReportJson : JsonSerializerContext;
