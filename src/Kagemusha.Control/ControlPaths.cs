namespace Kagemusha.Control;

/// <summary>The places at which hook and agent meet.</summary>
public static class ControlPaths
{
    /// <summary>The agent's socket.</summary>
    public const string Socket = "/run/kagemusha/control.sock";

    /// <summary>
    /// A file for each domain whose incoming migration the agent has prepared, kept there while it lasts: with the agent dead, it alone
    /// tells the hook a start that belongs to a migration, and may be refused, from a plain one, which must not be.
    /// </summary>
    /// <param name="domain">The domain's UUID; <c>release</c> no longer knows any other key.</param>
    public static string IncomingMarker(Guid domain) => $"/run/kagemusha/incoming/{domain}";

    /// <summary>The domain's own log in libvirt's log directory, or null if no file can have that name.</summary>
    /// <param name="name">The domain's name.</param>
    public static string? DomainLog(string name) =>
        name.AsSpan().ContainsAny('/', '\0') ? null : $"/var/log/libvirt/qemu/{name}.log";
}
