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
    /// <param name="first">What its thread does before all else; of no use where it runs already, as <paramref name="afterEach"/>.</param>
    /// <param name="afterEach">What it does after each round, in which all events are delivered that have come together.</param>
    /// <exception cref="LibvirtException">libvirt refused.</exception>
    public static void EnsureRunning(Action? first = null, Action? afterEach = null)
    {
        lock (Gate)
        {
            Runner ??= Start(first, afterEach);
        }
    }

    private static Thread Start(Action? first, Action? afterEach)
    {
        // Without a handler libvirt prints every error to stderr; here each is an exception.
        Native.virSetErrorFunc(0, &Ignore);
        LibvirtException.ThrowIfNegative(Native.virEventRegisterDefaultImpl());
        var thread = new Thread(() => Run(first, afterEach)) { IsBackground = true, Name = "libvirt events" };
        thread.Start();
        return thread;
    }

    private static void Run(Action? first, Action? afterEach)
    {
        first?.Invoke();
        while (true)
        {
            LibvirtException.ThrowIfNegative(Native.virEventRunDefaultImpl());
            afterEach?.Invoke();
        }
    }

    [UnmanagedCallersOnly]
    private static void Ignore(nint userData, nint error)
    {
    }
}
