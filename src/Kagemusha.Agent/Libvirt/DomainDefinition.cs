using System.Diagnostics.CodeAnalysis;
using Kagemusha.Control;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>
/// Keeps what libvirt has of a guest in step with it: the metadata's sequence numbers, and a persistent definition's interfaces, which a
/// migration does not change. Both have to wait for the end of any migration.
/// </summary>
/// <param name="hypervisor">This host's libvirt.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="gate">Keeps changes of one definition apart.</param>
/// <param name="log">Where failures are told.</param>
internal sealed class DomainDefinition(Hypervisor hypervisor, GuestTable guests, DomainGate gate, AgentLog log)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private readonly HashSet<Guid> _updating = [];

    /// <summary>The guest may be other than libvirt has it.</summary>
    public void Follow(Guest guest)
    {
        if (guest.Presence == Presence.Running && guest.Profile != guest.WrittenProfile && _updating.Add(guest.Uuid))
        {
            _ = UpdateAsync(guest.Uuid);
        }
    }

    private async Task UpdateAsync(Guid uuid)
    {
        try
        {
            while (IsBehind(uuid, out _))
            {
                try
                {
                    await gate.PassAsync(uuid, () => WriteAsync(uuid));
                }
                catch (Exception e) when (e is LibvirtException or RefusedException)
                {
                    // A migration runs, or libvirt is away: the state file has the numbers meanwhile.
                    log.Debug($"{uuid}: libvirt's metadata is behind, trying again: {e.Message}");
                    await Task.Delay(RetryInterval);
                }
            }
        }
        finally
        {
            _updating.Remove(uuid);
        }
    }

    private bool IsBehind(Guid uuid, [NotNullWhen(true)] out Guest? guest) =>
        guests.TryFind(uuid, out guest) && guest.Presence == Presence.Running && guest.Profile != guest.WrittenProfile;

    // It may have been unenrolled while others changed it.
    private async Task<bool> WriteAsync(Guid uuid)
    {
        if (!IsBehind(uuid, out var guest))
        {
            return false;
        }

        var profile = guest.Profile;
        var links = guest.Links.Select(link => (link.Enrolled, link.Attachment)).ToList();
        await hypervisor.AskAsync(connection => Write(connection, uuid, profile, links));
        guest.WrittenProfile = profile;
        guest.PublishedTicket = profile.Agent;
        return true;
    }

    private static bool Write(
        LibvirtConnection connection, Guid uuid, MobilityProfile profile, IReadOnlyList<(EnrolledInterface Enrolled, Attachment Place)> links)
    {
        using var domain = connection.FindByUuid(uuid);
        if (domain is not { IsActive: true })
        {
            return false;
        }

        if (domain.GetJob()?.Operation is { } job)
        {
            // It would block until the end of a migration, and one connection has few calls at a time.
            throw new RefusedException($"a job holds the domain: {job}");
        }

        var isPersistent = domain.IsPersistent;
        if (isPersistent)
        {
            var xml = DomainXml.Parse(domain.GetXml(DomainXmlFlags.Inactive | DomainXmlFlags.Secure));
            var moved = links.Aggregate(xml, (current, link) => DomainXml.Parse(IncomingXml.Place(current, link.Enrolled, link.Place)));
            if (moved.Text != xml.Text)
            {
                connection.Define(moved.Text).Dispose();
            }
        }

        domain.SetMetadata(
            profile.ToMetadata(),
            MobilityProfile.Key,
            MobilityProfile.Namespace,
            DomainModificationImpact.Live | (isPersistent ? DomainModificationImpact.Config : 0));
        return true;
    }
}
