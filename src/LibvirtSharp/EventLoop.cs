using System.Runtime.InteropServices;

namespace LibvirtSharp;

/// <summary>
/// libvirt's event loop. There is one for the process, it has to be registered before a connection is opened, and it can't be taken
/// back: it runs on a thread of its own as long as the process does.
/// </summary>
public static unsafe class EventLoop
{
    private static readonly Lock Gate = new();
    private static Thread? Runner;

    /// <summary>Starts it, once.</summary>
    /// <param name="first">What its thread does before all else; of no use where it runs already.</param>
    /// <exception cref="LibvirtException">libvirt refused.</exception>
    public static void EnsureRunning(Action? first = null)
    {
        lock (Gate)
        {
            Runner ??= Start(first);
        }
    }

    private static Thread Start(Action? first)
    {
        // Without a handler libvirt prints every error to stderr; here each is an exception.
        Native.virSetErrorFunc(0, &Ignore);
        LibvirtException.ThrowIfNegative(Native.virEventRegisterDefaultImpl());
        var thread = new Thread(() => Run(first)) { IsBackground = true, Name = "libvirt events" };
        thread.Start();
        return thread;
    }

    private static void Run(Action? first)
    {
        first?.Invoke();
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
