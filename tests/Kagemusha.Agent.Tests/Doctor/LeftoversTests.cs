namespace Kagemusha.Agent.Tests;

public sealed class LeftoversTests : IDisposable
{
    private readonly TemporaryDirectory _state = new();
    private readonly TemporaryDirectory _markers = new();

    public static TheoryData<string[], string[], string[]> Found => new()
    {
        { [], [], ["Ok none"] },
        { ["kgold", "kgtry0"], [], ["Warning links that no enrolled VM needs: kgold, kgtry0"] },
        { [], ["/a"], ["Warning files of VMs that libvirt does not know: /a"] },
        {
            [.. Enumerable.Range(0, 10).Select(at => $"kg{at}")], ["/a", "/b"],
            ["Warning links that no enrolled VM needs: kg0, kg1, kg2, kg3, kg4, kg5, kg6, kg7 and 2 more", "Warning files of VMs that libvirt does not know: /a, /b"]
        },
    };

    [Theory]
    [MemberData(nameof(Found))]
    public void What_is_left_is_named(string[] links, string[] files, string[] findings) =>
        Assert.Equal(findings, new Leftovers(links, files).Judge().Select(finding => $"{finding.Result} {finding.What}"));

    [Fact]
    public void Files_of_vms_that_nobody_knows_are_found()
    {
        var (here, coming, gone) = (Guests.Uuid, Guid.NewGuid(), Guid.NewGuid());
        string[] state = [$"{here}.json", $"{gone}.json", $"{here}.json.damaged", $"{gone}.json.new", "home-agent.journal", "note.json"];
        Array.ForEach(state, name => File.WriteAllText(_state.File(name), ""));
        Array.ForEach([$"{coming}", $"{here}", "note"], name => File.WriteAllText(_markers.File(name), ""));

        Assert.Equal(
            new[] { _state.File($"{gone}.json"), _state.File($"{here}.json.damaged"), _markers.File($"{here}") }.Order(),
            Leftovers.FilesOfNobody(new HashSet<Guid> { here, coming }, new HashSet<Guid> { coming }, _state.Path, _markers.Path).Order());
        Assert.Empty(Leftovers.FilesOfNobody(new HashSet<Guid>(), new HashSet<Guid>(), "/nowhere", "/nowhere"));
    }

    public void Dispose()
    {
        _state.Dispose();
        _markers.Dispose();
    }
}
