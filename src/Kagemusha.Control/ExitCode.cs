namespace Kagemusha.Control;

/// <summary>How <c>kagemusha-hook</c> ends, and what the agent tells it to end with.</summary>
public enum ExitCode
{
    /// <summary>It was done.</summary>
    Done = 0,

    /// <summary>It was tried and failed.</summary>
    Failed = 1,

    /// <summary>The command line makes no sense.</summary>
    Usage = 2,

    /// <summary>There is no such domain, or it is not enrolled.</summary>
    NotFound = 3,

    /// <summary>The agent does not answer.</summary>
    AgentUnreachable = 4,

    /// <summary>libvirt does not answer, or refused.</summary>
    Libvirt = 5,

    /// <summary>The caller may not do it.</summary>
    Permission = 6,

    /// <summary>A check refused it, and nothing was changed.</summary>
    Refused = 7,
}
