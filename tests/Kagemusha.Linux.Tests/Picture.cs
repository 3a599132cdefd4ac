using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kagemusha.Linux.Tests;

/// <summary>What iproute2 shows of a network namespace, one JSON object per line, without what is counted or numbered anew each time.</summary>
internal static partial class Picture
{
    private static readonly string[] Volatile =
    [
        "ifindex", "index", "permaddr", "ref", "bind", "flags", "num_tx_queues", "num_rx_queues", "gso_max_size", "gso_max_segs", "tso_max_size",
        "tso_max_segs", "gro_max_size", "promiscuity", "allmulti", "min_mtu", "max_mtu", "linkmode", "group", "qdisc", "operstate", "broadcast",
        "valid_life_time", "preferred_life_time", "forward_delay_timer",
    ];

    /// <summary>Links, addresses, routes, rules, neighbours, proxies and filters. Of links only those that are named.</summary>
    public static string Take(NetworkNamespace host, params string[] links)
    {
        var lines = new List<string>();
        foreach (var link in links)
        {
            Add("link", $"-d link show dev {link}", one =>
            {
                one["up"] = one["flags"]!.AsArray().Any(flag => (string?)flag == "UP");
                if ((string?)one["linkinfo"]?["info_kind"] is not ("tun" or "dummy" or "veth"))
                {
                    one.Remove("address");
                }
            });
            Add("address", $"-6 address show dev {link}");
            Add("neighbour", $"-6 neigh show nud permanent dev {link}", one => one["on"] = link);
            lines.AddRange(Filters(host, link, "ingress"));
            lines.AddRange(Filters(host, link, "egress"));
        }

        Add("route", $"-6 route show table all proto {KernelScope.DefaultProtocol}");
        Add("rule", "-6 rule show", OnlyOurs);
        return string.Join('\n', lines.Order(StringComparer.Ordinal));

        void Add(string what, string arguments, Action<JsonObject>? change = null)
        {
            foreach (var element in host.Json(arguments))
            {
                var one = JsonObject.Create(element)!;
                change?.Invoke(one);
                if (one.Count > 0)
                {
                    lines.Add($"{what} {Strip(one).ToJsonString()}");
                }
            }
        }

        // The kernel's own rule for VRFs stays when the last one has gone.
        static void OnlyOurs(JsonObject one)
        {
            if ((string?)one["protocol"] != $"{KernelScope.DefaultProtocol}")
            {
                one.Clear();
            }
        }
    }

    /// <summary>As text: tc's JSON has several keys of one name. It also shows classifiers and hash tables, which have no action.</summary>
    private static IEnumerable<string> Filters(NetworkNamespace host, string link, string hook) =>
        from filter in host.Execute($"tc filter show dev {link} {hook}").Split("filter ", StringSplitOptions.RemoveEmptyEntries)
        where filter.Contains("action", StringComparison.Ordinal)
        let kept = Numbers().Replace(filter, "")
        select $"filter {link} {hook} {string.Join(' ', kept.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))}";

    [GeneratedRegex(@"chain 0|fh \S+|handle 0x1|order \d+:?|key ht \S+ bkt \d|terminal flowid|not_in_hw|random type none pass val 0|index \d+ ref 1 bind 1|cookie \w+|\?\?\? ")]
    private static partial Regex Numbers();

    private static JsonNode Strip(JsonNode node)
    {
        if (node is JsonObject pairs)
        {
            return new JsonObject(pairs.Where(pair => !Volatile.Contains(pair.Key) && pair.Value is not null)
                .Select(pair => KeyValuePair.Create<string, JsonNode?>(pair.Key, Strip(pair.Value!))));
        }

        return node is JsonArray items ? new JsonArray([.. items.Select(item => Strip(item!))]) : node.DeepClone();
    }
}
