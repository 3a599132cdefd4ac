namespace LibvirtSharp;

/// <summary>A domain's long job and how far it is, by <c>virDomainGetJobStats</c>; what libvirt does not say is zero.</summary>
/// <param name="Operation">What it does.</param>
/// <param name="MemoryTotal">The guest's memory, bytes.</param>
/// <param name="MemoryProcessed">What has gone of it, pages that went again too, bytes.</param>
/// <param name="MemoryRemaining">What is still to go, bytes.</param>
/// <param name="MemoryRate">How fast it goes, bytes in a second.</param>
/// <param name="DirtyRate">How fast the guest writes it anew, bytes in a second.</param>
/// <param name="Iteration">The pass over the memory, the first one is 1.</param>
public sealed record DomainJob(
    DomainJobOperation Operation, ulong MemoryTotal, ulong MemoryProcessed, ulong MemoryRemaining, ulong MemoryRate, ulong DirtyRate, ulong Iteration)
{
    /// <param name="parameters">An array of <c>virTypedParameter</c>.</param>
    /// <param name="count">How many those are.</param>
    internal static DomainJob Read(nint parameters, int count)
    {
        var operation = Native.virTypedParamsGetInt(parameters, count, "operation", out var what) == 1 ? (DomainJobOperation)what : DomainJobOperation.Unknown;
        return new(
            operation,
            Get("memory_total"),
            Get("memory_processed"),
            Get("memory_remaining"),
            Get("memory_bps"),
            Get("memory_dirty_rate") * Get("memory_page_size"),
            Get("memory_iteration"));

        ulong Get(string name) => Native.virTypedParamsGetULLong(parameters, count, name, out var value) == 1 ? value : 0;
    }
}
