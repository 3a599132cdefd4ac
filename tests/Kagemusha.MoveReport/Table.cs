using System.Globalization;
using Kagemusha.Probe;

namespace Kagemusha.MoveReport;

/// <summary>The report as text.</summary>
internal static class Table
{
    public static void Write(TextWriter output, Run run)
    {
        string[][] rows =
        [
            ["move", "kind", "ok", "pause", "sent", "lost", "twice", "longest gap", "added in", "added out", "TCP survived", "path after"],
            .. run.Report.Moves.Select(move => new[]
            {
                $"{move.From} -> {move.To}", move.Kind, YesNo(move.Ok), Milliseconds(move.PauseMs), Count(move.Sent), Count(move.Lost),
                Count(move.Duplicated), Milliseconds(move.LongestGapMs), Milliseconds(move.NetworkAddedMs.In),
                Milliseconds(move.NetworkAddedMs.Out), YesNo(move.TcpSurvived), move.PathAfter,
            }),
            [
                "nothing moves", "", "", "", Count(run.IdleMeasurement.Sent), Count(run.IdleMeasurement.Lost),
                Count(run.IdleMeasurement.Duplicated), "", Milliseconds(run.IdleMeasurement.AddedIn / 1e6),
                Milliseconds(run.IdleMeasurement.AddedOut / 1e6), "", "",
            ],
        ];
        var widths = rows[0].Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            output.WriteLine(string.Join("  ", row.Select((cell, column) =>
                column is >= 3 and <= 9 ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]))).TrimEnd());
        }

        output.WriteLine();
        var usual = run.Hosts.Select(host =>
            $"on {host} {Usual(ProbeDirection.ToGuest, host)} and {Usual(ProbeDirection.FromGuest, host)}");
        output.WriteLine($"""
            A probe every {run.Report.ProbeIntervalMs} ms each way, counted end to end. The longest gap is pause and network together;
            added is by how much the network's latest probe was later than while nothing moves, at the guest's tap.
            While nothing moves a probe takes, to the guest's tap and from it: {string.Join("; ", usual)}.
            """);

        string Usual(ProbeDirection direction, string host) => Milliseconds(run.Idle.Delay(direction, host) / 1e6);
    }

    private static string YesNo(bool value) => value ? "yes" : "NO";

    private static string Count(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Milliseconds(double? value) =>
        value is { } known ? $"{known.ToString("0.00", CultureInfo.InvariantCulture)} ms" : "-";
}
