using System.Text.RegularExpressions;

namespace Kagemusha.Lab.Tests;

/// <summary>What the domain's own logs on some hosts tell of a guest from now on: our lines alone, of all these hosts, in the order of their times. The hosts have one clock.</summary>
internal sealed partial class Story
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly LabGuest _guest;
    private readonly Dictionary<Hypervisor, int> _begin;

    /// <param name="guest">The guest.</param>
    /// <param name="hosts">The hosts.</param>
    public Story(LabGuest guest, params Hypervisor[] hosts)
    {
        _guest = guest;
        _begin = hosts.ToDictionary(host => host, host => Read(host).Count());
    }

    // 2026-01-01 00:00:00.000+0000: kagemusha: ...
    [GeneratedRegex(@"^(\S+ \S+): (kagemusha(?:-hook)?: .*)$")]
    private static partial Regex Line { get; }

    /// <summary>Waits until it has these chapters, one after the other; others may stand between them.</summary>
    /// <param name="chapters">Words of a line each, and on which host.</param>
    public void Tells(params (Hypervisor Host, string Words)[] chapters)
    {
        try
        {
            Wait.Until("the logs tell it", Patience, () => HasAll(Lines(), chapters));
        }
        catch (TimeoutException)
        {
            Assert.Fail($"""
                not told: {string.Join(", then ", chapters.Select(chapter => $"on {chapter.Host}: {chapter.Words}"))}
                but:
                {string.Join('\n', Lines())}
                """);
        }
    }

    private static bool HasAll(List<string> lines, (Hypervisor Host, string Words)[] chapters)
    {
        var next = 0;
        foreach (var line in lines)
        {
            if (next < chapters.Length && line.Has($" {chapters[next].Host}: ") && line.Has(chapters[next].Words))
            {
                next++;
            }
        }

        return next == chapters.Length;
    }

    private List<string> Lines() =>
    [
        .. from each in _begin
           from line in Read(each.Key).Skip(each.Value)
           orderby line.Groups[1].Value
           select $"{line.Groups[1].Value} {each.Key}: {line.Groups[2].Value}",
    ];

    private IEnumerable<Match> Read(Hypervisor host) =>
        host.DomainLog(_guest.Name).Split('\n').Select(line => Line.Match(line)).Where(line => line.Success);
}
