using System.Runtime.InteropServices;

namespace Kagemusha.Linux;

/// <summary>The kernel refused something.</summary>
public class KernelException : IOException
{
    /// <summary>An operation that failed with <paramref name="errno"/>.</summary>
    /// <param name="operation">What was asked, as an <c>ip</c> line or a system call's name.</param>
    /// <param name="errno">The kernel's positive error number.</param>
    public KernelException(string operation, int errno)
        : this(operation, errno, $"{operation}: {Marshal.GetPInvokeErrorMessage(errno)}")
    {
    }

    private protected KernelException(string operation, int errno, string message)
        : base(message)
    {
        Operation = operation;
        Errno = errno;
    }

    /// <summary>What was asked.</summary>
    public string Operation { get; }

    /// <summary>The kernel's positive error number.</summary>
    public int Errno { get; }
}

/// <summary>An error over netlink, with what the kernel adds by NETLINK_EXT_ACK.</summary>
public sealed class NetlinkException : KernelException
{
    /// <summary>A request that the kernel answered with an error.</summary>
    /// <param name="operation">What was asked, as an <c>ip</c> or <c>tc</c> line.</param>
    /// <param name="errno">The kernel's positive error number.</param>
    /// <param name="kernelMessage">The kernel's own words, if it had any.</param>
    /// <param name="offset">Where in the request the offending attribute is, if the kernel said so.</param>
    public NetlinkException(string operation, int errno, string? kernelMessage = null, int? offset = null)
        : base(operation, errno, Describe(operation, errno, kernelMessage, offset))
    {
        KernelMessage = kernelMessage;
        Offset = offset;
    }

    /// <summary>The kernel's own words (NLMSGERR_ATTR_MSG).</summary>
    public string? KernelMessage { get; }

    /// <summary>The byte of the request that the kernel points at (NLMSGERR_ATTR_OFFS).</summary>
    public int? Offset { get; }

    private static string Describe(string operation, int errno, string? kernelMessage, int? offset)
    {
        var text = $"{operation}: {Marshal.GetPInvokeErrorMessage(errno)}";
        text = kernelMessage is null ? text : $"{text}: {kernelMessage}";
        return offset is null ? text : $"{text} (at byte {offset} of the request)";
    }
}
