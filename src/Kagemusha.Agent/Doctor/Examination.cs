using System.Net;
using System.Net.NetworkInformation;
using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>
/// The agent's part of <c>doctor</c>: what only it can look at, because it takes its configuration, its guests or the kernel. What takes time is not done
/// on its loop, and nothing that a guest needs is touched.
/// </summary>
/// <param name="configuration">What the administrator has set.</param>
/// <param name="hypervisor">This host's libvirt.</param>
/// <param name="kernel">This host's links.</param>
/// <param name="hostKernel">What this agent has made there.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="problems">Why domains that run here are not served, by UUID.</param>
/// <param name="underlay">The ways to home agents.</param>
/// <param name="discoveries">Asks for home agents.</param>
/// <param name="channel">The way to other agents.</param>
/// <param name="reachability">Whether guests are reachable.</param>
internal sealed class Examination(
    AgentConfiguration configuration,
    Hypervisor hypervisor,
    Kernel kernel,
    HostKernel hostKernel,
    GuestTable guests,
    IReadOnlyDictionary<Guid, string> problems,
    Underlay underlay,
    HomeAgentDiscoveries discoveries,
    PeerChannel channel,
    Reachability reachability)
{
    /// <summary>More home agents, or other hosts, are not looked at.</summary>
    private const int MostPlaces = 16;

    private const int MostFindings = 128;
    private const int LongestText = 512;
    private const string Recover = "'kagemusha-hook recover --all'";

    private static readonly TimeSpan EchoPatience = TimeSpan.FromSeconds(1);

    private Task<DoctorReply>? _underWay;

    /// <summary>The program's version, as that of <c>kagemusha-hook</c> has to be.</summary>
    private static string Version => typeof(Examination).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <summary>Looks at all of it; whoever asks meanwhile gets the same answer.</summary>
    public Task<DoctorReply> AnswerAsync() => _underWay is { IsCompleted: false } ? _underWay : _underWay = LookAsync();

    private async Task<DoctorReply> LookAsync()
    {
        // First of all: what is tried in the kernel makes the agent look at its links, and mend what it finds.
        var dataPath = DataPath();
        // What is made and taken away in the kernel keeps a switch waiting for a moment.
        var isMoving = guests.All.Any(guest => guest.Presence != Presence.Running || guest.Departure is not null || guest.Arrival is not null);
        var features = isMoving ? Task.FromResult(KernelFeatures.NotNow) : OffTheLoop(KernelFeatures.Look);
        var certificates = OffTheLoop(() => Certificates.Look(configuration.Peer, DateTimeOffset.UtcNow).ToList());
        var homeAgents = LookAtHomeAgentsAsync();
        IEnumerable<Finding> findings =
        [
            .. await features, .. await certificates, Channel(), .. CareOfAddress(), .. await homeAgents, .. OtherHosts(),
            .. NotServed(), dataPath, .. await LookAtHomeAddressesAsync(), .. await LookForLeftoversAsync(),
        ];
        return new(Version, [.. findings.Take(MostFindings).Select(finding => finding with { What = Cut(finding.What) })]);
    }

    private Finding Channel() => channel.WhyNot is { } why
        ? Finding.Error("channel", $"there is none to other agents: {why}", "set that right, then 'systemctl restart kagemushad'")
        : Finding.Ok("channel", $"other agents reach this one on TCP port {configuration.Peer.Port}");

    private IEnumerable<Finding> CareOfAddress()
    {
        if (configuration.CareOfAddress is { } address)
        {
            yield return kernel.Addresses().Any(own => own.Address == address && own.IsUsable)
                ? Finding.Ok("care-of address", $"{address} is this host's")
                : Finding.Error("care-of address", $"{address} is no usable address of this host", $"set care_of_address in {AgentConfiguration.Path} right, then 'systemctl restart kagemushad'");
        }
    }

    private async Task<IReadOnlyList<Finding>> LookAtHomeAgentsAsync()
    {
        var links = guests.All.SelectMany(guest => guest.Links).ToList();
        var known = links.SelectMany(link => link.Registrations.Select(registration => registration.Node.HomeAgent).Append(link.HomeAgent)).Distinct().Take(MostPlaces).ToList();
        return known.Count == 0
            ? [Finding.Unknown(HomeAgentWay.Check, "no VM on this host is enrolled: it is not known which home agent to look at")]
            : [.. await Task.WhenAll(known.Select(LookAsync))];

        async Task<Finding> LookAsync(Ipv6Address homeAgent)
        {
            // Those who are at home need no way to it, and those who leave have another host's.
            if (kernel.Addresses().Any(own => own.Address == homeAgent) && links.Where(link => link.HomeAgent == homeAgent).All(link => link.Attachment is Attachment.Home))
            {
                return Finding.Ok(HomeAgentWay.Check, $"{homeAgent} is this host itself");
            }

            CareOf careOf;
            try
            {
                careOf = underlay.Resolve(homeAgent);
            }
            catch (Exception e) when (e is UnreachableException or KernelException)
            {
                return new HomeAgentWay(homeAgent, null, e.Message, false, null).Judge();
            }

            var isRegistered = links.SelectMany(link => link.Registrations).Any(registration =>
                registration.Node.HomeAgent == homeAgent && registration.Node.GetState(Clock.Now).Phase == MobileNodePhase.Registered);
            return new HomeAgentWay(homeAgent, careOf, null, isRegistered, await AskAsync(homeAgent, links)).Judge();
        }
    }

    /// <summary>Asks it what harms nobody: an echo (RFC 4443, section 4.1), then who the home agents of its link are (RFC 6275, section 11.4.1).</summary>
    private async Task<string?> AskAsync(Ipv6Address homeAgent, IReadOnlyList<GuestLink> links)
    {
        try
        {
            using var ping = new Ping();
            if ((await ping.SendPingAsync(new IPAddress(homeAgent.ToArray()), EchoPatience)).Status == IPStatus.Success)
            {
                return "an echo";
            }
        }
        catch (PingException)
        {
            // Then it is asked the other way.
        }

        try
        {
            return links.FirstOrDefault(link => link.Enrolled.HomeAgents.Contains(homeAgent) && link.Enrolled.Link.Prefixes.Count > 0) is { } link
                && (await discoveries.FindAsync(link.Enrolled.Link.Prefixes)).Contains(homeAgent) ? "a home agent discovery" : null;
        }
        catch (Exception e) when (e is UnreachableException or KernelException)
        {
            return null;
        }
    }

    private IEnumerable<Finding> OtherHosts() =>
        from address in guests.All.SelectMany(guest => new[] { guest.Arrival?.From.Endpoint, guest.HandedOver?.To }).OfType<PeerEndpoint>().Select(peer => peer.Address).Distinct().Take(MostPlaces)
        select kernel.Lookup(address) is { } route
            ? Finding.Ok("other host", $"{address}: from {route.Source} by {route.Interface}, MTU {route.Mtu}")
            : Finding.Error("other host", $"this host has no route to {address}", "set the route");

    private IEnumerable<Finding> NotServed() =>
        problems.Select(problem => Finding.Error("VM", $"{problem.Key} runs here and is not served: {problem.Value}", "set that right, then 'kagemusha-hook recover'"));

    private Finding DataPath() => hostKernel.Compare(guests) switch
    {
        [] => Finding.Ok("data path", "the kernel has all that the VMs need"),
        [var only] => Finding.Error("data path", $"the kernel lacks: {only}", Recover),
        [var first, ..] and var all => Finding.Error("data path", $"the kernel lacks: {first}, and {all.Count - 1} more", Recover),
    };

    /// <summary>Those of guests that are here; what becomes of the others is not known yet.</summary>
    private async Task<IEnumerable<Finding>> LookAtHomeAddressesAsync()
    {
        const string Check = "home address";
        var here = guests.All.Where(guest => guest is { Presence: Presence.Running, Departure: null, Arrival: null }).Take(MostFindings).ToList();
        var found = await Task.WhenAll(here.Select(async guest => (guest.Name, Addresses: await reachability.LookAsync(guest))));
        return
            from guest in found
            from address in guest.Addresses
            let what = $"{guest.Name}: {address.HomeAddress}"
            select RecoveryPlan.Fault(address, RecoverAs.Found) is { } fault ? Finding.Error(Check, $"{what}: {fault}", Recover)
                : address.IsEchoed is true ? Finding.Ok(Check, $"{what} is registered, and an echo came back from the home agent {address.HomeAgent} through the tunnel")
                : Finding.Ok(Check, $"{what} is {(address.Place is Attachment.Home ? "at home" : "registered")}");
    }

    private async Task<IReadOnlyList<Finding>> LookForLeftoversAsync()
    {
        HashSet<Guid> known;
        try
        {
            known = await hypervisor.AskAsync(Uuids);
        }
        catch (Exception e) when (e is LibvirtException or RefusedException)
        {
            return [Finding.Unknown(Leftovers.Check, $"not looked for: {e.Message}", "'systemctl start libvirtd' (virtqemud, where libvirt is split)")];
        }

        known.UnionWith(guests.All.Select(guest => guest.Uuid));
        var coming = guests.All.Where(guest => guest.Presence == Presence.Incoming).Select(guest => guest.Uuid).ToHashSet();
        return
        [
            .. new Leftovers(
                hostKernel.LinksOfNobody(guests),
                [.. Leftovers.FilesOfNobody(known, coming, StateFile.Directory, Path.GetDirectoryName(ControlPaths.IncomingMarker(default))!)]).Judge(),
        ];
    }

    private static HashSet<Guid> Uuids(LibvirtConnection connection)
    {
        var uuids = new HashSet<Guid>();
        foreach (var domain in connection.ListDomains())
        {
            using (domain)
            {
                uuids.Add(domain.Uuid);
            }
        }

        return uuids;
    }

    // On a thread of its own: the pool's few are for sockets.
    private static Task<T> OffTheLoop<T>(Func<T> look) =>
        Task.Factory.StartNew(look, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static string Cut(string text) => text.Length > LongestText ? text[..LongestText] : text;
}
