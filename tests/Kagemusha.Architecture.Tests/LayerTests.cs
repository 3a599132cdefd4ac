using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Kagemusha.Architecture.Tests;

/// <summary>
/// What a project may use:
/// <code>
/// Hook            --> Control, LibvirtSharp
/// Agent           --> Control, Mobility, Linux, LibvirtSharp
/// HomeAgentDaemon -->          Mobility, Linux
///                     Control, Mobility, Linux --> Wire
///                     Wire, LibvirtSharp       --> nothing
/// </code>
/// </summary>
public partial class LayerTests
{
    private const string BannedApiAnalyzers = "Microsoft.CodeAnalysis.BannedApiAnalyzers";

    /// <summary>Project, projects that it may use, packages that it may use.</summary>
    public static TheoryData<string, string[], string[]> Arrows => new()
    {
        { "Kagemusha.Hook", ["Kagemusha.Control", "LibvirtSharp"], ["CommandLineParser", "NLog"] },
        { "Kagemusha.Agent", ["Kagemusha.Control", "Kagemusha.Mobility", "Kagemusha.Linux", "LibvirtSharp"], ["NLog", "Tomlyn"] },
        { "Kagemusha.HomeAgentDaemon", ["Kagemusha.Mobility", "Kagemusha.Linux"], ["NLog", "Tomlyn"] },
        { "Kagemusha.Control", ["Kagemusha.Wire"], [] },
        { "Kagemusha.Mobility", ["Kagemusha.Wire"], [BannedApiAnalyzers] },
        { "Kagemusha.Linux", ["Kagemusha.Wire"], ["Tmds.LibC"] },
        { "Kagemusha.Wire", [], [BannedApiAnalyzers] },
        { "LibvirtSharp", [], [] },
    };

    [GeneratedRegex(@"\b(DllImport|LibraryImport|NativeLibrary|GetDelegateForFunctionPointer|Tmds\.Linux)\b|\bdelegate\*\s*unmanaged\b")]
    private static partial Regex NativeCall { get; }

    [Theory]
    [MemberData(nameof(Arrows))]
    public void A_project_uses_what_its_arrows_allow(string name, string[] projects, string[] packages)
    {
        var project = Repository.Source(name);
        Assert.Empty(project.ProjectReferences.Except(projects));
        Assert.Empty(project.PackageReferences.Except(packages));
        // An assembly by its file would be an arrow that nobody sees.
        Assert.Empty(project.Included("Reference"));
    }

    [Fact]
    public void Every_project_under_src_has_its_arrows() =>
        Assert.Equal(
            Repository.Sources.Select(project => project.Name), Arrows.Select(row => row.Data.Item1).Order(StringComparer.Ordinal));

    [Fact]
    public void A_file_is_compiled_into_another_project_only_out_of_Shared_and_into_a_daemon()
    {
        var elsewhere = Repository.Sources.SelectMany(project => project.Included("Compile").Select(file => (project.Name, file)));
        Assert.All(elsewhere, compiled =>
        {
            Assert.StartsWith("../Shared/", compiled.file, StringComparison.Ordinal);
            Assert.True(compiled.Name is "Kagemusha.Agent" or "Kagemusha.HomeAgentDaemon", compiled.Name);
        });
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, Repository.Solution));
        Assert.All([.. Repository.Sources, .. Repository.Tests], project =>
            Assert.Contains($"\"{project.Path.Replace('/', '\\')}\"", solution, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_project_has_its_lock_file_and_no_version_of_its_own() =>
        Assert.All([.. Repository.Sources, .. Repository.Tests], project =>
        {
            Assert.True(File.Exists(Path.Combine(Repository.Root, project.Directory, "packages.lock.json")), project.Path);
            Assert.DoesNotContain(
                project.Xml.Descendants("PackageReference").Attributes(),
                attribute => attribute.Name.LocalName is "Version" or "VersionOverride");
        });

    [Fact]
    public void Only_Linux_and_LibvirtSharp_call_native_code()
    {
        var calls = Repository.Find("src", NativeCall).ToList();
        Assert.DoesNotContain(calls, call => !IsUnder(call, "src/Kagemusha.Linux/") && !IsUnder(call, "src/LibvirtSharp/"));
    }

    // Namespaces for the kernel's tests; and the probe, which runs in a guest that has nothing of ours.
    [Fact]
    public void Of_the_tests_only_those_of_Linux_and_the_probe_call_native_code()
    {
        string[] allowed = ["tests/Kagemusha.Linux.Tests/", "tests/Kagemusha.Probe/", "tests/Kagemusha.Architecture.Tests/"];
        Assert.DoesNotContain(Repository.Find("tests", NativeCall), call => !allowed.Any(directory => IsUnder(call, directory)));
    }

    [Theory]
    [InlineData("[LibraryImport(\"libvirt.so.0\")]")]
    [InlineData("[DllImport(\"libc\")]")]
    [InlineData("using static Tmds.Linux.LibC;")]
    [InlineData("delegate* unmanaged[Cdecl]<nint, void> callback")]
    public void A_native_call_is_recognized(string line) => Assert.Matches(NativeCall, line);

    private static bool IsUnder(string call, string directory) => call.StartsWith(directory, StringComparison.Ordinal);
}
