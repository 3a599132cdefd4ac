using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>Finds out where an enrolled interface ends, or is to end, on this host.</summary>
/// <param name="kernel">Knows the links.</param>
/// <param name="underlay">The way to the home agents.</param>
/// <param name="bridgeOfNetwork">The bridge of a libvirt network of this host, or null.</param>
internal sealed class Attachments(Kernel kernel, Underlay underlay, Func<string, Task<string?>> bridgeOfNetwork)
{
    /// <summary>For a guest that is to come: at home if this host's bridge of that name is on its home link, else away, or severed where its home agent cannot be reached.</summary>
    public async Task<Attachment> ChooseAsync(EnrolledInterface enrolled) =>
        await HomeBridgeAsync(enrolled) is { } bridge ? new Attachment.Home(bridge, null) : AwayOrSevered(GuestLink.TapName(enrolled.Mac), enrolled);

    /// <summary>
    /// For a guest that is to be started here one day: null where nothing tells what link it would be on, because this host's bridge of that name has
    /// no router that answers.
    /// </summary>
    /// <exception cref="UnreachableException">Away, and the home agent cannot be reached.</exception>
    public async Task<Attachment?> ChooseForStartAsync(EnrolledInterface enrolled)
    {
        if (await BridgeAsync(enrolled) is { } bridge && await RouterDiscovery.FindAsync(bridge, _ => true) is null)
        {
            return null;
        }

        return await ChooseAsync(enrolled) is var place && place is Attachment.Severed severed ? throw new UnreachableException(severed.Why) : place;
    }

    /// <summary>For a guest that is here: as its XML says, unless it was taken from the bridge that is named there.</summary>
    public Attachment Read(DomainXml xml, EnrolledInterface enrolled) => xml.Interface(enrolled.Mac) switch
    {
        null => new Attachment.Severed(null, "it is plugged out"),
        { Type: "ethernet", TargetDevice: { } tap } => AwayOrSevered(tap, enrolled),
        { TargetDevice: { } tap } when IsTaken(tap) => AwayOrSevered(tap, enrolled),
        var current => new Attachment.Home(current.SourceBridge ?? enrolled.Source.Name, current.TargetDevice),
    };

    /// <summary>For a guest that is here: as the administrator says, whatever its XML does.</summary>
    /// <param name="xml">Its XML.</param>
    /// <param name="enrolled">The interface.</param>
    /// <param name="homeBridge">The bridge on its home link, or null for away.</param>
    public Attachment ReadAs(DomainXml xml, EnrolledInterface enrolled, string? homeBridge) => xml.Interface(enrolled.Mac) switch
    {
        { TargetDevice: { } tap } when homeBridge is not null => new Attachment.Home(homeBridge, tap) { IsGiven = true },
        { TargetDevice: { } tap } => AwayOrSevered(tap, enrolled),
        _ => Read(xml, enrolled),
    };

    /// <summary>The bridges of this host that are to be on the home links of a guest, by its link-layer addresses.</summary>
    /// <exception cref="RefusedException">One is not there.</exception>
    public async Task<IReadOnlyDictionary<LinkLayerAddress, string>> HomeBridgesAsync(MobilityProfile profile)
    {
        var bridges = new Dictionary<LinkLayerAddress, string>();
        foreach (var enrolled in profile.Interfaces)
        {
            bridges[enrolled.Mac] = (await BridgeAsync(enrolled))?.Name ?? throw new RefusedException(
                $"this host has no bridge of {enrolled.Source.Name}, on which {enrolled.Mac} is at home: it is away here");
        }

        return bridges;
    }

    /// <summary>Away at a tap, or severed where the home agent cannot be reached.</summary>
    public Attachment AwayOrSevered(string tap, EnrolledInterface enrolled)
    {
        try
        {
            return new Attachment.Away(tap, underlay.Resolve(Asked(enrolled)));
        }
        catch (UnreachableException e)
        {
            return new Attachment.Severed(tap, e.Message);
        }
    }

    private bool IsTaken(string tap)
    {
        var links = kernel.Interfaces();
        return links.Find(tap) is { } port && links.Find(port.MasterIndex)?.Name == AwayDataPath.VrfName;
    }

    // All are on one link.
    private static Ipv6Address Asked(EnrolledInterface enrolled) =>
        enrolled.Addresses.Select(address => address.HomeAgent).FirstOrDefault() ?? enrolled.HomeAgent;

    private async Task<NetworkInterface?> BridgeAsync(EnrolledInterface enrolled)
    {
        var name = enrolled.Source.Type == HomeSourceType.Bridge ? enrolled.Source.Name : await bridgeOfNetwork(enrolled.Source.Name);
        return name is not null && kernel.Interfaces().Find(name) is { Kind: "bridge" } bridge ? bridge : null;
    }

    // A bridge of the same name may be another link's: its router decides.
    private async Task<string?> HomeBridgeAsync(EnrolledInterface enrolled)
    {
        if (await BridgeAsync(enrolled) is not { } bridge)
        {
            return null;
        }

        var router = await RouterDiscovery.FindAsync(
            bridge, router => enrolled.Link.Prefixes.Any(prefix => router.Prefixes.Contains(prefix)));
        return router is null ? null : bridge.Name;
    }
}
