using System.Text.Json;

namespace Kagemusha.MoveReport;

/// <summary>
/// <c>kagemusha-move-report DIRECTORY [--json FILE]</c>: what the network saw of the moves recorded there. Fails if that is more than a
/// move may do to the network, and says why.
/// </summary>
internal static class Program
{
    private const int Failed = 1;
    private const int Usage = 2;

    internal static int Main(string[] arguments)
    {
        if (arguments is not ([_] or [_, "--json", _]))
        {
            Console.Error.WriteLine("usage: kagemusha-move-report DIRECTORY [--json FILE]");
            return Usage;
        }

        Run run;
        try
        {
            run = new(arguments[0]);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException or FormatException)
        {
            Console.Error.WriteLine($"kagemusha-move-report: {e.Message}");
            return Failed;
        }

        Table.Write(Console.Out, run);
        if (arguments is [_, "--json", var file])
        {
            File.WriteAllBytes(file, JsonSerializer.SerializeToUtf8Bytes(run.Report, ReportJson.Default.Report));
        }

        foreach (var failure in run.Failures)
        {
            Console.Error.WriteLine($"kagemusha-move-report: {failure}");
        }

        return run.Failures.Count == 0 ? 0 : Failed;
    }
}
