using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>Hears the guests at their taps, and serves the home addresses that they are seen to use: each has a registration of its own.</summary>
/// <param name="configuration">What registrations are to be like.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="kernel">This host's kernel.</param>
/// <param name="registrar">Their registrations.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class AddressLearning(AgentConfiguration configuration, GuestTable guests, HostKernel kernel, Registrar registrar, AgentLog log) : IDisposable
{
    private static readonly TimeSpan DiscoveryPatience = 2 * HomeAddressLearner.DoubtTime;
    private static readonly TimeSpan DiscoveryInterval = TimeSpan.FromMilliseconds(100);

    private FrameSender? _sender;

    /// <summary>Begins to hear a guest at those of its taps that are there.</summary>
    /// <exception cref="ConfigurationException">The metadata's advertisement is none.</exception>
    /// <exception cref="KernelException">No packet socket.</exception>
    public void Listen(Guest guest)
    {
        foreach (var link in guest.Links)
        {
            var tap = link is { Tap: { } name, Attachment: not Attachment.Severed } ? kernel.Find(name) : null;
            if (link.GuestPort?.Tap != tap?.Index)
            {
                link.GuestPort?.Dispose();
                link.GuestPort = tap is null ? null : Open(guest, link, tap);
            }
        }
    }

    /// <summary>Whose addresses are to be learnt.</summary>
    /// <param name="mac">The guest's link-layer address.</param>
    /// <param name="home">Its home link.</param>
    /// <param name="advertisement">What the home router has said.</param>
    /// <param name="homeAgents">The home agents' addresses.</param>
    /// <param name="given">The addresses that the administrator has given.</param>
    /// <param name="bridge">The home link's bridge, or null away. This host's own addresses there are nobody else's, either.</param>
    public HomeAddressLearnerConfiguration Learner(
        LinkLayerAddress mac, HomeLink home, RouterAdvertisement advertisement, IEnumerable<Ipv6Address> homeAgents, IEnumerable<Ipv6Address> given, string? bridge) => new(
        mac,
        home.Router,
        home.RouterLinkLayerAddress,
        home.Prefixes,
        [
            .. homeAgents,
            .. advertisement.RouterAddresses,
            .. bridge is null ? [] : kernel.AddressesOf(bridge),
        ],
        [.. given],
        IsOnHomeLink: bridge is not null);

    /// <summary>
    /// Has a guest that is not known yet use its addresses at home. Ends when some are known and nobody can contradict any more, or when it has said nothing.
    /// </summary>
    /// <param name="tap">The guest's tap.</param>
    /// <param name="bridge">The home link's bridge.</param>
    /// <param name="whose">Whose addresses.</param>
    /// <exception cref="KernelException">No packet socket.</exception>
    public async Task<IReadOnlyList<Ipv6Address>> DiscoverAsync(NetworkInterface tap, NetworkInterface bridge, HomeAddressLearnerConfiguration whose)
    {
        var found = new List<Ipv6Address>();
        var learner = new HomeAddressLearner(whose, [], Clock.Now);
        using var port = new GuestPort(tap.Index, learner, null, () => true, Follow, log);
        foreach (var frame in HomeAddressPrompt.Frames(whose))
        {
            port.Send(frame);
        }

        for (var until = Clock.Now + DiscoveryPatience; Clock.Now < until && (found.Count == 0 || learner.IsInDoubt); port.WakeUp())
        {
            await Task.Delay(DiscoveryInterval);
        }

        return found;

        void Follow(HomeAddressEffect effect)
        {
            if (effect is HomeAddressEffect.Learnt learnt)
            {
                found.Add(learnt.Address);
            }
            else if (effect is HomeAddressEffect.SendToHomeLink send)
            {
                SendToHomeLink(bridge.Name, [tap.Name], send.Frame);
            }
        }
    }

    /// <summary>A guest has gone from this host: others may use its addresses.</summary>
    public void Retry()
    {
        foreach (var guest in guests.All)
        {
            foreach (var link in guest.Links)
            {
                foreach (var address in link.Refused.Keys.ToList())
                {
                    Learn(guest, link, address);
                }
            }
        }
    }

    public void Dispose() => _sender?.Dispose();

    /// <summary>The home agent has said what the home router advertises now: the guest is told, and the next host.</summary>
    public void Advertise(Guest guest, GuestLink link, WireArray<PrefixInformation> prefixes, MobilePrefixFlags flags)
    {
        var home = link.Enrolled.Link;
        var advertisement = RepeatedAdvertisement.Merge(Heard(home), prefixes, flags);
        WireArray<Ipv6Prefix> all = [.. home.Prefixes.Union(advertisement.OnLinkPrefixes)];
        if (all != home.Prefixes)
        {
            log.Decision(guest.Name, $"the home prefixes are {string.Join(", ", all)}, by the home agent {link.HomeAgent}");
        }

        link.Enrolled = link.Enrolled with { Link = home with { Prefixes = all, RouterAdvertisement = [.. advertisement.ToArray()] } };
        link.GuestPort?.Advertised(prefixes, flags);
        registrar.Changed(guest);
    }

    private static RouterAdvertisement Heard(HomeLink home) =>
        NeighbourDiscoveryMessage.TryParse(home.RouterAdvertisement.Span, out var message, out var error) && message is RouterAdvertisement advertisement
            ? advertisement
            : throw new ConfigurationException($"the home router's advertisement in the metadata cannot be used: {error.What}: enroll the VM again at home");

    private GuestPort Open(Guest guest, GuestLink link, NetworkInterface tap)
    {
        var home = link.Enrolled.Link;
        var advertisement = Heard(home);
        var known = link.Registrations.ToLookup(registration => registration.Origin, registration => registration.Address);
        var addresses = new HomeAddressLearner(
            Learner(link.Enrolled.Mac, home, advertisement, link.Enrolled.HomeAgents, known[HomeAddressOrigin.Given], (link.Attachment as Attachment.Home)?.Bridge),
            known[HomeAddressOrigin.Learnt],
            Clock.Now);
        var homeRouter = link.Attachment is Attachment.Away away
            ? new HomeRouterDouble(new(
                home.Router, home.RouterLinkLayerAddress, advertisement, [.. link.HomeAddresses], Math.Min(home.Mtu, away.CareOf.TunnelMtu)))
            : null;
        return new(
            tap.Index,
            addresses,
            homeRouter,
            // What is learnt when a next host has been told of the others already, that host learns itself.
            () => guest.Presence == Presence.Running,
            effect => Follow(guest, link, effect),
            log);
    }

    /// <summary>Something was found out at one of a guest's taps, or is to be asked on its home link.</summary>
    public void Follow(Guest guest, GuestLink link, HomeAddressEffect effect)
    {
        switch (effect)
        {
            case HomeAddressEffect.Learnt { Address: var address }:
                Learn(guest, link, address);
                break;
            case HomeAddressEffect.Gone { Address: var address }:
                Lose(guest, link, address, "it does not use it any more");
                // By another of its interfaces it may.
                Retry();
                break;
            case HomeAddressEffect.LimitReached:
                log.Decision(guest.Name, Limit(link), failed: true);
                break;
            case HomeAddressEffect.SendToHomeLink { Frame: var frame } when link.Attachment is Attachment.Home home:
                SendToHomeLink(home.Bridge, [.. guest.Links.Select(each => each.Tap).OfType<string>()], frame);
                break;
        }
    }

    /// <summary>
    /// Whether no other guest of this host has an address. Whoever was given one takes it from one that was seen to use it; else the first has it.
    /// </summary>
    /// <param name="uuid">The guest that wants it.</param>
    /// <param name="name">The guest's name.</param>
    /// <param name="link">The guest's interface.</param>
    /// <param name="address">The address.</param>
    public bool IsFree(Guid uuid, string name, GuestLink link, EnrolledAddress address)
    {
        if (guests.OtherWith(uuid, address.Address) is not { } other)
        {
            link.Refused.Remove(address.Address);
            return true;
        }

        if (address.Origin == HomeAddressOrigin.Given)
        {
            foreach (var loser in other.Links.Where(each => each.HomeAddresses.Contains(address.Address)))
            {
                Lose(other, loser, address.Address, $"{name} was given it");
                loser.Refused[address.Address] = NotServed(address.Address, name);
            }

            return true;
        }

        Refuse(name, link, address.Address, NotServed(address.Address, other.Name));
        return false;
    }

    /// <summary>What is wrong when a guest uses more addresses than are learnt.</summary>
    public static string Limit(GuestLink link) =>
        $"{link.Enrolled.Mac} uses more home addresses than the {HomeAddressLearner.MaxLearnt} that are learnt: the others do not move with it";

    private void Refuse(string name, GuestLink link, Ipv6Address address, string line)
    {
        if (link.Refused.GetValueOrDefault(address) != line)
        {
            link.Refused[address] = line;
            log.Decision(name, line, failed: true);
        }
    }

    private static string NotServed(Ipv6Address address, string owner) => $"{address} is not served: {owner} has it on this host";

    private void Learn(Guest guest, GuestLink link, Ipv6Address address)
    {
        var learnt = new EnrolledAddress(address, 0, BindingPossible: false, HomeAddressOrigin.Learnt);
        if (guest.Links.FirstOrDefault(each => each != link && each.HomeAddresses.Contains(address)) is { } own)
        {
            // It is reached there; from here it may send as well.
            Refuse(guest.Name, link, address, $"{address} is served at {own.Enrolled.Mac}, not at {link.Enrolled.Mac} too");
            return;
        }

        if (!IsFree(guest.Uuid, guest.Name, link, learnt))
        {
            return;
        }

        var registration = Registration.Create(configuration, link.Enrolled, learnt, new(0, null, TimeSpan.Zero, TimeSpan.Zero));
        link.Registrations.Add(registration);
        log.Decision(guest.Name, $"home address {address} learnt");
        Apply(guest, link);
        registrar.Activate(guest, link, registration);
        registrar.Changed(guest);
    }

    private void Lose(Guest guest, GuestLink link, Ipv6Address address, string why)
    {
        link.Refused.Remove(address);
        if (link.Registrations.Find(registration => registration.Address == address) is not { } registration)
        {
            return;
        }

        // A binding is not ended: it expires, and the guest may take the address again.
        registrar.Deactivate(guest, link, registration);
        link.Registrations.Remove(registration);
        log.Decision(guest.Name, $"home address {address} is not served any more: {why}");
        Apply(guest, link);
        registrar.Changed(guest);
    }

    private void Apply(Guest guest, GuestLink link)
    {
        try
        {
            if (link.Attachment is Attachment.Away)
            {
                kernel.Apply(guests);
            }
        }
        catch (KernelException e)
        {
            log.Decision(guest.Name, $"its data path did not follow: {e.Message}", failed: true);
        }
    }

    // By the bridge's other ports: the guest itself would take it for another node that wants its address.
    private void SendToHomeLink(string bridge, IReadOnlyCollection<string> taps, NeighbourDiscoveryFrame frame)
    {
        var bytes = EthernetFrame.Around(frame.Packet, frame.Source, frame.Destination).ToArray();
        foreach (var port in kernel.PortsOf(bridge).Where(port => !taps.Contains(port.Name)))
        {
            try
            {
                _sender ??= new();
                _sender.Send(port.Index, bytes);
            }
            catch (KernelException e)
            {
                log.Debug($"{port.Name}, a port of the home link: {e.Message}");
            }
        }
    }
}
