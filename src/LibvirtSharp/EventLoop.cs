using System.Runtime.InteropServices;

namespace LibvirtSharp;

/// <summary>
/// libvirt's event loop. There is one for the process, it has to be registered before a connection is opened, and it can't be taken
/// back: it runs on a thread of its own as long as the process does.
/// </summary>
internal static unsafe class EventLoop
{
    private static readonly Lazy<Thread> Loop = new(Start);

    /// <summary>Starts it, once.</summary>
    public static void EnsureRunning() => _ = Loop.Value;

    private static Thread Start()
    {
        // Without a handler libvirt prints every error to stderr; here each is an exception.
        Native.virSetErrorFunc(0, &Ignore);
        LibvirtException.ThrowIfNegative(Native.virEventRegisterDefaultImpl());
        var thread = new Thread(Run) { IsBackground = true, Name = "libvirt events" };
        thread.Start();
        return thread;
    }

    private static void Run()
    {
        while (true)
        {
            LibvirtException.ThrowIfNegative(Native.virEventRunDefaultImpl());
        }
    }

    [UnmanagedCallersOnly]
    private static void Ignore(nint userData, nint error)
    {
    }
}
