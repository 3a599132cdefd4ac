using Kagemusha.Control;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>A domain as libvirt had it when it was asked.</summary>
/// <param name="Xml">The live definition of an active domain, else the persistent one.</param>
/// <param name="State">Its state.</param>
/// <param name="IsActive">Whether it runs or is paused on this host.</param>
internal sealed record DomainSnapshot(DomainXml Xml, DomainStateAndReason State, bool IsActive)
{
    public string Name => Xml.Name;

    public Guid Uuid => Xml.Uuid;

    /// <summary>Whether it is stopped in the middle of a migration.</summary>
    public bool IsBetweenHosts => State.State == DomainState.Paused && State.Reason is
        (int)PausedReason.Migration or (int)PausedReason.PostCopy or (int)PausedReason.PostCopyFailed;

    /// <summary>The domain of this name or UUID, or null.</summary>
    public static DomainSnapshot? Find(LibvirtConnection connection, string nameOrUuid)
    {
        using var domain = connection.FindByName(nameOrUuid)
            ?? (Guid.TryParse(nameOrUuid, out var uuid) ? connection.FindByUuid(uuid) : null);
        return domain is null ? null : Of(domain);
    }

    /// <summary>The domain with this UUID, or null.</summary>
    public static DomainSnapshot? Find(LibvirtConnection connection, Guid uuid)
    {
        using var domain = connection.FindByUuid(uuid);
        return domain is null ? null : Of(domain);
    }

    /// <summary>All domains with our metadata; those that are gone meanwhile, or whose XML nobody could read, are left out.</summary>
    public static IReadOnlyList<DomainSnapshot> Enrolled(LibvirtConnection connection)
    {
        var found = new List<DomainSnapshot>();
        foreach (var domain in connection.ListDomains())
        {
            using (domain)
            {
                try
                {
                    if (Of(domain) is { Xml.IsEnrolled: true } snapshot)
                    {
                        found.Add(snapshot);
                    }
                }
                catch (Exception e) when (e is MalformedXmlException or LibvirtException { Code: LibvirtErrorCode.NoDomain })
                {
                }
            }
        }

        return found;
    }

    /// <summary>Whether this host is sending the domain to another now: from the moment that its definition was read for that, until it ends.</summary>
    public static bool IsMigratingAway(LibvirtConnection connection, Guid uuid)
    {
        using var domain = connection.FindByUuid(uuid);
        try
        {
            return domain?.GetJob()?.Operation == DomainJobOperation.MigrationOut;
        }
        catch (LibvirtException e) when (e.Code is LibvirtErrorCode.OperationInvalid or LibvirtErrorCode.NoDomain)
        {
            return false;
        }
    }

    private static DomainSnapshot Of(LibvirtDomain domain) =>
        new(DomainXml.Parse(domain.GetXml()), domain.GetState(), domain.IsActive);
}
