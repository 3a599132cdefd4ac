using System.Diagnostics;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>
/// Sees whether packets get through a tunnel and back: an Echo Request in a home address' name goes to the home agent itself, which takes it out of the tunnel,
/// and answers into its own. The guest gets an Echo Reply that it has not asked for, and ignores it.
/// </summary>
internal static class TunnelProbe
{
    // Our choices.
    private const int Tries = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(0.5);

    private const int LongestPacket = 2048;

    /// <summary>Asks, up to four times in two seconds.</summary>
    /// <param name="tunnel">This host's end of the tunnel.</param>
    /// <param name="homeAddress">Whose name it goes in.</param>
    /// <param name="homeAgent">The other end.</param>
    /// <returns>How long the answer took; null if none came.</returns>
    /// <exception cref="KernelException">The tunnel has gone, or no packet socket.</exception>
    public static async Task<TimeSpan?> AskAsync(NetworkInterface tunnel, Ipv6Address homeAddress, Ipv6Address homeAgent)
    {
        var request = new EchoRequestPacket(homeAddress, homeAgent) { Identifier = (ushort)Random.Shared.Next(ushort.MaxValue + 1) };
        using var socket = new PacketSocket(
            tunnel.Index, PacketFilter.NextHeader((byte)NextHeader.Icmpv6, headerLength: 0), (ushort)EtherType.Ipv6, withoutLinkHeader: true);
        for (var tries = 0; tries < Tries; tries++)
        {
            var asked = Stopwatch.GetTimestamp();
            socket.Send(request.ToArray());
            if (await IsAnsweredAsync(socket, request))
            {
                return Stopwatch.GetElapsedTime(asked);
            }
        }

        return null;
    }

    // Who floods the tunnel gets it no longer.
    private static async Task<bool> IsAnsweredAsync(PacketSocket socket, EchoRequestPacket request)
    {
        using var patience = new CancellationTokenSource(Patience);
        var buffer = new byte[LongestPacket];
        try
        {
            while (!patience.IsCancellationRequested)
            {
                var frame = await socket.ReceiveAsync(buffer, patience.Token);
                if (request.IsAnsweredBy(buffer.AsSpan(0, frame.Length)))
                {
                    return true;
                }
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            // None.
        }

        return false;
    }
}
