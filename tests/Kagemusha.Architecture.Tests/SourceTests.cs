using System.Text.RegularExpressions;

namespace Kagemusha.Architecture.Tests;

/// <summary>What holds for the source of the programs.</summary>
public partial class SourceTests
{
    private const int MostLines = 450;

    [GeneratedRegex(@"\bProcess\.Start\b|\bProcessStartInfo\b|\bnew Process\b|\b(execve?|execvp?|posix_spawn|popen|fork|system)\s*\(")]
    private static partial Regex ProcessStart { get; }

    [GeneratedRegex(@"\b(?:class|struct|record|interface|enum)\s+\w*(?:Util|Utils|Utilities|Helper|Helpers|Manager|Common)\b")]
    private static partial Regex NamelessType { get; }

    [GeneratedRegex(@"(?:Util|Utils|Utilities|Helper|Helpers|Manager|Common)(?:[./]|$)")]
    private static partial Regex NamelessFile { get; }

    [GeneratedRegex(@"#pragma warning disable(?!.*//)|#nullable disable")]
    private static partial Regex UnexplainedSuppression { get; }

    [Fact]
    public void There_is_source() => Assert.True(Repository.CodeUnder("src").Count > Repository.Sources.Count);

    [Fact]
    public void No_file_is_too_long() => Assert.DoesNotContain(
        Repository.CodeUnder("src").Select(file => (File: file, Lines: File.ReadLines(Path.Combine(Repository.Root, file)).Count())),
        file => file.Lines > MostLines);

    [Fact]
    public void Names_say_what_a_thing_is()
    {
        Assert.DoesNotContain(Repository.CodeUnder("src"), NamelessFile.IsMatch);
        Assert.Empty(Repository.Find("src", NamelessType));
    }

    // The kernel is reached by netlink, libvirt by its library: neither ip, tc, nft nor iptables is called, nor any other program.
    [Fact]
    public void No_program_is_started() => Assert.Empty(Repository.Find("src", ProcessStart));

    [Fact]
    public void A_rule_is_switched_off_with_its_reason() => Assert.Empty(Repository.Find("src", UnexplainedSuppression));

    [Theory]
    [InlineData("Process.Start(\"ip\")")]
    [InlineData("new ProcessStartInfo(\"tc\")")]
    [InlineData("LibC.execve(path, argv, envp)")]
    [InlineData("system (\"nft\")")]
    public void A_start_of_a_program_is_recognized(string line) => Assert.Matches(ProcessStart, line);

    [Theory]
    [InlineData("internal static class NetlinkUtils")]
    [InlineData("public sealed record struct BindingHelper(int X)")]
    [InlineData("class TunnelManager : X")]
    public void A_name_that_says_nothing_is_recognized(string line) => Assert.Matches(NamelessType, line);
}
