namespace Kagemusha.Fuzz.Tests;

/// <summary>Every input that is worth keeping, without a fuzzer.</summary>
public class CorpusTests
{
    private static readonly string Corpus = Path.Combine(AppContext.BaseDirectory, "corpus");

    public static TheoryData<string> Files =>
        [.. Directory.GetFiles(Corpus, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Corpus, file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void What_holds_for_any_input_holds_for_this_one(string file)
    {
        var target = FuzzTarget.All.Single(target => target.Name == Path.GetDirectoryName(file));
        Assert.Null(Record.Exception(() => target.Check(File.ReadAllBytes(Path.Combine(Corpus, file)))));
    }

    [Fact]
    public void Every_target_has_a_corpus_and_the_other_way_round() => Assert.Equal(
        FuzzTarget.All.Select(target => target.Name).Order(StringComparer.Ordinal),
        Directory.GetDirectories(Corpus).Select(Path.GetFileName).Order(StringComparer.Ordinal));
}
