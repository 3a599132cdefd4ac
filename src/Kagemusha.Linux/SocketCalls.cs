using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Kagemusha.Linux;

/// <summary>System calls on sockets that .NET has no types for.</summary>
internal static class SocketCalls
{
    /// <summary>Makes a socket in the network namespace of the calling thread.</summary>
    public static SafeSocketHandle Create(int family, int type, int protocol, string what)
    {
        var fd = socket(family, type | SOCK_CLOEXEC, protocol);
        return fd >= 0 ? new SafeSocketHandle(fd, ownsHandle: true) : throw new KernelException($"socket for {what}", errno);
    }

    public static unsafe void SetOption<T>(SafeHandle handle, int level, int option, T value, string what)
        where T : unmanaged
    {
        if (setsockopt(Descriptor(handle), level, option, &value, sizeof(T)) < 0)
        {
            throw new KernelException($"setsockopt {what}", errno);
        }
    }

    public static unsafe void Bind<T>(SafeHandle handle, T address, string what)
        where T : unmanaged
    {
        if (bind(Descriptor(handle), (sockaddr*)&address, sizeof(T)) < 0)
        {
            throw new KernelException($"bind {what}", errno);
        }
    }

    /// <summary>Attaches a filter, in place of the one before.</summary>
    public static unsafe void AttachFilter(SafeHandle handle, PacketFilter filter)
    {
        fixed (FilterInstruction* start = filter.Instructions)
        {
            SetOption(handle, SOL_SOCKET, SO_ATTACH_FILTER, new SockFprog { Length = (ushort)filter.Instructions.Length, Filter = start }, "SO_ATTACH_FILTER");
        }
    }

    /// <summary>Waits until there is something to receive, or an error: the kernel tells it once, and the next receive would not see it.</summary>
    /// <returns>The error's number, or 0.</returns>
    /// <exception cref="ObjectDisposedException">The socket was closed meanwhile.</exception>
    public static async ValueTask<int> WaitReadableAsync(Socket socket, byte[] peeked, CancellationToken cancellationToken)
    {
        try
        {
            await socket.ReceiveAsync(peeked.AsMemory(), SocketFlags.Peek, cancellationToken);
            return 0;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.OperationAborted)
        {
            throw new ObjectDisposedException(nameof(Socket), error);
        }
        catch (SocketException error)
        {
            return error.NativeErrorCode;
        }
    }

    public static int Descriptor(SafeHandle handle)
    {
        ObjectDisposedException.ThrowIf(handle.IsClosed, handle);
        return (int)handle.DangerousGetHandle();
    }
}

/// <summary>struct sock_fprog.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SockFprog
{
    public ushort Length;
    public FilterInstruction* Filter;
}
