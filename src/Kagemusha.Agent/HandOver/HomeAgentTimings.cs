using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>How long home agents take for an update, apart from the way to them: learnt from each answer, with an echo right after it.</summary>
internal sealed class HomeAgentTimings
{
    private static readonly TimeSpan EchoPatience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<Ipv6Address, HomeAgentTiming> _timings = [];

    /// <summary>For how long packets are to be held behind an update.</summary>
    public TimeSpan HoldFor(Ipv6Address homeAgent) => Of(homeAgent).Hold;

    /// <summary>Whether anything has been learnt of a home agent.</summary>
    public bool Knows(Ipv6Address homeAgent) => Of(homeAgent).IsKnown;

    /// <summary>Learns from an answer.</summary>
    public async void Add(Ipv6Address homeAgent, MobileNodeEffect.UpdateAnswered answered)
    {
        // A first registration waits for duplicate address detection.
        if (!answered.BindingExisted)
        {
            return;
        }

        try
        {
            using var ping = new Ping();
            var began = Stopwatch.GetTimestamp();
            var reply = await ping.SendPingAsync(new IPAddress(homeAgent.ToArray()), EchoPatience);
            if (reply.Status == IPStatus.Success)
            {
                Of(homeAgent).Add(answered.Elapsed, Stopwatch.GetElapsedTime(began));
            }
        }
        catch (PingException)
        {
            // It does not answer echoes: the bound for unknown ones holds.
        }
    }

    private HomeAgentTiming Of(Ipv6Address homeAgent)
    {
        if (!_timings.TryGetValue(homeAgent, out var timing))
        {
            _timings.Add(homeAgent, timing = new());
        }

        return timing;
    }
}
