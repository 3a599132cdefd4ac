using Kagemusha.Control;
using Kagemusha.Linux;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>
/// The definitions of enrolled domains from which a guest may be started one day. libvirt lets no hook change one at a plain start, so they are made
/// to fit before.
/// </summary>
/// <param name="hypervisor">This host's libvirt.</param>
/// <param name="kernel">This host's links.</param>
/// <param name="attachments">Where their interfaces would end.</param>
/// <param name="gate">Keeps changes of one definition apart.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class ColdDefinition(Hypervisor hypervisor, Kernel kernel, Attachments attachments, DomainGate gate, AgentLog log)
{
    private const string TapKind = "tun";

    private HashSet<(string Bridge, string Port)>? _connected;

    /// <summary>
    /// The host's links may have changed: as soon as another bridge than before leads somewhere, this host may be a home. That is so after its start, when
    /// its bridges come later than this agent.
    /// </summary>
    /// <returns>Ends when the definitions fit.</returns>
    public async Task FollowAsync()
    {
        var before = _connected;
        _connected = Connected();
        if (before is not null && !_connected.IsSubsetOf(before))
        {
            await FitAllAsync();
        }
    }

    /// <summary>A definition was made or changed: it may come from another host, where its interfaces ended otherwise.</summary>
    public Task DefinedAsync(Guid uuid) => TryAsync(uuid, async () =>
    {
        var found = await hypervisor.AskAsync(connection => Read(connection, uuid));
        if (found?.ReadProfile() is not { } profile)
        {
            return false;
        }

        var fitting = found;
        foreach (var enrolled in profile.Interfaces)
        {
            if (await attachments.ChooseForStartAsync(enrolled) is { } place)
            {
                fitting = DomainXml.Parse(IncomingXml.Place(fitting, enrolled, place));
            }
        }

        if (fitting.Text != found.Text && await hypervisor.AskAsync(connection => Replace(connection, found, fitting)))
        {
            log.Decision(found.Name, $"its definition was made to fit {Environment.MachineName}: it can be started here");
        }

        return true;
    });

    /// <summary>Definitions may have been made or changed while nobody heard of it.</summary>
    public async Task FitAllAsync()
    {
        _connected = Connected();
        try
        {
            // One after the other: each may wait for a router.
            foreach (var domain in (await hypervisor.AskAsync(DomainSnapshot.Enrolled)).Where(domain => !domain.IsActive))
            {
                await DefinedAsync(domain.Uuid);
            }
        }
        catch (Exception e) when (e is LibvirtException || Adoption.IsRefusal(e))
        {
            log.Warn($"definitions stay as they are: {e.Message}");
        }
    }

    /// <summary>The guest lives on elsewhere. Where its definition stays, a start from it has to know that a home agent may hold a binding.</summary>
    public Task MovedAwayAsync(Guid uuid) => TryAsync(uuid, () => hypervisor.AskAsync(connection =>
    {
        using var domain = connection.FindByUuid(uuid);
        if (domain is not { IsActive: false } || DomainXml.Parse(domain.GetXml()).ReadProfile() is not { } profile)
        {
            return false;
        }

        var bound = profile with
        {
            Interfaces = [.. profile.Interfaces.Select(enrolled => enrolled with
            {
                Addresses = [.. enrolled.Addresses.Select(address => address with { BindingPossible = true })],
            })],
        };
        if (bound != profile)
        {
            domain.SetMetadata(bound.ToMetadata(), MobilityProfile.Key, MobilityProfile.Namespace, DomainModificationImpact.Config);
        }

        return true;
    }));

    // A bridge has a carrier when one of its ports forwards; guests are no way to a router.
    private HashSet<(string Bridge, string Port)> Connected()
    {
        var links = kernel.Interfaces();
        return [.. from bridge in links
                   where bridge is { Kind: "bridge", HasCarrier: true }
                   from port in links.PortsOf(bridge)
                   where port.HasCarrier && port.Kind != TapKind
                   select (bridge.Name, port.Name)];
    }

    private static DomainXml? Read(LibvirtConnection connection, Guid uuid)
    {
        using var domain = connection.FindByUuid(uuid);
        return domain is { IsActive: false } ? DomainXml.Parse(domain.GetXml(DomainXmlFlags.Inactive | DomainXmlFlags.Secure)) : null;
    }

    // Unless it was changed or started meanwhile.
    private static bool Replace(LibvirtConnection connection, DomainXml found, DomainXml fitting)
    {
        if (Read(connection, found.Uuid)?.Text != found.Text)
        {
            return false;
        }

        connection.Define(fitting.Text).Dispose();
        return true;
    }

    private async Task TryAsync(Guid uuid, Func<Task<bool>> change)
    {
        try
        {
            await gate.PassAsync(uuid, change);
        }
        catch (Exception e) when (e is LibvirtException || Adoption.IsRefusal(e))
        {
            log.Warn($"the definition of {uuid} stays as it is: {e.Message}");
        }
    }
}
