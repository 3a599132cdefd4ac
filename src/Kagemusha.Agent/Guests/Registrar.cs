using System.Globalization;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>Feeds the mobile nodes and carries out what they want, in its order.</summary>
internal sealed class Registrar
{
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(10);

    private readonly GuestTable _guests;
    private readonly Action<Ipv6Packet> _send;
    private readonly Func<Guest, MobilityPacket, Task<MobilityPacket?>> _relay;
    private readonly Action<Guest> _save;
    private readonly AgentLog _log;
    private readonly Action<Guest> _changed;
    private readonly Action<Guest, GuestLink, Registration, MobileNodeEffect> _happened;
    private readonly Func<string, IReadOnlyList<Linux.NetworkInterface>> _portsOf;
    private TaskCompletionSource _news = NextNews();

    /// <param name="guests">The guests of this host.</param>
    /// <param name="send">Sends from the care-of address.</param>
    /// <param name="relay">Has the host that a guest comes from send; gives what has answered there.</param>
    /// <param name="save">Makes a guest's sequence numbers durable.</param>
    /// <param name="portsOf">A bridge's ports.</param>
    /// <param name="log">Where what has become of a binding is told.</param>
    /// <param name="changed">Is told when a guest's metadata may be other than libvirt has it.</param>
    /// <param name="happened">Is told of each effect that was carried out.</param>
    public Registrar(
        GuestTable guests,
        Action<Ipv6Packet> send,
        Func<Guest, MobilityPacket, Task<MobilityPacket?>> relay,
        Action<Guest> save,
        Func<string, IReadOnlyList<Linux.NetworkInterface>> portsOf,
        AgentLog log,
        Action<Guest> changed,
        Action<Guest, GuestLink, Registration, MobileNodeEffect> happened)
    {
        _guests = guests;
        _send = send;
        _relay = relay;
        _save = save;
        _portsOf = portsOf;
        _log = log;
        _changed = changed;
        _happened = happened;
    }

    /// <summary>When <see cref="WakeUp"/> is to be called.</summary>
    public TimeSpan? NextWakeUp => _guests.All
        .SelectMany(guest => guest.Links)
        .SelectMany(link => link.Registrations.Select(registration => registration.Node.NextWakeUp).Append(link.GuestPort?.NextWakeUp))
        .Min();

    /// <summary>The guest is about to run here: its nodes' next numbers are made durable, so that no update waits for a disk.</summary>
    public void Expect(Guest guest) => HandleAll(guest, _ => new MobileNodeInput.Expected());

    /// <summary>The guest runs here: each node is told where.</summary>
    public void Activate(Guest guest) => HandleAll(guest, Here);

    /// <summary>The guest runs here, and has this home address too.</summary>
    public void Activate(Guest guest, GuestLink link, Registration registration) => Handle(guest, link, registration, Here(link));

    /// <summary>The guest's metadata may be other than libvirt has it.</summary>
    public void Changed(Guest guest) => _changed(guest);

    /// <summary>The guest does not run here: nothing is sent for it.</summary>
    public void Deactivate(Guest guest) => HandleAll(guest, _ => new MobileNodeInput.Passive());

    /// <summary>The guest does not use this home address any more: nothing is sent for it.</summary>
    public void Deactivate(Guest guest, GuestLink link, Registration registration) => Handle(guest, link, registration, new MobileNodeInput.Passive());

    /// <summary>The home agents are told again at once.</summary>
    public void Refresh(Guest guest) => HandleAll(guest, _ => new MobileNodeInput.Refresh());

    /// <summary>The home agent is told again of one home address.</summary>
    public void Refresh(Guest guest, GuestLink link, Registration registration) => Handle(guest, link, registration, new MobileNodeInput.Refresh());

    /// <summary>The home agents of an interface's home link were found out.</summary>
    public void Find(Guest guest, GuestLink link, WireArray<Ipv6Address> homeAgents)
    {
        link.Enrolled = link.Enrolled.WithHomeAgents(homeAgents);
        foreach (var registration in link.Registrations)
        {
            Handle(guest, link, registration, new MobileNodeInput.HomeAgentsFound(homeAgents));
        }

        _changed(guest);
    }

    /// <summary>Waits for the home agents' answers, and not for ever.</summary>
    /// <returns>Null when each has answered as wanted, else one sentence.</returns>
    public async Task<string?> SettleAsync(Guest guest)
    {
        using var patience = new CancellationTokenSource(SettlePatience);
        while (guest.ServedRegistrations.FirstOrDefault(registration => !IsSettled(registration)) is { } open)
        {
            var news = _news;
            try
            {
                await news.Task.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                var problem = open.Node.GetState(Clock.Now).Problem ?? "it does not answer";
                return $"the home agent {open.Node.HomeAgent} has not acknowledged {open.Address} within {SettlePatience.TotalSeconds:0} s: {problem}";
            }
        }

        return null;
    }

    /// <summary>A message has come; whose it is shows in its home address.</summary>
    public void Receive(MobilityPacket packet) => Handle(HomeAddressOf(packet), new MobileNodeInput.Received(packet));

    /// <summary>A message could not be delivered; whose it was shows in its home address.</summary>
    public void Receive(MobilityErrorPacket error) => Handle(HomeAddressOf(error.Invoking), new MobileNodeInput.Undelivered(error));

    /// <summary>A message has come that cannot be read: one of those that speak with its sender from there decides whether that is told.</summary>
    public void Receive(MobileNodeInput.Unreadable unreadable)
    {
        var (guest, link, registration) = _guests.All
            .SelectMany(guest => guest.Links.SelectMany(link => link.Registrations.Select(registration => (guest, link, registration))))
            .FirstOrDefault(each => each.link.Attachment is Attachment.Away { CareOf.Address: var careOf } && careOf == unreadable.Destination
                && each.registration.Node.TunnelEnds(Clock.Now).Contains(unreadable.Source));
        if (registration is not null)
        {
            Handle(guest, link, registration, unreadable);
        }
    }

    /// <summary>A prefix advertisement has come; whose it is shows in its routing header.</summary>
    public void Receive(MobilityIcmpPacket packet)
    {
        if (packet.Type2RoutingHeader is { } homeAddress)
        {
            Handle(homeAddress, new MobileNodeInput.PrefixesReceived(packet));
        }
    }

    /// <summary>Whose home address a message is about.</summary>
    public static Ipv6Address HomeAddressOf(MobilityPacket packet) =>
        packet.HomeAddress ?? (packet.Message as BindingError)?.HomeAddress ?? packet.Destination;

    /// <summary>Some time has come.</summary>
    public void WakeUp()
    {
        foreach (var guest in _guests.All)
        {
            foreach (var link in guest.Links)
            {
                if (link.GuestPort?.NextWakeUp <= Clock.Now)
                {
                    link.GuestPort.WakeUp();
                }

                foreach (var registration in link.Registrations.Where(registration => registration.Node.NextWakeUp <= Clock.Now))
                {
                    Handle(guest, link, registration, new MobileNodeInput.WakeUp());
                }
            }
        }
    }

    // Who waits goes on in its own turn, not in the middle of what it waits for.
    private static TaskCompletionSource NextNews() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static bool IsSettled(Registration registration) => registration.Node.GetState(Clock.Now) is
    { Phase: MobileNodePhase.AtHome or MobileNodePhase.Registered, Unanswered: 0 };

    private static MobileNodeInput Here(GuestLink link) => link.Attachment switch
    {
        Attachment.Away away => new MobileNodeInput.Away(away.CareOf.Address, away.CareOf.ValidUntil - Clock.Now),
        Attachment.Severed => new MobileNodeInput.Passive(),
        _ => new MobileNodeInput.Home(link.PreviousCareOfAddress),
    };

    private void HandleAll(Guest guest, Func<GuestLink, MobileNodeInput> input)
    {
        foreach (var link in guest.Links)
        {
            foreach (var registration in link.Registrations)
            {
                Handle(guest, link, registration, input(link));
            }
        }
    }

    private void Handle(Ipv6Address homeAddress, MobileNodeInput input)
    {
        foreach (var guest in _guests.All)
        {
            foreach (var link in guest.Links)
            {
                if (link.Registrations.Find(registration => registration.Address == homeAddress) is { } registration)
                {
                    Handle(guest, link, registration, input);
                    return;
                }
            }
        }
    }

    private void Handle(Guest guest, GuestLink link, Registration registration, MobileNodeInput input)
    {
        foreach (var effect in registration.Node.Handle(Clock.Now, input))
        {
            switch (effect)
            {
                case MobileNodeEffect.SequenceReserved:
                    // Before the packets that follow: a crash must not use a number twice.
                    Save(guest);
                    break;
                case MobileNodeEffect.SendFromCareOfAddress { Packet: var packet }:
                    _send(packet);
                    break;
                case MobileNodeEffect.EndElsewhere { Packet: var packet }:
                    _send(packet);
                    break;
                case MobileNodeEffect.AnswerFromCareOfAddress { Packet: var packet }:
                    _send(packet);
                    break;
                case MobileNodeEffect.SolicitPrefixes { Packet: var packet }:
                    _send(packet);
                    break;
                case MobileNodeEffect.AnswerOnHomeLink { Packet: var packet }:
                    OpenHomeLink(link)?.Send(packet);
                    break;
                case MobileNodeEffect.SendOnHomeLink { Packet: var packet }:
                    OpenHomeLink(link)?.Send(packet);
                    break;
                case MobileNodeEffect.SendFromPreviousCareOfAddress { Packet: var packet }:
                    RelayAsync(guest, link, registration, packet);
                    break;
                case MobileNodeEffect.AnnounceOnHomeLink:
                    OpenHomeLink(link)?.Announce(registration.Address);
                    if (registration.LinkLocalAddress is { } linkLocal)
                    {
                        OpenHomeLink(link)?.Announce(linkLocal);
                    }

                    break;
                case MobileNodeEffect.HomeAgentChanged:
                    Save(guest);
                    break;
                case MobileNodeEffect.BindingChanged change:
                    Save(guest);
                    Report(guest, link, registration, change);
                    var news = _news;
                    _news = NextNews();
                    news.SetResult();
                    break;
            }

            _happened(guest, link, registration, effect);
        }

        if (link.Registrations.All(each => each.Node.NextWakeUp is null))
        {
            link.HomeLinkPort?.Dispose();
            link.HomeLinkPort = null;
        }
    }

    private async void RelayAsync(Guest guest, GuestLink link, Registration registration, MobilityPacket packet)
    {
        try
        {
            if (await _relay(guest, packet) is { } answer && HomeAddressOf(answer) == registration.Address)
            {
                Handle(guest, link, registration, new MobileNodeInput.Received(answer));
            }
        }
        catch (PeerException e)
        {
            if (registration.Node.GetState(Clock.Now).Phase == MobileNodePhase.Deregistering)
            {
                _log.Decision(guest.Name, $"{registration.Address} is de-registered from home, not from {packet.Source}: {e.Message}");
            }

            Handle(guest, link, registration, new MobileNodeInput.PreviousCareOfAddressLost());
        }
    }

    private void Save(Guest guest)
    {
        try
        {
            _save(guest);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk costs no guest its reachability: libvirt's metadata has the numbers too, and a home agent names the one that it expects.
            _log.Error($"the state of {guest.Name} was not written: {e.Message}");
        }

        _changed(guest);
    }

    private HomeLinkPort? OpenHomeLink(GuestLink link)
    {
        if (link.HomeLinkPort is null && link.Attachment is Attachment.Home home)
        {
            try
            {
                var ports = _portsOf(home.Bridge).Where(port => port.Name != home.Tap);
                link.HomeLinkPort = new(ports, link.Enrolled.Mac, Receive, _log);
            }
            catch (Linux.KernelException e)
            {
                // Repeated by the mobile node's own back-off.
                _log.Warn($"{home.Bridge}: the home link cannot be spoken on: {e.Message}");
            }
        }

        return link.HomeLinkPort;
    }

    private void Report(Guest guest, GuestLink link, Registration registration, MobileNodeEffect.BindingChanged change)
    {
        var status = change.Status is { } code ? string.Create(CultureInfo.InvariantCulture, $", status {(int)code}") : "";
        var lifetime = change.Lifetime > TimeSpan.Zero
            ? string.Create(CultureInfo.InvariantCulture, $" for {change.Lifetime.TotalSeconds:0} s") : "";
        var careOf = change.CareOfAddress is { } address ? $" at {address}" : "";
        var line = $"binding: {registration.Address}{careOf} with home agent {change.HomeAgent}: {Word(change.Change)}{lifetime}{status}: {change.Explanation}";
        var failed = change.Change is BindingChange.Refused or BindingChange.Unanswered
            || (change.Change == BindingChange.Expired && link.Attachment is Attachment.Away);
        _log.Decision(guest.Name, line, failed: failed);
    }

    private static string Word(BindingChange change) => change switch
    {
        BindingChange.Registered => "registered",
        BindingChange.Refreshed => "refreshed",
        BindingChange.Refused => "refused",
        BindingChange.Unanswered => "not answered",
        BindingChange.Expired => "expired",
        BindingChange.Deregistered => "de-registered",
        _ => change.ToString(),
    };
}
