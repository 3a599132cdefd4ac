using System.Xml.Linq;

namespace Kagemusha.Architecture.Tests;

/// <summary>The repository that the test was built in: found upward from the test program by its solution.</summary>
internal static class Repository
{
    public const string Solution = "Kagemusha.sln";

    public static string Root { get; } = FindRoot();

    /// <summary>All projects under src.</summary>
    public static IReadOnlyList<Project> Sources { get; } = Projects("src");

    /// <summary>All projects under tests.</summary>
    public static IReadOnlyList<Project> Tests { get; } = Projects("tests");

    public static Project Source(string name) => Sources.Single(project => project.Name == name);

    /// <summary>The C# files under a directory of the repository, without what a build made.</summary>
    public static IReadOnlyList<string> CodeUnder(string directory) =>
        [.. Directory.EnumerateFiles(Path.Combine(Root, directory), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file))
            .Where(file => !file.Split('/').Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal)];

    /// <summary>"file:line: text" of each line of code under a directory that a pattern is found in.</summary>
    public static IEnumerable<string> Find(string directory, System.Text.RegularExpressions.Regex pattern) =>
        from file in CodeUnder(directory)
        from line in File.ReadLines(Path.Combine(Root, file)).Index()
        where pattern.IsMatch(line.Item)
        select $"{file}:{line.Index + 1}: {line.Item.Trim()}";

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, Solution)))
            {
                return directory.FullName;
            }
        }

        throw new FileNotFoundException($"no {Solution} above {AppContext.BaseDirectory}");
    }

    private static IReadOnlyList<Project> Projects(string directory) =>
        [.. Directory.EnumerateFiles(Path.Combine(Root, directory), "*.csproj", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(file => new Project(Path.GetRelativePath(Root, file), XDocument.Load(file)))];
}

/// <summary>A project file.</summary>
internal sealed record Project(string Path, XDocument Xml)
{
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    public string Directory => System.IO.Path.GetDirectoryName(Path)!;

    public IEnumerable<string> ProjectReferences =>
        Included("ProjectReference").Select(path => System.IO.Path.GetFileNameWithoutExtension(path));

    public IEnumerable<string> PackageReferences => Included("PackageReference");

    public IEnumerable<string> Included(string item) => Xml.Descendants(item).Attributes("Include").Select(attribute => attribute.Value);
}
