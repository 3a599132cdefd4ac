using System.Runtime.InteropServices;

namespace LibvirtSharp;

/// <summary>libvirt refused or failed; the message is libvirt's own.</summary>
public sealed class LibvirtException(LibvirtErrorCode code, int domain, string message) : Exception(message)
{
    /// <summary>What went wrong, a <c>virErrorNumber</c>.</summary>
    public LibvirtErrorCode Code { get; } = code;

    /// <summary>The part of libvirt that says so, a <c>virErrorDomain</c>.</summary>
    public int Domain { get; } = domain;

    /// <summary>The error of this thread's last call.</summary>
    internal static LibvirtException Last() => new(
        LastCode,
        Native.virGetLastErrorDomain(),
        Marshal.PtrToStringUTF8(Native.virGetLastErrorMessage()) ?? "libvirt gave no reason");

    internal static LibvirtErrorCode LastCode => (LibvirtErrorCode)Native.virGetLastErrorCode();

    /// <summary>A call's result, if it is not libvirt's sign of failure.</summary>
    internal static int ThrowIfNegative(int result) => result >= 0 ? result : throw Last();
}

/// <summary>The codes of <c>virErrorNumber</c> that a caller tells apart; all others are kept as they come.</summary>
public enum LibvirtErrorCode
{
    /// <summary>VIR_ERR_NO_SUPPORT: the driver has no such function.</summary>
    NoSupport = 3,

    /// <summary>VIR_ERR_NO_CONNECT: nobody listens there.</summary>
    NoConnect = 5,

    /// <summary>VIR_ERR_XML_ERROR: the XML is not a valid definition.</summary>
    XmlError = 27,

    /// <summary>VIR_ERR_SYSTEM_ERROR: a system call failed, the daemon's socket is not there.</summary>
    SystemError = 38,

    /// <summary>VIR_ERR_RPC: the daemon's answer is not what was expected, or none.</summary>
    Rpc = 39,

    /// <summary>VIR_ERR_NO_DOMAIN</summary>
    NoDomain = 42,

    /// <summary>VIR_ERR_NO_NETWORK</summary>
    NoNetwork = 43,

    /// <summary>VIR_ERR_OPERATION_INVALID: not in this state.</summary>
    OperationInvalid = 55,

    /// <summary>VIR_ERR_OPERATION_TIMEOUT: another job holds the domain.</summary>
    OperationTimeout = 68,

    /// <summary>VIR_ERR_HOOK_SCRIPT_FAILED: a hook refused; the message has what it said.</summary>
    HookScriptFailed = 70,

    /// <summary>VIR_ERR_OPERATION_ABORTED: it was given up.</summary>
    OperationAborted = 78,

    /// <summary>VIR_ERR_NO_DOMAIN_METADATA</summary>
    NoDomainMetadata = 80,
}
