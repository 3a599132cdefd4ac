using System.Globalization;

namespace Kagemusha.Lab.Tests;

/// <summary>What a host spends, as its kernel counts it.</summary>
/// <param name="Resident">The agent's memory, in KiB (VmRSS).</param>
/// <param name="Processor">The agent's processor time.</param>
/// <param name="Descriptors">The agent's open files.</param>
/// <param name="Neighbours">The neighbours that the host knows on all links, of all families.</param>
/// <param name="Entries">The entries of the kernel's one neighbour table of IPv6, of all hosts of the lab.</param>
internal sealed record HostLoad(int Resident, TimeSpan Processor, int Descriptors, IReadOnlyList<string> Neighbours, int Entries)
{
    /// <summary>As it is now.</summary>
    public static HostLoad Of(Hypervisor host)
    {
        var lines = host.Shell("""
            pid=$(pgrep -x kagemushad)
            awk '/^VmRSS/ {print $2}' /proc/$pid/status
            awk '{print $14 + $15}' /proc/$pid/stat
            getconf CLK_TCK
            ls /proc/$pid/fd | wc -l
            ip -s ntable show name ndisc_cache | sed -n 's/.* entries \([0-9]*\) .*/\1/p' | head -n 1
            ip neigh show nud all | cut -d ' ' -f 1-3; ip -6 neigh show nud all | cut -d ' ' -f 1-3
            """).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return new(
            Number(0),
            TimeSpan.FromSeconds((double)Number(1) / Number(2)),
            Number(3),
            [.. lines[5..].Order(StringComparer.Ordinal)],
            Number(4));

        int Number(int line) => int.Parse(lines[line], CultureInfo.InvariantCulture);
    }

    /// <summary>How many packets the kernel has given to its own protocols that came by a link (RFC 4293: ipIfStatsInDelivers).</summary>
    public static long Delivered(Hypervisor host, string link) =>
        long.Parse(host.Shell($"awk '$1 == \"Ip6InDelivers\" {{print $2}}' /proc/net/dev_snmp6/{link}"), CultureInfo.InvariantCulture);
}
