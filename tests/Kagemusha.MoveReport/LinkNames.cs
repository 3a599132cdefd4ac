using System.Globalization;
using System.Text.RegularExpressions;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport;

/// <summary>Which interface index is which, from the lines of <c>ip -o link</c> and <c>ip -o monitor link</c> over the whole run.</summary>
internal sealed partial class LinkNames
{
    private readonly Dictionary<string, HashSet<int>> _byName = [];
    private readonly Dictionary<string, HashSet<int>> _byAddress = [];

    public LinkNames(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            if (Line.Match(line) is { Success: true } match)
            {
                var index = int.Parse(match.Groups["index"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
                Add(_byName, match.Groups["name"].Value, index);
                if (match.Groups["address"].Success)
                {
                    Add(_byAddress, match.Groups["address"].Value, index);
                }
            }
        }
    }

    /// <summary>The indices that ever had this name.</summary>
    public IReadOnlySet<int> Named(string name) => _byName.GetValueOrDefault(name) ?? [];

    /// <summary>
    /// The guest's taps: on a bridge libvirt gives them the guest's link-layer address with fe as its first byte; away they have the home
    /// router's address, and the guest's in their name.
    /// </summary>
    public IReadOnlySet<int> TapsOf(LinkLayerAddress guest)
    {
        var address = guest.ToString();
        return Named($"kg{address.Replace(":", "", StringComparison.Ordinal)}")
            .Concat(_byAddress.GetValueOrDefault($"fe{address[2..]}") ?? []).ToHashSet();
    }

    private static void Add(Dictionary<string, HashSet<int>> indices, string key, int index)
    {
        if (!indices.TryGetValue(key, out var known))
        {
            indices[key] = known = [];
        }

        known.Add(index);
    }

    // 7: vnet0: <BROADCAST,...> mtu 1500 ...\    link/ether fe:54:00:00:00:10 brd ff:ff:ff:ff:ff:ff
    [GeneratedRegex(@"^(Deleted )?(?<index>\d+): (?<name>[^:@]+)[:@](.* link/ether (?<address>[0-9a-f:]{17}))?")]
    private static partial Regex Line { get; }
}
