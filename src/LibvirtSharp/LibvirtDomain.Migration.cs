namespace LibvirtSharp;

/// <content>Its migration, driven from here as <c>virsh migrate</c> drives it.</content>
public sealed unsafe partial class LibvirtDomain
{
    /// <summary>Moves it to another host; returns when it runs there. <see cref="GetJob"/>, <see cref="StartPostCopy"/> and <see cref="AbortJob"/> are for other threads meanwhile.</summary>
    /// <param name="destination">The other host's libvirt.</param>
    /// <param name="flags">How.</param>
    /// <param name="bandwidth">MiB in a second at most, or null for libvirt's default.</param>
    /// <exception cref="LibvirtException">It did not move.</exception>
    public void Migrate(LibvirtConnection destination, MigrateFlags flags, ulong? bandwidth)
    {
        nint parameters = 0;
        int count = 0, room = 0;
        try
        {
            if (bandwidth is { } limit)
            {
                LibvirtException.ThrowIfNegative(Native.virTypedParamsAddULLong(ref parameters, ref count, ref room, "bandwidth", limit));
            }

            using var there = Native.virDomainMigrate3(_domain, destination.Handle, parameters, (uint)count, (uint)flags);
            if (there.IsInvalid)
            {
                throw LibvirtException.Last();
            }
        }
        finally
        {
            Native.virTypedParamsFree(parameters, count);
        }
    }

    /// <summary>Runs it at the destination from now on; its memory follows. The migration was begun with <see cref="MigrateFlags.PostCopy"/>.</summary>
    public void StartPostCopy() => LibvirtException.ThrowIfNegative(Native.virDomainMigrateStartPostCopy(_domain, flags: 0));

    /// <summary>Gives its job up.</summary>
    public void AbortJob() => LibvirtException.ThrowIfNegative(Native.virDomainAbortJob(_domain));
}

/// <summary>How a domain is migrated, <c>virDomainMigrateFlags</c>.</summary>
[Flags]
public enum MigrateFlags
{
    /// <summary>It stands still meanwhile.</summary>
    None = 0,

    /// <summary>It runs on while its memory is copied.</summary>
    Live = 1,

    /// <summary>Its definition is made persistent at the destination.</summary>
    PersistDestination = 8,

    /// <summary>Its persistent definition is removed at the source.</summary>
    UndefineSource = 16,

    /// <summary>It may be told to run at the destination before its memory has come.</summary>
    PostCopy = 1 << 15,
}
