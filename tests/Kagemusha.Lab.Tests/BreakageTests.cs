using System.Text;
using System.Text.Json;

namespace Kagemusha.Lab.Tests;

/// <summary>What breaks is named by <c>doctor</c> and mended by <c>recover</c>, after what doctor advises.</summary>
public sealed class BreakageTests(Lab lab)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static TheoryData<string> All => [.. Breakage.All.Select(breakage => breakage.What)];

    [Theory]
    [Trait("Takes", "long")]
    [MemberData(nameof(All))]
    public void It_is_named_and_mended(string what)
    {
        var breakage = Breakage.All.Single(each => each.What == what);
        lab.VM.BeAt(lab.B);
        lab.B.WaitForHandOversToEnd();
        Assert.Empty(Errors());

        breakage.Break(lab);
        if (breakage.Check is null)
        {
            Wait.Until("the agent mends it", Patience, () => Reaches() && !Errors().Any());
            return;
        }

        var isReached = Reaches();
        var found = Look().Where(line => line.Result is "error" or "warning").ToList();
        breakage.Repair?.Invoke(lab);
        var said = lab.B.Hook("recover", lab.VM.Name).Succeed().Output;
        Wait.Until($"{lab.VM.Name} answers after: {said}", Patience, Reaches);

        Assert.Equal(!breakage.IsCutOff, isReached);
        Assert.True(found.Exists(line => line.Check == breakage.Check && line.What.Has(breakage.Says)), string.Join('\n', found));
        Assert.Empty(Errors());
    }

    [Fact]
    public void The_table_says_so()
    {
        var file = Path.Combine(lab.Repository, "docs/breakages.md");
        var table = Table();
        if (Environment.GetEnvironmentVariable("KG_TEST_ALL") == "1")
        {
            File.WriteAllText(file, table);
        }

        Assert.Equal(File.ReadAllText(file), table);
    }

    private static string Table()
    {
        var text = new StringBuilder($"""
            # What breaks, how it is found, how it is mended

            {Breakage.All.Count} ways to break a guest that is away, or its host, or its home agent. `scripts/test --all` breaks each in the lab, sees that
            `kagemusha-hook doctor` on the host names it in the check and with the words below, and that after `kagemusha-hook recover` the guest answers a
            correspondent and doctor finds no error. `recover` alone mends what is wrong in the kernel and at the home agent; the rest is the administrator's,
            and doctor's line says what to do. Of what becomes of links and addresses the agent hears, and mends it by itself.

            | what breaks | guest | doctor's check | and words | mended by |
            |---|---|---|---|---|

            """);
        foreach (var breakage in Breakage.All)
        {
            text.Append(
                null,
                $"| {breakage.What} | {(breakage.IsCutOff ? "cut off" : "reachable")} | {breakage.Check ?? "-"} | {breakage.Says.Trim()} | {breakage.Mend} |\n");
        }

        return text.ToString();
    }

    private bool Reaches() => lab.Reaches(lab.VM.Address);

    private IEnumerable<DoctorLine> Errors() => Look().Where(line => line.Result == "error");

    private List<DoctorLine> Look() =>
    [
        .. JsonDocument.Parse(lab.B.Hook("doctor", "--json").Output).RootElement.EnumerateArray().Select(line => new DoctorLine(
            line.GetProperty("check").GetString()!, line.GetProperty("result").GetString()!, line.GetProperty("what").GetString()!)),
    ];

    /// <summary>A line of what doctor says.</summary>
    private sealed record DoctorLine(string Check, string Result, string What);
}
