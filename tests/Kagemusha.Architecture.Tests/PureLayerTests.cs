using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Kagemusha.Architecture.Tests;

/// <summary>Wire and Mobility have no clock, no I/O, no thread and no chance of their own: the compiler refuses them.</summary>
public partial class PureLayerTests
{
    private const string BannedSymbols = "../BannedSymbols.Pure.txt";

    private static readonly string[] PureProjects = ["Kagemusha.Wire", "Kagemusha.Mobility"];

    // Each line is one use of what a pure layer may not have.
    private static readonly string[] Uses =
    [
        """static object File() => System.IO.File.ReadAllText("x");""",
        "static object Pipe() => new System.IO.Pipes.AnonymousPipeServerStream();",
        "static object Socket() => new System.Net.Sockets.Socket(default, default, default);",
        "static object Name() => System.Net.Dns.GetHostName();",
        "static object Interface() => System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces();",
        "static object Timer() => new System.Threading.Timer(_ => { });",
        "static object Task() => System.Threading.Tasks.Task.CompletedTask;",
        """static object Program() => System.Diagnostics.Process.Start("x");""",
        """static object Library() => System.Runtime.InteropServices.NativeLibrary.Load("x");""",
        """[System.Runtime.InteropServices.DllImport("libc")] static extern int getpid();""",
        "static object Now() => System.DateTime.UtcNow;",
        "static object NowWithOffset() => System.DateTimeOffset.UtcNow;",
        "static object Zone() => System.TimeZoneInfo.Local;",
        "static object Clock() => System.TimeProvider.System;",
        "static object Stopwatch() => System.Diagnostics.Stopwatch.GetTimestamp();",
        "static object Ticks() => System.Environment.TickCount64;",
        "static object Switch() => System.AppContext.BaseDirectory;",
        "static object Domain() => System.AppDomain.CurrentDomain;",
        "static object Random() => System.Random.Shared.Next();",
        "static object Guid() => System.Guid.NewGuid();",
        "static object Guid7() => System.Guid.CreateVersion7();",
        "static object Secret() => System.Security.Cryptography.RandomNumberGenerator.GetInt32(6);",
        "static void Console() => System.Console.WriteLine();",
        """static void Trace() => System.Diagnostics.Trace.WriteLine("x");""",
    ];

    public static TheoryData<string> Names => [.. PureProjects];

    [GeneratedRegex(@"RS0030|SuppressMessage")]
    private static partial Regex Suppression { get; }

    [GeneratedRegex(@"Uses\.cs\((\d+),\d+\): error RS0030:")]
    private static partial Regex Refusal { get; }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_pure_project_has_the_analyzer_and_the_list(string name)
    {
        var project = Repository.Source(name);
        Assert.Contains("Microsoft.CodeAnalysis.BannedApiAnalyzers", project.PackageReferences);
        Assert.Contains(BannedSymbols, project.Included("AdditionalFiles"));
        Assert.Empty(project.Xml.Descendants("NoWarn"));
        Assert.Empty(Repository.Find(project.Directory, Suppression));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_compiler_refuses_what_is_banned(string name)
    {
        // The project itself, with its settings but without its code: in its place the uses above.
        var project = Repository.Source(name);
        var copy = Directory.CreateTempSubdirectory("kagemusha-").FullName;
        try
        {
            string[] files =
            [
                "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", ".editorconfig", "global.json",
                "src/BannedSymbols.Pure.txt", .. Settings(project),
                .. project.ProjectReferences.Select(Repository.Source).SelectMany(used =>
                    Settings(used).Concat(Repository.CodeUnder(used.Directory))),
            ];
            foreach (var file in files)
            {
                var target = Path.Combine(copy, file);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(Path.Combine(Repository.Root, file), target, overwrite: true);
            }

            await File.WriteAllTextAsync(
                Path.Combine(copy, project.Directory, "Uses.cs"),
                string.Join('\n', [.. Uses.Select(use => $"internal static partial class Uses {{ {use} }}"), ""]),
                TestContext.Current.CancellationToken);

            var output = await BuildAsync(Path.Combine(copy, project.Directory), TestContext.Current.CancellationToken);
            var refused = Refusal.Matches(output).Select(match => int.Parse(match.Groups[1].ValueSpan, null)).ToHashSet();
            Assert.True(refused.Count > 0, output);
            Assert.Empty(Uses.Where((_, index) => !refused.Contains(index + 1)));
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    private static string[] Settings(Project project) => [project.Path, Path.Combine(project.Directory, "packages.lock.json")];

    private static async Task<string> BuildAsync(string directory, CancellationToken cancellation)
    {
        string[] arguments = ["build", "-nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false"];
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
        })!;
        var output = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        Assert.Equal(1, process.ExitCode);
        return output;
    }
}
