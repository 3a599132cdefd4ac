using System.Globalization;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>The names of tunnels.</summary>
internal static class TunnelName
{
    /// <summary>The name of the tunnel between two addresses: the same each time, and at most 15 bytes.</summary>
    /// <param name="prefix">Four letters that say what it is for.</param>
    /// <param name="local">This end.</param>
    /// <param name="remote">The other end.</param>
    public static string Of(string prefix, Ipv6Address local, Ipv6Address remote)
    {
        // FNV-1a.
        uint hash = 2166136261;
        foreach (var b in (byte[])[.. local.ToArray(), .. remote.ToArray()])
        {
            hash = (hash ^ b) * 16777619;
        }

        return prefix + hash.ToString("x8", CultureInfo.InvariantCulture);
    }
}
