using System.Text.Json.Serialization;

namespace Kagemusha.MoveReport;

/// <summary>What <c>scripts/demo --json</c> writes.</summary>
internal sealed record Report(
    IReadOnlyList<ReportedMove> Moves, int ProbeIntervalMs, double HomeAgentRttMs, double HostToHostOneWayMs, int GuestBoots,
    double? ControlLatenessMs, bool MachineBusy, IReadOnlyList<Verdict> Verdicts);

/// <summary>
/// One move of the report. <paramref name="HomeAgentProcessingMs"/> is what <c>out</c> may add to the network's limit: how long the home
/// agent took for the update, in a move from one foreign host to another; null in others, and where that was not seen.
/// </summary>
internal sealed record ReportedMove(
    string From, string To, string Kind, bool Ok, string? SuspendedAt, string? ResumedAt, double? PauseMs, int Sent, int Lost,
    int Duplicated, double LongestGapMs, NetworkAdded NetworkAddedMs, bool TcpSurvived, string PathAfter,
    double? ControlLatenessMs, double? HomeAgentProcessingMs, int BindingUpdates, bool BindingAccepted);

/// <summary>By how much the latest probe was later than when nothing moves, to the guest's tap and from it.</summary>
internal sealed record NetworkAdded(double In, double Out);

/// <summary>The report's JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(Report))]
internal sealed partial class ReportJson : JsonSerializerContext;
