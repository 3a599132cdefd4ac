namespace LibvirtSharp;

/// <summary>A domain's state and the reason, whose meaning depends on the state.</summary>
/// <param name="State">The state.</param>
/// <param name="Reason">
/// A <see cref="RunningReason"/>, <see cref="PausedReason"/> or <see cref="ShutoffReason"/>, or another of libvirt's.
/// </param>
public readonly record struct DomainStateAndReason(DomainState State, int Reason)
{
    /// <summary>As <c>virsh domstate</c> names the state.</summary>
    public override string ToString() => State switch
    {
        DomainState.NoState => "no state",
        DomainState.Running => "running",
        DomainState.Blocked => "idle",
        DomainState.Paused => "paused",
        DomainState.Shutdown => "in shutdown",
        DomainState.Shutoff => "shut off",
        DomainState.Crashed => "crashed",
        DomainState.PMSuspended => "pmsuspended",
        _ => $"state {(int)State}",
    };
}

/// <summary><c>virDomainState</c></summary>
public enum DomainState
{
    /// <summary>None known.</summary>
    NoState = 0,

    /// <summary>Its processors run.</summary>
    Running = 1,

    /// <summary>It waits for a resource.</summary>
    Blocked = 2,

    /// <summary>Its processors are stopped.</summary>
    Paused = 3,

    /// <summary>It is shutting down.</summary>
    Shutdown = 4,

    /// <summary>It is off.</summary>
    Shutoff = 5,

    /// <summary>It crashed.</summary>
    Crashed = 6,

    /// <summary>It sleeps by its own power management.</summary>
    PMSuspended = 7,
}

/// <summary>Why a domain runs, <c>virDomainRunningReason</c>.</summary>
public enum RunningReason
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>It was started.</summary>
    Booted = 1,

    /// <summary>It came from another host.</summary>
    Migrated = 2,

    /// <summary>It was restored from a file.</summary>
    Restored = 3,

    /// <summary>It was restored from a snapshot.</summary>
    FromSnapshot = 4,

    /// <summary>It was paused before.</summary>
    Unpaused = 5,

    /// <summary>A migration to another host failed.</summary>
    MigrationCanceled = 6,

    /// <summary>A save failed.</summary>
    SaveCanceled = 7,

    /// <summary>It woke up.</summary>
    Wakeup = 8,

    /// <summary>It crashed and goes on.</summary>
    Crashed = 9,

    /// <summary>It came in post-copy and its memory is still coming.</summary>
    PostCopy = 10,

    /// <summary>Its post-copy failed and it goes on as far as it can.</summary>
    PostCopyFailed = 11,
}

/// <summary>Why a domain is paused, <c>virDomainPausedReason</c>.</summary>
public enum PausedReason
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>Somebody paused it.</summary>
    User = 1,

    /// <summary>It is on its way to or from another host.</summary>
    Migration = 2,

    /// <summary>It is being saved.</summary>
    Save = 3,

    /// <summary>It is being dumped.</summary>
    Dump = 4,

    /// <summary>A disk failed.</summary>
    IOError = 5,

    /// <summary>Its watchdog barked.</summary>
    Watchdog = 6,

    /// <summary>It was restored from a snapshot.</summary>
    FromSnapshot = 7,

    /// <summary>It is shutting down.</summary>
    ShuttingDown = 8,

    /// <summary>A snapshot is being taken.</summary>
    Snapshot = 9,

    /// <summary>It crashed.</summary>
    Crashed = 10,

    /// <summary>It is being started.</summary>
    StartingUp = 11,

    /// <summary>It went in post-copy.</summary>
    PostCopy = 12,

    /// <summary>Its post-copy failed.</summary>
    PostCopyFailed = 13,
}

/// <summary>Why a domain is off, <c>virDomainShutoffReason</c>.</summary>
public enum ShutoffReason
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>It shut down.</summary>
    Shutdown = 1,

    /// <summary>It was switched off.</summary>
    Destroyed = 2,

    /// <summary>It crashed.</summary>
    Crashed = 3,

    /// <summary>It runs on another host now.</summary>
    Migrated = 4,

    /// <summary>It was saved to a file.</summary>
    Saved = 5,

    /// <summary>It could not be started.</summary>
    Failed = 6,

    /// <summary>It was restored from a snapshot in which it was off.</summary>
    FromSnapshot = 7,

    /// <summary>The daemon that ran it ended.</summary>
    Daemon = 8,
}
