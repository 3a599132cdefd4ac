using System.Globalization;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport;

/// <summary>A call of <c>virsh migrate</c>.</summary>
/// <param name="From">The host that the guest was on.</param>
/// <param name="To">The host that it was to come to.</param>
/// <param name="CalledAt">Nanoseconds since 1970.</param>
/// <param name="ReturnedAt">Nanoseconds since 1970.</param>
/// <param name="ExitCode">virsh's.</param>
internal sealed record MoveCall(string From, string To, long CalledAt, long ReturnedAt, int ExitCode);

/// <summary>
/// What is to be known of a run, one thing a line; who made the moves writes it:
/// <code>
/// domain NAME
/// guest-mac ADDRESS
/// home-agent ADDRESS
/// home-link BOX INTERFACE                          a place to see what goes natively over the home link
/// host NAME ADDRESS...                             care-of addresses of a host that the guest may be on
/// home-host NAME                                   the one of them that is on the home link
/// home-agent-rtt-ms N
/// host-to-host-one-way-ms N
/// kind precopy|postcopy                            what all moves were to become
/// move FROM TO CALLED RETURNED EXIT-CODE           times in seconds since 1970, as of `date +%s.%N`
/// </code>
/// </summary>
internal sealed class RunFile
{
    public string Domain { get; private set; } = "";

    public LinkLayerAddress GuestAddress { get; private set; }

    public Ipv6Address HomeAgent { get; private set; }

    public (string Box, string Interface) HomeLink { get; private set; }

    public Dictionary<string, IReadOnlyList<Ipv6Address>> Hosts { get; } = [];

    public string HomeHost { get; private set; } = "";

    public string Kind { get; private set; } = "";

    public double HomeAgentRttMs { get; private set; }

    public double HostToHostOneWayMs { get; private set; }

    public List<MoveCall> Moves { get; } = [];

    /// <exception cref="InvalidDataException">A line is wrong, or one is missing.</exception>
    public static RunFile Read(IEnumerable<string> lines)
    {
        var run = new RunFile();
        var number = 0;
        foreach (var line in lines)
        {
            number++;
            if (!run.TryTake(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            {
                throw new InvalidDataException($"line {number}: '{line}' is not understood");
            }
        }

        if (run.Domain.Length == 0 || run.GuestAddress == default || run.HomeAgent.IsUnspecified || run.HomeLink == default
            || run.Kind.Length == 0 || !run.Hosts.ContainsKey(run.HomeHost))
        {
            throw new InvalidDataException("domain, guest-mac, home-agent, home-link, home-host and kind are needed");
        }

        for (var i = 0; i < run.Moves.Count; i++)
        {
            var move = run.Moves[i];
            if (!run.Hosts.ContainsKey(move.From) || !run.Hosts.ContainsKey(move.To) || move.ReturnedAt < move.CalledAt
                || (i > 0 && move.CalledAt < run.Moves[i - 1].ReturnedAt))
            {
                throw new InvalidDataException($"move {i + 1}: unknown host, or times out of order");
            }
        }

        return run;
    }

    private bool TryTake(string[] words)
    {
        switch (words)
        {
            case []:
                return true;
            case ["domain", var name]:
                Domain = name;
                return true;
            case ["guest-mac", var text] when LinkLayerAddress.TryParse(text, out var address):
                GuestAddress = address;
                return true;
            case ["home-agent", var text] when Ipv6Address.TryParse(text, out var address):
                HomeAgent = address;
                return true;
            case ["home-link", var box, var device]:
                HomeLink = (box, device);
                return true;
            case ["host", var name, _, ..] when words[2..].All(text => Ipv6Address.TryParse(text, out _)):
                return Hosts.TryAdd(name, [.. words[2..].Select(Ipv6Address.Parse)]);
            case ["home-host", var name]:
                HomeHost = name;
                return true;
            case ["kind", "precopy" or "postcopy"]:
                Kind = words[1];
                return true;
            case ["home-agent-rtt-ms", var text] when TryParseMilliseconds(text, out var milliseconds):
                HomeAgentRttMs = milliseconds;
                return true;
            case ["host-to-host-one-way-ms", var text] when TryParseMilliseconds(text, out var milliseconds):
                HostToHostOneWayMs = milliseconds;
                return true;
            case ["move", var from, var to, var called, var returned, var exitCode]
                when TryParseTime(called, out var calledAt) && TryParseTime(returned, out var returnedAt)
                && int.TryParse(exitCode, NumberStyles.None, CultureInfo.InvariantCulture, out var code):
                Moves.Add(new(from, to, calledAt, returnedAt, code));
                return true;
            default:
                return false;
        }
    }

    private static bool TryParseMilliseconds(string text, out double milliseconds) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out milliseconds);

    private static bool TryParseTime(string text, out long nanoseconds)
    {
        var valid = decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            && seconds < long.MaxValue / 1_000_000_000L;
        nanoseconds = valid ? (long)(seconds * 1_000_000_000) : 0;
        return valid;
    }
}
