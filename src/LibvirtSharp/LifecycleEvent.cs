namespace LibvirtSharp;

/// <summary>Something in a domain's life.</summary>
/// <param name="Uuid">The domain's UUID.</param>
/// <param name="Name">The domain's name.</param>
/// <param name="Type">What happened.</param>
/// <param name="Detail">How: by the type a <see cref="StartedDetail"/>, <see cref="SuspendedDetail"/>, <see cref="ResumedDetail"/> or
/// <see cref="StoppedDetail"/>, or another of libvirt's.</param>
public sealed record LifecycleEvent(Guid Uuid, string Name, LifecycleEventType Type, int Detail)
{
    /// <summary>Such as <c>vm Suspended/Migrated</c>.</summary>
    public override string ToString() => Type switch
    {
        LifecycleEventType.Started => $"{Name} {Type}/{(StartedDetail)Detail}",
        LifecycleEventType.Suspended => $"{Name} {Type}/{(SuspendedDetail)Detail}",
        LifecycleEventType.Resumed => $"{Name} {Type}/{(ResumedDetail)Detail}",
        LifecycleEventType.Stopped => $"{Name} {Type}/{(StoppedDetail)Detail}",
        _ => $"{Name} {Type}/{Detail}",
    };
}

/// <summary><c>virDomainEventType</c></summary>
public enum LifecycleEventType
{
    /// <summary>A persistent definition was made or changed.</summary>
    Defined = 0,

    /// <summary>The persistent definition was removed.</summary>
    Undefined = 1,

    /// <summary>It was started.</summary>
    Started = 2,

    /// <summary>Its processors were stopped.</summary>
    Suspended = 3,

    /// <summary>Its processors go on.</summary>
    Resumed = 4,

    /// <summary>It ended on this host.</summary>
    Stopped = 5,

    /// <summary>The guest shut down.</summary>
    Shutdown = 6,

    /// <summary>The guest sleeps by its own power management.</summary>
    PMSuspended = 7,

    /// <summary>It crashed.</summary>
    Crashed = 8,
}

/// <summary><c>virDomainEventStartedDetailType</c></summary>
public enum StartedDetail
{
    /// <summary>A plain start.</summary>
    Booted = 0,

    /// <summary>For an incoming migration.</summary>
    Migrated = 1,

    /// <summary>From a file.</summary>
    Restored = 2,

    /// <summary>From a snapshot.</summary>
    FromSnapshot = 3,

    /// <summary>From sleep.</summary>
    Wakeup = 4,
}

/// <summary><c>virDomainEventSuspendedDetailType</c></summary>
public enum SuspendedDetail
{
    /// <summary>Somebody paused it.</summary>
    Paused = 0,

    /// <summary>For a migration: at the source, the switch.</summary>
    Migrated = 1,

    /// <summary>A disk failed.</summary>
    IOError = 2,

    /// <summary>Its watchdog barked.</summary>
    Watchdog = 3,

    /// <summary>Restored paused from a file.</summary>
    Restored = 4,

    /// <summary>Restored paused from a snapshot.</summary>
    FromSnapshot = 5,

    /// <summary>A call of libvirt failed.</summary>
    ApiError = 6,

    /// <summary>At the source of a migration in post-copy.</summary>
    PostCopy = 7,

    /// <summary>The post-copy failed.</summary>
    PostCopyFailed = 8,
}

/// <summary><c>virDomainEventResumedDetailType</c></summary>
public enum ResumedDetail
{
    /// <summary>Somebody let it go on, or it was started plainly.</summary>
    Unpaused = 0,

    /// <summary>At the destination, the end of a migration; at a source that paused it before, its failure.</summary>
    Migrated = 1,

    /// <summary>From a snapshot.</summary>
    FromSnapshot = 2,

    /// <summary>At the destination of a migration in post-copy.</summary>
    PostCopy = 3,

    /// <summary>The post-copy failed.</summary>
    PostCopyFailed = 4,
}

/// <summary><c>virDomainEventStoppedDetailType</c></summary>
public enum StoppedDetail
{
    /// <summary>It shut down.</summary>
    Shutdown = 0,

    /// <summary>It was switched off.</summary>
    Destroyed = 1,

    /// <summary>It crashed.</summary>
    Crashed = 2,

    /// <summary>It went to another host.</summary>
    Migrated = 3,

    /// <summary>It was saved to a file.</summary>
    Saved = 4,

    /// <summary>It failed: at the destination, the migration did.</summary>
    Failed = 5,

    /// <summary>It was replaced by a snapshot in which it is off.</summary>
    FromSnapshot = 6,
}
