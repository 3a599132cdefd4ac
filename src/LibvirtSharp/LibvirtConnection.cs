using System.Runtime.InteropServices;

namespace LibvirtSharp;

/// <summary>
/// A connection to a hypervisor's driver. Calls block until libvirt answers and may be made from any thread, but not from a handler
/// of events.
/// </summary>
public sealed unsafe class LibvirtConnection : IDisposable
{
    /// <summary>A daemon that is silent for this long is asked for a sign of life, in seconds.</summary>
    private const int KeepAliveInterval = 5;

    /// <summary>So many signs of life may fail to come before the connection is closed.</summary>
    private const uint KeepAliveCount = 3;

    // virDomainEventID
    private const int LifecycleEventId = 0;
    private const int DeviceRemovedEventId = 15;
    private const int DeviceAddedEventId = 19;

    private readonly ConnectHandle _connect;
    private readonly TaskCompletionSource<CloseReason> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private LibvirtConnection(ConnectHandle connect) => _connect = connect;

    /// <summary>Completes when the connection is lost. It does not come back: open another.</summary>
    public Task<CloseReason> Closed => _closed.Task;

    internal ConnectHandle Handle => _connect;

    /// <summary>Whether the connection stands.</summary>
    public bool IsAlive => Native.virConnectIsAlive(_connect) > 0;

    /// <summary>Opens a connection, with keep-alive where the driver has it.</summary>
    /// <param name="uri">Such as <c>qemu:///system</c>.</param>
    /// <exception cref="LibvirtException">It can't be opened.</exception>
    public static LibvirtConnection Open(string uri)
    {
        EventLoop.EnsureRunning();
        var connect = Native.virConnectOpen(uri);
        if (connect.IsInvalid)
        {
            throw LibvirtException.Last();
        }

        var connection = new LibvirtConnection(connect);
        try
        {
            connection.WatchItself();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The version of libvirt at the other end.</summary>
    public Version GetLibraryVersion()
    {
        _ = LibvirtException.ThrowIfNegative(Native.virConnectGetLibVersion(_connect, out var version));
        return new((int)(version / 1_000_000), (int)(version / 1000 % 1000), (int)(version % 1000));
    }

    /// <summary>The domain of this name, or null.</summary>
    public LibvirtDomain? FindByName(string name) => Find(Native.virDomainLookupByName(_connect, name));

    /// <summary>The domain with this UUID, or null.</summary>
    public LibvirtDomain? FindByUuid(Guid uuid) => Find(Native.virDomainLookupByUUIDString(_connect, uuid.ToString()));

    /// <summary>All domains, running or not.</summary>
    public IReadOnlyList<LibvirtDomain> ListDomains()
    {
        var count = LibvirtException.ThrowIfNegative(Native.virConnectListAllDomains(_connect, out var domains, flags: 0));
        var list = new LibvirtDomain[count];
        for (var i = 0; i < count; i++)
        {
            list[i] = new(new DomainHandle(domains[i]));
        }

        NativeMemory.Free(domains);
        return list;
    }

    /// <summary>Defines a domain, or changes the persistent definition of one with the same name and UUID.</summary>
    public LibvirtDomain Define(string xml)
    {
        var domain = Native.virDomainDefineXML(_connect, xml);
        return domain.IsInvalid ? throw LibvirtException.Last() : new(domain);
    }

    /// <summary>The bridge that a network's interfaces are ports of, or null if there is no such network.</summary>
    /// <exception cref="LibvirtException">The network has no bridge.</exception>
    public string? GetNetworkBridge(string network)
    {
        using var handle = Native.virNetworkLookupByName(_connect, network);
        if (handle.IsInvalid)
        {
            return LibvirtException.LastCode == LibvirtErrorCode.NoNetwork ? null : throw LibvirtException.Last();
        }

        return Native.virNetworkGetBridgeName(handle) ?? throw LibvirtException.Last();
    }

    /// <summary>
    /// Calls back for each lifecycle event of each domain until the result is disposed or the connection is lost. libvirt takes one
    /// watch at a time.
    /// </summary>
    /// <param name="handler">Called on the event loop's thread, in order. It must not block, throw, or call libvirt.</param>
    public IDisposable WatchLifecycle(Action<LifecycleEvent> handler) =>
        Register(LifecycleEventId, (delegate* unmanaged<nint, nint, int, int, nint, int>)&OnLifecycle, handler);

    /// <summary>Calls back for each device that is plugged into a running domain or out of it, as <see cref="WatchLifecycle"/> does.</summary>
    /// <param name="handler">Called on the event loop's thread, in order. It must not block, throw, or call libvirt.</param>
    public IDisposable WatchDevices(Action<DeviceEvent> handler)
    {
        var added = Register(DeviceAddedEventId, (delegate* unmanaged<nint, nint, nint, nint, void>)&OnDeviceAdded, handler);
        try
        {
            return new Watches(added, Register(DeviceRemovedEventId, (delegate* unmanaged<nint, nint, nint, nint, void>)&OnDeviceRemoved, handler));
        }
        catch
        {
            added.Dispose();
            throw;
        }
    }

    /// <param name="eventId">Which events.</param>
    /// <param name="callback">A callback of the type that libvirt wants for these.</param>
    /// <param name="handler">What the callback gets.</param>
    private Watch Register(int eventId, void* callback, Delegate handler)
    {
        // The handle belongs to libvirt until it calls FreeHandle.
        var opaque = GCHandle.ToIntPtr(GCHandle.Alloc(handler));
        var id = Native.virConnectDomainEventRegisterAny(_connect, 0, eventId, callback, opaque, &FreeHandle);
        if (id < 0)
        {
            GCHandle.FromIntPtr(opaque).Free();
            throw LibvirtException.Last();
        }

        return new Watch(_connect, id);
    }

    /// <summary>Closes the connection; domains and watches of it go on until they are disposed.</summary>
    public void Dispose()
    {
        if (!_connect.IsClosed)
        {
            // libvirt keeps the connection as long as the callback is there. A driver without it says so; there is nothing to do then.
            _ = Native.virConnectUnregisterCloseCallback(_connect, &OnClosed);
        }

        _connect.Dispose();
        _closed.TrySetResult(CloseReason.Client);
    }

    private static LibvirtDomain? Find(DomainHandle domain) =>
        !domain.IsInvalid ? new(domain)
        : LibvirtException.LastCode == LibvirtErrorCode.NoDomain ? null
        : throw LibvirtException.Last();

    private void WatchItself()
    {
        var opaque = GCHandle.ToIntPtr(GCHandle.Alloc(_closed));
        if (Native.virConnectRegisterCloseCallback(_connect, &OnClosed, opaque, &FreeHandle) < 0)
        {
            GCHandle.FromIntPtr(opaque).Free();
            ThrowUnlessUnsupported();
        }

        if (Native.virConnectSetKeepAlive(_connect, KeepAliveInterval, KeepAliveCount) < 0)
        {
            ThrowUnlessUnsupported();
        }
    }

    /// <summary>A driver inside this process has no connection that could be lost.</summary>
    private static void ThrowUnlessUnsupported()
    {
        if (LibvirtException.LastCode != LibvirtErrorCode.NoSupport)
        {
            throw LibvirtException.Last();
        }
    }

    [UnmanagedCallersOnly]
    private static void OnClosed(nint connect, int reason, nint opaque) =>
        ((TaskCompletionSource<CloseReason>)GCHandle.FromIntPtr(opaque).Target!).TrySetResult((CloseReason)reason);

    [UnmanagedCallersOnly]
    private static int OnLifecycle(nint connect, nint domain, int type, int detail, nint opaque)
    {
        // The domain is libvirt's, for the time of this call.
        var happened = new LifecycleEvent(LibvirtDomain.UuidOf(domain), LibvirtDomain.NameOf(domain), (LifecycleEventType)type, detail);
        ((Action<LifecycleEvent>)GCHandle.FromIntPtr(opaque).Target!)(happened);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static void OnDeviceAdded(nint connect, nint domain, nint alias, nint opaque) => Tell(domain, alias, isThere: true, opaque);

    [UnmanagedCallersOnly]
    private static void OnDeviceRemoved(nint connect, nint domain, nint alias, nint opaque) => Tell(domain, alias, isThere: false, opaque);

    private static void Tell(nint domain, nint alias, bool isThere, nint opaque) => ((Action<DeviceEvent>)GCHandle.FromIntPtr(opaque).Target!)(
        new(LibvirtDomain.UuidOf(domain), LibvirtDomain.NameOf(domain), Marshal.PtrToStringUTF8(alias) ?? "", isThere));

    [UnmanagedCallersOnly]
    private static void FreeHandle(nint opaque) => GCHandle.FromIntPtr(opaque).Free();

    private sealed class Watch(ConnectHandle connect, int id) : IDisposable
    {
        private int _disposed;

        public void Dispose()
        {
            // A connection that is closed has no watches any more.
            if (Interlocked.Exchange(ref _disposed, 1) == 0 && !connect.IsClosed)
            {
                _ = Native.virConnectDomainEventDeregisterAny(connect, id);
            }
        }
    }

    private sealed class Watches(Watch one, Watch other) : IDisposable
    {
        public void Dispose()
        {
            one.Dispose();
            other.Dispose();
        }
    }
}

/// <summary>Why a connection ended, a <c>virConnectCloseReason</c>.</summary>
public enum CloseReason
{
    /// <summary>An error of input or output.</summary>
    Error = 0,

    /// <summary>The daemon ended.</summary>
    EndOfFile = 1,

    /// <summary>The daemon gave no sign of life.</summary>
    KeepAlive = 2,

    /// <summary>It was closed here.</summary>
    Client = 3,
}
