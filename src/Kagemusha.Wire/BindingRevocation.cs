using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>
/// A home agent ends a binding by itself (RFC 5846, section 5.1).
/// <code>
///  6               7               8               9
/// | B.R. Type = 1 |  R. Trigger   |          Sequence #           |
/// |P|V|G|        Reserved         |   Mobility Options ...
/// </code>
/// </summary>
/// <param name="Trigger">Why; see <see cref="RevocationTrigger"/>.</param>
/// <param name="Sequence">Matches the acknowledgement to it; no relation to those of Binding Updates.</param>
/// <param name="Flags">The flags; bits of later RFCs are kept.</param>
/// <param name="Options">The mobility options.</param>
public sealed record BindingRevocationIndication(
    RevocationTrigger Trigger, ushort Sequence, RevocationFlags Flags, WireArray<MobilityOption> Options) : MobilityMessage
{
    internal const byte RevocationType = 1;

    internal override byte MessageType => BindingRevocation.Type;

    internal override int Length => MobilityOption.End(BindingRevocation.FixedLength, Options);

    private protected override void WriteData(Span<byte> header) =>
        BindingRevocation.Write(header, RevocationType, (byte)Trigger, Sequence, Flags, Options);
}

/// <summary>
/// Answers a revocation (RFC 5846, section 5.2).
/// <code>
///  6               7               8               9
/// | B.R. Type = 2 |    Status     |          Sequence #           |
/// |P|V|G|        Reserved         |   Mobility Options ...
/// </code>
/// </summary>
/// <param name="Status">What became of it.</param>
/// <param name="Sequence">The indication's.</param>
/// <param name="Flags">The indication's.</param>
/// <param name="Options">The mobility options.</param>
public sealed record BindingRevocationAcknowledgement(
    RevocationStatus Status, ushort Sequence, RevocationFlags Flags, WireArray<MobilityOption> Options) : MobilityMessage
{
    internal const byte RevocationType = 2;

    internal override byte MessageType => BindingRevocation.Type;

    internal override int Length => MobilityOption.End(BindingRevocation.FixedLength, Options);

    private protected override void WriteData(Span<byte> header) =>
        BindingRevocation.Write(header, RevocationType, (byte)Status, Sequence, Flags, Options);
}

/// <summary>What both messages of MH type 16 have in common (RFC 5846, section 5).</summary>
internal static class BindingRevocation
{
    public const byte Type = 16;
    public const int FixedLength = 12;

    private const int RevocationTypeOffset = 6;

    /// <summary>Null for a revocation type that is not known.</summary>
    public static MobilityMessage? Read(ReadOnlySpan<byte> header, WireArray<MobilityOption> options)
    {
        var code = header[7];
        var sequence = BinaryPrimitives.ReadUInt16BigEndian(header[8..]);
        var flags = (RevocationFlags)BinaryPrimitives.ReadUInt16BigEndian(header[10..]);
        return header[RevocationTypeOffset] switch
        {
            BindingRevocationIndication.RevocationType => new BindingRevocationIndication((RevocationTrigger)code, sequence, flags, options),
            BindingRevocationAcknowledgement.RevocationType =>
                new BindingRevocationAcknowledgement((RevocationStatus)code, sequence, flags, options),
            _ => null,
        };
    }

    public static void Write(
        Span<byte> header, byte revocationType, byte code, ushort sequence, RevocationFlags flags, WireArray<MobilityOption> options)
    {
        header[RevocationTypeOffset] = revocationType;
        header[7] = code;
        BinaryPrimitives.WriteUInt16BigEndian(header[8..], sequence);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], (ushort)flags);
        MobilityOption.WriteAll(header, FixedLength, options);
    }
}

/// <summary>The flags of both revocation messages (RFC 5846, sections 5.1 and 5.2).</summary>
[Flags]
public enum RevocationFlags : ushort
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>P: about a proxy registration.</summary>
    Proxy = 0x8000,

    /// <summary>V: about the IPv4 home address only.</summary>
    Ipv4HomeAddressOnly = 0x4000,

    /// <summary>G: about all bindings of the peer.</summary>
    Global = 0x2000,
}

/// <summary>Why a binding is revoked (RFC 5846, section 5.1), as far as it concerns a mobile node.</summary>
public enum RevocationTrigger : byte
{
    /// <summary>Unspecified.</summary>
    Unspecified = 0,

    /// <summary>Administrative reason.</summary>
    Administrative = 1,

    /// <summary>User-initiated session termination.</summary>
    UserInitiatedTermination = 5,

    /// <summary>Access network session termination.</summary>
    AccessNetworkTermination = 6,

    /// <summary>Possible out-of-sync binding cache entry state.</summary>
    PossiblyOutOfSync = 7,
}

/// <summary>What became of a revocation (RFC 5846, section 5.2).</summary>
public enum RevocationStatus : byte
{
    /// <summary>Success.</summary>
    Success = 0,

    /// <summary>Partial success.</summary>
    PartialSuccess = 1,

    /// <summary>Binding does not exist.</summary>
    BindingDoesNotExist = 128,

    /// <summary>IPv4 home address option binding does not exist.</summary>
    Ipv4BindingDoesNotExist = 129,

    /// <summary>Global revocation not authorized.</summary>
    GlobalRevocationNotAuthorized = 130,

    /// <summary>Revoked mobile nodes identity required.</summary>
    RevokedIdentityRequired = 131,

    /// <summary>Revocation failed, the mobile node is attached.</summary>
    MobileNodeIsAttached = 132,

    /// <summary>Revocation trigger not supported.</summary>
    TriggerNotSupported = 133,

    /// <summary>Revocation function not supported.</summary>
    FunctionNotSupported = 134,

    /// <summary>Proxy binding revocation not supported.</summary>
    ProxyNotSupported = 135,
}
