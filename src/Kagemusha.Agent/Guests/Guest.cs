using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>Where a domain's life on this host stands.</summary>
internal enum Presence
{
    /// <summary>A migration to this host is being prepared; the guest does not run yet.</summary>
    Incoming,

    /// <summary>The guest is this host's: it runs here, or is paused by its administrator.</summary>
    Running,

    /// <summary>Suspended for a migration from this host: it goes on at the other end, or is given back.</summary>
    Leaving,
}

/// <summary>Where an enrolled interface ends on this host.</summary>
internal abstract record Attachment
{
    /// <summary>On the home link's bridge, as without us.</summary>
    /// <param name="Bridge">The bridge's name.</param>
    /// <param name="Tap">The tap's name, or null while libvirt has not made it.</param>
    internal sealed record Home(string Bridge, string? Tap) : Attachment
    {
        /// <summary>Whether the administrator has said so, and libvirt may not have put it there.</summary>
        public bool IsGiven { get; init; }
    }

    /// <summary>At a tap of its own, behind a tunnel.</summary>
    /// <param name="Tap">The tap's name.</param>
    /// <param name="CareOf">This host's end of the tunnel.</param>
    internal sealed record Away(string Tap, CareOf CareOf) : Attachment;

    /// <summary>Nowhere: as if its cable were out. The guest's other interfaces go on.</summary>
    /// <param name="Tap">A tap of its own, which nothing passes; null where the guest has no such interface now.</param>
    /// <param name="Why">Why, in one line.</param>
    internal sealed record Severed(string? Tap, string Why) : Attachment;
}

/// <summary>An enrolled interface of a guest on this host.</summary>
internal sealed class GuestLink(EnrolledInterface enrolled, Attachment attachment) : IDisposable
{
    /// <summary>What the metadata said of it, and is to say of it; its addresses may be others by now.</summary>
    public EnrolledInterface Enrolled { get; set; } = enrolled;

    /// <summary>The home agent that serves it, or is asked.</summary>
    public Ipv6Address HomeAgent => Registrations.Count > 0 ? Registrations[0].Node.HomeAgent : Enrolled.HomeAgent;

    /// <summary>Where it ends here.</summary>
    public Attachment Attachment { get; set; } = attachment;

    /// <summary>Whether the guest has it: it may be plugged out and in again.</summary>
    public bool IsPlugged { get; set; } = true;

    /// <summary>The tap, or null while libvirt has not made it.</summary>
    public string? Tap => Attachment switch
    {
        Attachment.Away away => away.Tap,
        Attachment.Home home => home.Tap,
        Attachment.Severed severed => severed.Tap,
        _ => null,
    };

    /// <summary>One registration for each home address: no shared fate.</summary>
    public List<Registration> Registrations { get; } = [];

    /// <summary>Its home addresses.</summary>
    public IReadOnlyList<Ipv6Address> HomeAddresses => Registrations.ConvertAll(registration => registration.Address);

    /// <summary>Why addresses that the guest was seen to use are not served.</summary>
    public Dictionary<Ipv6Address, string> Refused { get; } = [];

    /// <summary>The care-of address that it had on the host that it comes home from: its home agent is told from there as long as that serves.</summary>
    public Ipv6Address? PreviousCareOfAddress { get; set; }

    /// <summary>How libvirt has made the tap's port of the home link's bridge, while we have it otherwise.</summary>
    public Linux.BridgePortSettings? PortSettings { get; set; }

    /// <summary>What looks for home agents, when none of those that are known serves it; null before that.</summary>
    public HomeAgentDiscovery? Discovery { get; set; }

    /// <summary>Whether the last search has found none.</summary>
    public bool IsDiscoveryUnanswered { get; set; }

    /// <summary>What hears the guest's neighbour discovery, and answers it while it is away.</summary>
    public GuestPort? GuestPort { get; set; }

    /// <summary>What speaks on the home link for it, while it is at home and the home agent does not know yet.</summary>
    public HomeLinkPort? HomeLinkPort { get; set; }

    /// <summary>How the kernel is to serve it, or null at home.</summary>
    public AwayLink? AwayLink => Attachment is Attachment.Away away
        ? new(
            away.Tap,
            Enrolled.Mac,
            Enrolled.Link.Router,
            Enrolled.Link.RouterLinkLayerAddress,
            HomeAddresses,
            HomeAgent,
            away.CareOf)
        {
            OwnHomeAgents = Registrations.Where(registration => registration.Node.HomeAgent != HomeAgent)
                .ToDictionary(registration => registration.Address, registration => registration.Node.HomeAgent),
            OtherTunnelEnds = [.. Registrations.SelectMany(registration => registration.Node.TunnelEnds(Clock.Now)).Distinct().Where(end => end != HomeAgent)],
        }
        : null;

    /// <summary>The name that the tap gets away: its own prefix, because libvirt forgets names that begin like its own.</summary>
    public static string TapName(LinkLayerAddress mac) => "kg" + mac.ToString().Replace(":", "", StringComparison.Ordinal);

    public void Dispose()
    {
        GuestPort?.Dispose();
        HomeLinkPort?.Dispose();
    }
}

/// <summary>A ticket's one use.</summary>
/// <param name="Token">What was shown.</param>
/// <param name="Certificate">The thumbprint of the caller's certificate: it may show the token again, another may not.</param>
/// <param name="To">Where the caller is reached.</param>
internal sealed record UsedTicket(OneTimeToken Token, string Certificate, PeerEndpoint To);

/// <summary>An enrolled domain on this host.</summary>
/// <param name="uuid">Its UUID, by which it is known on every host.</param>
/// <param name="name">Its name.</param>
/// <param name="links">Its enrolled interfaces.</param>
internal sealed class Guest(Guid uuid, string name, IReadOnlyList<GuestLink> links) : IDisposable
{
    public Guid Uuid { get; } = uuid;

    public string Name { get; } = name;

    public IReadOnlyList<GuestLink> Links { get; } = links;

    public Presence Presence { get; set; }

    /// <summary>The metadata that libvirt has, live and persistent; null while that is not known, as after an arrival.</summary>
    public MobilityProfile? WrittenProfile { get; set; }

    /// <summary>What the next host is to show to this one's agent; null without a channel.</summary>
    public PeerTicket? Ticket { get; set; }

    /// <summary>The ticket in the definition that libvirt would give to a next host.</summary>
    public PeerTicket? PublishedTicket { get; set; }

    /// <summary>To whom the guest was handed over last.</summary>
    public UsedTicket? HandedOver { get; set; }

    /// <summary>Whether it was handed over to this caller, who still has the token that it has shown.</summary>
    public bool WasHandedOverTo(PeerCaller caller, OneTimeToken token) =>
        HandedOver is { } used && used.Token.Matches(token) && used.Certificate == caller.Thumbprint;

    /// <summary>When an incoming migration that has not come is given up; monotonic.</summary>
    public TimeSpan Deadline { get; set; }

    /// <summary>The metadata that libvirt is to have: what it had, with the registrations' present numbers.</summary>
    public MobilityProfile Profile => new([.. Links.Select(link => link.Enrolled with
    {
        Addresses = [.. link.Registrations.Select(registration => registration.Enrolled)],
    })])
    {
        Agent = Ticket,
    };

    /// <summary>Where the guest comes from, while packets may come through there.</summary>
    public Arrival? Arrival { get; set; }

    /// <summary>Where the guest goes to, from the hand-over on.</summary>
    public Departure? Departure { get; set; }

    /// <summary>The guest as it left this host, where it is coming back while packets are still led after it; null when none are.</summary>
    public Guest? Before { get; set; }

    private Departure? Leading => Departure ?? Before?.Departure;

    /// <summary>What is written down of its move to this host, until that has ended: it may move on before.</summary>
    public MoveRecord? MoveHere { get; set; }

    /// <summary>What is written down of its move from this host, until that has ended.</summary>
    public MoveRecord? MoveAway { get; set; }

    /// <summary>How the kernel is to serve an interface that is away, or null.</summary>
    public AwayLink? AwayPath(GuestLink link) => link.AwayLink is { } away
        ? away with
        {
            Sources = [.. Links.Where(each => each.Attachment is Attachment.Away).SelectMany(each => each.HomeAddresses)],
            Departure = Leading?.Tunnel,
            IsTurned = Leading?.IsTurned == true,
            IsReturning = Before is not null,
            IsHeralded = Departure?.IsHeralded == true,
            Arrival = Arrival?.Tunnel,
            Through = Arrival?.Through,
            Outbound = link.Registrations.Where(registration => registration.Path is not null)
                .ToDictionary(registration => registration.Address, registration => registration.Path!.Path),
        }
        : null;

    /// <summary>How the kernel is to serve an interface on the home link, or null away.</summary>
    public HomeLinkPath? HomePath(GuestLink link) => link.Attachment is Attachment.Home home
        ? new(
            link.Enrolled.Mac,
            link.Enrolled.Link.Router,
            link.Enrolled.Link.RouterLinkLayerAddress,
            link.Enrolled.Link.Mtu,
            link.HomeAddresses,
            home.Bridge,
            home.Tap)
        {
            Departure = Leading?.Tunnel,
            IsTurned = Leading?.IsTurned == true,
            IsReturning = Before is not null,
            IsHeralded = Departure?.IsHeralded == true,
            Arrival = Arrival?.Tunnel,
            IsQuiet = Presence == Presence.Incoming,
            Settings = link.PortSettings,
        }
        : null;

    /// <summary>Whether the administrator has given it this home address.</summary>
    public bool IsGiven(Ipv6Address homeAddress) =>
        Registrations.Any(registration => registration.Address == homeAddress && registration.Origin == HomeAddressOrigin.Given);

    public IEnumerable<Registration> Registrations => Links.SelectMany(link => link.Registrations);

    /// <summary>Those of interfaces that end somewhere here.</summary>
    public IEnumerable<Registration> ServedRegistrations => Links.Where(link => link.Attachment is not Attachment.Severed).SelectMany(link => link.Registrations);

    public void Dispose()
    {
        foreach (var link in Links)
        {
            link.Dispose();
        }

        Departure?.Dispose();
    }
}
