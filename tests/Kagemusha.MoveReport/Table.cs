using System.Globalization;
using Kagemusha.Probe;

namespace Kagemusha.MoveReport;

/// <summary>The report as text.</summary>
internal static class Table
{
    public static void Write(TextWriter output, Run run)
    {
        var report = run.Report;
        var idle = run.IdleMeasurement;
        Write(output, 3..13,
        [
            [
                "move", "kind", "ok", "pause", "sent", "lost", "twice", "longest gap", "added in", "added out", "home agent", "control",
                "updates", "TCP survived", "path after",
            ],
            .. report.Moves.Select(move => new[]
            {
                $"{move.From} -> {move.To}", move.Kind, YesNo(move.Ok), Milliseconds(move.PauseMs), Count(move.Sent), Count(move.Lost),
                Count(move.Duplicated), Milliseconds(move.LongestGapMs), Milliseconds(move.NetworkAddedMs.In),
                Milliseconds(move.NetworkAddedMs.Out), Milliseconds(move.HomeAgentProcessingMs), Milliseconds(move.ControlLatenessMs),
                Count(move.BindingUpdates), YesNo(move.TcpSurvived), move.PathAfter,
            }),
            [
                "all moves", "", "", "", Count(report.Moves.Sum(move => move.Sent)), Count(report.Moves.Sum(move => move.Lost)),
                Count(report.Moves.Sum(move => move.Duplicated)), "", "", "", "", "", "", "", "",
            ],
            [
                "nothing moves", "", "", "", Count(idle.Sent), Count(idle.Lost), Count(idle.Duplicated), "",
                Milliseconds(idle.AddedIn / 1e6), Milliseconds(idle.AddedOut / 1e6), "", "", "", "", "",
            ],
        ]);
        double[] controls = [.. report.Moves.Select(move => move.ControlLatenessMs).OfType<double>()];
        Write(output, 1..3,
        [
            ["network added", "measured", "at most", ""],
            .. report.Verdicts.Select(verdict => new[]
            {
                $"{verdict.Direction}, {verdict.Statistic}", Milliseconds(verdict.MeasuredMs), Milliseconds(verdict.LimitMs),
                verdict.Ok ? "ok" : report.MachineBusy ? "the machine is too busy to tell" : "TOO LATE",
            }),
            .. controls.Length == 0 ? Array.Empty<string[]>() : [["control, median", Milliseconds(Verdict.Median(controls)), "", ""]],
        ]);

        foreach (var move in report.Moves.Where(move => move.BindingUpdates > 1 || !move.BindingAccepted))
        {
            var accepted = move.BindingAccepted ? "one" : "NONE";
            output.WriteLine($"{move.From} -> {move.To}: {Count(move.BindingUpdates)} Binding Updates sent, {accepted} accepted");
        }

        var usual = run.Hosts.Select(host =>
            $"on {host} {Usual(ProbeDirection.ToGuest, host)} and {Usual(ProbeDirection.FromGuest, host)}");
        output.WriteLine($"""
            A probe every {report.ProbeIntervalMs} ms each way, counted end to end. The longest gap is pause and network together.
            Added is by how much the network's latest probe was later than while nothing moves, at the guest's tap; for one that came by the
            tunnel between the two hosts, than at the farther of them. While nothing moves a probe takes, to the guest's tap and from it:
            {string.Join("; ", usual)}.
            At most: the way between the two hosts, {Milliseconds(report.HostToHostOneWayMs)}, and {Milliseconds(Verdict.MarginMs)}; for the
            worst move also its control, a process that only wakes up every {run.ControlIntervalMs} ms with the probes' priority: where
            that is late itself (its median by more than {Milliseconds(Verdict.MarginMs)}), the machine is too busy to tell. Out from one foreign host to another is judged without the home agent's time
            for the update: from it to its acknowledgement, less an echo's round trip. Updates are those sent until one was accepted:
            where it took more than one, one was lost or refused.
            """);

        string Usual(ProbeDirection direction, string host) => Milliseconds(run.Idle.Delay(direction, host) / 1e6);
    }

    private static void Write(TextWriter output, Range numbers, string[][] rows)
    {
        var widths = rows[0].Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            output.WriteLine(string.Join("  ", row.Select((cell, column) => column >= numbers.Start.Value && column < numbers.End.Value
                ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]))).TrimEnd());
        }

        output.WriteLine();
    }

    private static string YesNo(bool value) => value ? "yes" : "NO";

    private static string Count(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Milliseconds(double? value) =>
        value is { } known ? $"{known.ToString("0.00", CultureInfo.InvariantCulture)} ms" : "-";
}
