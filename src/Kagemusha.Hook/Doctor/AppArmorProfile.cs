using System.Text;
using System.Text.RegularExpressions;

namespace Kagemusha.Hook;

/// <summary>The file rules of an AppArmor profile (apparmor.d(5)), as far as they say what may be executed; rules with variables are passed over.</summary>
internal sealed partial class AppArmorProfile
{
    private readonly List<(bool IsDenial, Regex Path)> _executions = [];

    private AppArmorProfile()
    {
    }

    [GeneratedRegex("""^(?:audit\s+|allow\s+|quiet\s+|owner\s+|other\s+|file\s+|(?<deny>deny\s+))*(?:"(?<path>/[^"]*)"|(?<path>/\S*))\s+(?<access>[a-zA-Z]+)(?:\s*->\s*\S+)?\s*,""")]
    private static partial Regex FileRule { get; }

    [GeneratedRegex(@"^(?:allow\s+)?file\s*,")]
    private static partial Regex AllFiles { get; }

    /// <summary>Reads a file with one profile, and what is included into that one.</summary>
    public static AppArmorProfile Parse(IEnumerable<string> profile, IEnumerable<string> included)
    {
        var parsed = new AppArmorProfile();
        var depth = 0;
        foreach (var line in profile.Select(Uncommented))
        {
            if (line.EndsWith('{'))
            {
                depth++;
            }
            else if (line == "}")
            {
                depth--;
            }
            else if (depth == 1)
            {
                // Deeper there are the profiles of its children.
                parsed.Add(line);
            }
        }

        foreach (var line in included.Select(Uncommented))
        {
            parsed.Add(line);
        }

        return parsed;
    }

    /// <summary>Whether a program may be executed, in whatever profile then: what is denied anywhere is denied.</summary>
    public bool MayExecute(string path)
    {
        var matching = _executions.Where(rule => rule.Path.IsMatch(path)).ToList();
        return matching.Count > 0 && !matching.Any(rule => rule.IsDenial);
    }

    private void Add(string line)
    {
        if (AllFiles.IsMatch(line))
        {
            _executions.Add((false, Pattern("/**")!));
        }
        else if (FileRule.Match(line) is { Success: true } rule
            && rule.Groups["access"].ValueSpan.Contains('x')
            && !rule.Groups["path"].ValueSpan.Contains("@{", StringComparison.Ordinal)
            && Pattern(rule.Groups["path"].Value) is { } pattern)
        {
            _executions.Add((rule.Groups["deny"].Success, pattern));
        }
    }

    private static string Uncommented(string line) => line.Trim() is var text && text.IndexOf(" #", StringComparison.Ordinal) is > 0 and var at
        ? text[..at].Trim()
        : text.StartsWith('#') ? "" : text;

    // * and ? stop at a slash, ** does not; {a,b} is one or the other. Null where a bracket is not closed.
    private static Regex? Pattern(string glob)
    {
        var pattern = new StringBuilder("^");
        var alternatives = 0;
        for (var at = 0; at < glob.Length; at++)
        {
            switch (glob[at])
            {
                case '*' when at + 1 < glob.Length && glob[at + 1] == '*':
                    pattern.Append(".*");
                    at++;
                    break;
                case '*':
                    pattern.Append("[^/]*");
                    break;
                case '?':
                    pattern.Append("[^/]");
                    break;
                case '{':
                    pattern.Append("(?:");
                    alternatives++;
                    break;
                case '}' when alternatives > 0:
                    pattern.Append(')');
                    alternatives--;
                    break;
                case ',' when alternatives > 0:
                    pattern.Append('|');
                    break;
                default:
                    pattern.Append(Regex.Escape(glob[at].ToString()));
                    break;
            }
        }

        return alternatives == 0 ? new(pattern.Append('$').ToString(), RegexOptions.NonBacktracking) : null;
    }
}
