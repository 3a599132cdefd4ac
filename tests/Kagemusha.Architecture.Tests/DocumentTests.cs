using System.Text.RegularExpressions;

namespace Kagemusha.Architecture.Tests;

/// <summary>What holds for the documents.</summary>
public partial class DocumentTests
{
    [GeneratedRegex(@"`(?<name>[A-Z]\w*Tests(\.\w+)?)`")]
    private static partial Regex NamedTest { get; }

    [GeneratedRegex(@"\bclass (?<name>\w+Tests)\b")]
    private static partial Regex TestClass { get; }

    [GeneratedRegex(@"\bpublic (?:async )?(?:Task|void) (?<name>\w+)\(")]
    private static partial Regex TestMethod { get; }

    // That they ran and passed is for scripts/test to see, where they run.
    [Fact]
    public void A_test_that_a_document_names_is_there()
    {
        var there = Tests().ToHashSet();
        var named = Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md")
            .SelectMany(file => NamedTest.Matches(File.ReadAllText(file)).Select(match => (Document: Path.GetFileName(file), Test: match.Groups["name"].Value)))
            .Distinct()
            .ToList();

        Assert.NotEmpty(named);
        Assert.Equal("", string.Join('\n', named.Where(name => !there.Contains(name.Test)).Select(name => $"docs/{name.Document}: {name.Test}")));
    }

    /// <summary>"Class" and "Class.Method"; a file has one class of tests.</summary>
    private static IEnumerable<string> Tests() =>
        from file in Repository.CodeUnder("tests")
        let text = File.ReadAllText(Path.Combine(Repository.Root, file))
        let name = TestClass.Match(text).Groups["name"].Value
        where name.Length > 0
        from test in TestMethod.Matches(text).Select(match => $"{name}.{match.Groups["name"].Value}").Append(name)
        select test;
}
