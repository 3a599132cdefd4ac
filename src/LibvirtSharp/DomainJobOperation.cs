namespace LibvirtSharp;

/// <summary>What a domain's long job does, <c>virDomainJobOperation</c>.</summary>
public enum DomainJobOperation
{
    /// <summary>libvirt does not say.</summary>
    Unknown = 0,

    /// <summary>It is being started.</summary>
    Start = 1,

    /// <summary>It is being saved.</summary>
    Save = 2,

    /// <summary>It is being restored from a file.</summary>
    Restore = 3,

    /// <summary>It is coming from another host.</summary>
    MigrationIn = 4,

    /// <summary>It is going to another host: from the moment that its definition is read for the destination.</summary>
    MigrationOut = 5,

    /// <summary>A snapshot is being taken.</summary>
    Snapshot = 6,

    /// <summary>It is being reverted to a snapshot.</summary>
    SnapshotRevert = 7,

    /// <summary>Its memory is being dumped.</summary>
    Dump = 8,

    /// <summary>A backup is being taken.</summary>
    Backup = 9,

    /// <summary>A snapshot is being deleted.</summary>
    SnapshotDelete = 10,
}
