using System.Runtime.InteropServices;
using System.Text;

namespace LibvirtSharp;

/// <summary>A domain that libvirt knows, or knew when it was asked.</summary>
public sealed unsafe partial class LibvirtDomain : IDisposable
{
    /// <summary>VIR_UUID_STRING_BUFLEN</summary>
    private const int UuidBufferLength = 37;

    /// <summary>VIR_DOMAIN_METADATA_ELEMENT</summary>
    private const int MetadataElement = 2;

    /// <summary>VIR_DOMAIN_JOB_NONE</summary>
    private const int NoJob = 0;

    private readonly DomainHandle _domain;

    internal LibvirtDomain(DomainHandle domain)
    {
        _domain = domain;
        Name = NameOf(domain.DangerousGetHandle());
        Uuid = UuidOf(domain.DangerousGetHandle());
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its UUID.</summary>
    public Guid Uuid { get; }

    /// <summary>Whether it runs or is paused, and so has a live definition.</summary>
    public bool IsActive => LibvirtException.ThrowIfNegative(Native.virDomainIsActive(_domain)) == 1;

    /// <summary>Whether it has a persistent definition.</summary>
    public bool IsPersistent => LibvirtException.ThrowIfNegative(Native.virDomainIsPersistent(_domain)) == 1;

    /// <summary>Its definition: the live one of an active domain, unless the flags say otherwise.</summary>
    public string GetXml(DomainXmlFlags flags = DomainXmlFlags.None) =>
        Native.virDomainGetXMLDesc(_domain, (uint)flags) ?? throw LibvirtException.Last();

    /// <summary>Its state and why it is in it.</summary>
    public DomainStateAndReason GetState()
    {
        LibvirtException.ThrowIfNegative(Native.virDomainGetState(_domain, out var state, out var reason, flags: 0));
        return new((DomainState)state, reason);
    }

    /// <summary>The long job that it is in now, or null.</summary>
    /// <exception cref="LibvirtException">
    /// <see cref="LibvirtErrorCode.OperationInvalid"/>: it is not active, or is coming here by a migration, of which only the source tells.
    /// </exception>
    public DomainJob? GetJob()
    {
        LibvirtException.ThrowIfNegative(Native.virDomainGetJobStats(_domain, out var type, out var parameters, out var count, flags: 0));
        try
        {
            return type == NoJob ? null : DomainJob.Read(parameters, count);
        }
        finally
        {
            Native.virTypedParamsFree(parameters, count);
        }
    }

    /// <summary>How many IOThreads it has. libvirt asks the running QEMU, during a migration too, so an answer proves that QEMU's main loop goes on.</summary>
    public int GetIOThreadCount()
    {
        var count = LibvirtException.ThrowIfNegative(Native.virDomainGetIOThreadInfo(_domain, out var threads, flags: 0));
        for (var i = 0; i < count; i++)
        {
            Native.virDomainIOThreadInfoFree(threads[i]);
        }

        NativeMemory.Free(threads);
        return count;
    }

    /// <summary>The metadata element of this namespace, stripped of the namespace, or null.</summary>
    public string? GetMetadata(string uri, DomainModificationImpact impact = DomainModificationImpact.Current)
    {
        var metadata = Native.virDomainGetMetadata(_domain, MetadataElement, uri, (uint)impact);
        return metadata is not null || LibvirtException.LastCode == LibvirtErrorCode.NoDomainMetadata
            ? metadata
            : throw LibvirtException.Last();
    }

    /// <summary>
    /// Sets, or with null removes, the metadata element of this namespace. It blocks while a migration runs, and then fails.
    /// </summary>
    /// <param name="metadata">The element, without a namespace.</param>
    /// <param name="key">The namespace prefix that libvirt gives it.</param>
    /// <param name="uri">The namespace.</param>
    /// <param name="impact">The definitions to change, all or none of them.</param>
    public void SetMetadata(string? metadata, string key, string uri, DomainModificationImpact impact) => LibvirtException.ThrowIfNegative(
        Native.virDomainSetMetadata(_domain, MetadataElement, metadata, key, uri, (uint)impact));

    /// <summary>Starts it.</summary>
    public void Create() => LibvirtException.ThrowIfNegative(Native.virDomainCreate(_domain));

    /// <summary>Stops its processors.</summary>
    public void Suspend() => LibvirtException.ThrowIfNegative(Native.virDomainSuspend(_domain));

    /// <summary>Lets its processors go on.</summary>
    public void Resume() => LibvirtException.ThrowIfNegative(Native.virDomainResume(_domain));

    /// <summary>Switches it off.</summary>
    public void Destroy() => LibvirtException.ThrowIfNegative(Native.virDomainDestroy(_domain));

    /// <summary>Removes its persistent definition.</summary>
    public void Undefine() => LibvirtException.ThrowIfNegative(Native.virDomainUndefine(_domain));

    /// <summary>Lets go of libvirt's object; the domain itself is not touched.</summary>
    public void Dispose() => _domain.Dispose();

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal static string NameOf(nint domain) => Marshal.PtrToStringUTF8(Native.virDomainGetName(domain)) ?? throw LibvirtException.Last();

    internal static Guid UuidOf(nint domain)
    {
        var text = stackalloc byte[UuidBufferLength];
        LibvirtException.ThrowIfNegative(Native.virDomainGetUUIDString(domain, text));
        return Guid.ParseExact(Encoding.ASCII.GetString(text, UuidBufferLength - 1), "D");
    }
}

/// <summary>Which of its definitions a domain gives, <c>virDomainXMLFlags</c>.</summary>
[Flags]
public enum DomainXmlFlags
{
    /// <summary>The current one.</summary>
    None = 0,

    /// <summary>With passwords.</summary>
    Secure = 1,

    /// <summary>The persistent one, of an active domain too.</summary>
    Inactive = 2,

    /// <summary>As it would travel with a migration.</summary>
    Migratable = 8,
}

/// <summary>Which of a domain's definitions a change is made to, <c>virDomainModificationImpact</c>.</summary>
[Flags]
public enum DomainModificationImpact
{
    /// <summary>The live one of an active domain, else the persistent one.</summary>
    Current = 0,

    /// <summary>The live one; an error if the domain is not active.</summary>
    Live = 1,

    /// <summary>The persistent one; an error if there is none.</summary>
    Config = 2,
}
