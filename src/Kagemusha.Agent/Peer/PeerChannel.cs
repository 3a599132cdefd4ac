using System.Net;
using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>This host's end of the channel between agents: none where there are no certificates for it.</summary>
internal sealed class PeerChannel : IDisposable
{
    // A hook's call for a migration waits 30 s for all of its checks.
    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CallerPatience = TimeSpan.FromSeconds(5);

    private readonly PeerSettings _settings;
    private readonly Func<Ipv6Address, Ipv6Address?> _addressTowards;
    private readonly PeerCredentials? _credentials;
    private readonly PeerListener? _listener;

    /// <param name="settings">What the administrator has set.</param>
    /// <param name="addressTowards">This host's address on the way to another, or null.</param>
    /// <param name="answer">Answers other agents, on any thread.</param>
    /// <param name="log">Where it is told whether there is a channel, and who got nothing.</param>
    public PeerChannel(
        PeerSettings settings,
        Func<Ipv6Address, Ipv6Address?> addressTowards,
        Func<PeerCaller, PeerRequest, Task<PeerAnswer>> answer,
        AgentLog log)
    {
        _settings = settings;
        _addressTowards = addressTowards;
        var where = new IPEndPoint(settings.Address is { } address ? new(address.ToArray()) : IPAddress.IPv6Any, settings.Port);
        try
        {
            _credentials = new(settings);
            _listener = new(where, _credentials, CallerPatience, answer, new LineLimit(line => log.Warn($"channel: {line}")).Write);
            Client = new(_credentials, CallDeadline);
            log.Info($"channel: other agents reach this one on {where} as {_credentials.ServerName}");
        }
        catch (Exception e) when (e is ConfigurationException or IOException)
        {
            WhyNot = e.Message;
            log.Warn($"channel: there is none to other agents: {e.Message}");
        }
    }

    /// <summary>Asks other agents; null without a channel.</summary>
    public PeerClient? Client { get; }

    /// <summary>Why there is no channel.</summary>
    public string? WhyNot { get; }

    /// <summary>What a guest's metadata is to say of this agent: as it does, if it does already, else with a new token. Null without a channel.</summary>
    public PeerTicket? TicketFor(MobilityProfile profile) => EndpointFor(profile) switch
    {
        null => null,
        var endpoint when profile.Agent?.Endpoint == endpoint => profile.Agent,
        var endpoint => new(endpoint, OneTimeToken.Create()),
    };

    /// <summary>Where this agent is reached by a next host of the guest, or null.</summary>
    public PeerEndpoint? EndpointFor(MobilityProfile profile) =>
        _listener is not null && (_settings.Address ?? profile.Interfaces.Select(enrolled => _addressTowards(enrolled.HomeAgent)).FirstOrDefault(address => address is not null)) is { } address
            ? new(address, _settings.Port, _credentials!.ServerName)
            : null;

    /// <summary>Hears other agents until it is cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => _listener?.RunAsync(cancellation) ?? Task.Delay(Timeout.Infinite, cancellation)
        .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    public void Dispose()
    {
        _listener?.Dispose();
        _credentials?.Dispose();
    }
}
