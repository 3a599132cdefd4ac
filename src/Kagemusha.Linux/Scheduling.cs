using System.Runtime.InteropServices;

namespace Kagemusha.Linux;

/// <summary>How the kernel shares processors out.</summary>
public static partial class Scheduling
{
    // linux/sched.h, sys/resource.h
    private const int SCHED_OTHER = 0;
    private const int SCHED_RESET_ON_FORK = 0x40000000;
    private const int PRIO_PROCESS = 0;
    private const int Nice = -10;

    /// <summary>
    /// Has the calling thread go before what else wants its processor: guests, and this program's other threads, even those that it makes itself.
    /// Without the permission it stays as it is, and so does what the administrator runs by another policy.
    /// </summary>
    public static void GoFirst()
    {
        var parameters = 0;
        if (sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, in parameters) == 0)
        {
            _ = setpriority(PRIO_PROCESS, 0, Nice);
        }
    }

    /// <summary>As <see cref="GoFirst"/>, with the threads that the calling one makes from now on.</summary>
    public static void GoFirstWithThreads()
    {
        if (sched_getscheduler(0) == SCHED_OTHER)
        {
            _ = setpriority(PRIO_PROCESS, 0, Nice);
        }
    }

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [LibraryImport("libc")]
    private static partial int sched_getscheduler(int thread);

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [LibraryImport("libc")]
    private static partial int sched_setscheduler(int thread, int policy, in int parameters);

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint thread, int nice);
}
