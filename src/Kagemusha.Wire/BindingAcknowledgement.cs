using System.Buffers.Binary;

namespace Kagemusha.Wire;

/// <summary>
/// Answers a Binding Update (RFC 6275, section 6.1.8).
/// <code>
///  6               7               8               9
/// |    Status     |K|  Reserved   |           Sequence #          |
/// |           Lifetime            |   Mobility Options ...
/// </code>
/// </summary>
/// <param name="Status">What became of the update.</param>
/// <param name="Flags">The flags; bits of later RFCs are kept.</param>
/// <param name="Sequence">The update's number; with <see cref="BindingStatus.SequenceNumberOutOfWindow"/> the last accepted one.</param>
/// <param name="Lifetime">What was granted, in units of four seconds.</param>
/// <param name="Options">The mobility options.</param>
public sealed record BindingAcknowledgement(
    BindingStatus Status, BindingAcknowledgementFlags Flags, ushort Sequence, ushort Lifetime, WireArray<MobilityOption> Options)
    : MobilityMessage
{
    internal const byte Type = 6;
    internal const int FixedLength = 12;

    internal override byte MessageType => Type;

    internal override int Length => MobilityOption.End(FixedLength, Options);

    internal static BindingAcknowledgement Read(ReadOnlySpan<byte> header, WireArray<MobilityOption> options) => new(
        (BindingStatus)header[6],
        (BindingAcknowledgementFlags)header[7],
        BinaryPrimitives.ReadUInt16BigEndian(header[8..]),
        BinaryPrimitives.ReadUInt16BigEndian(header[10..]),
        options);

    private protected override void WriteData(Span<byte> header)
    {
        header[6] = (byte)Status;
        header[7] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(header[8..], Sequence);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], Lifetime);
        MobilityOption.WriteAll(header, FixedLength, Options);
    }
}

/// <summary>The flags of a Binding Acknowledgement (RFC 6275, section 6.1.8).</summary>
[Flags]
public enum BindingAcknowledgementFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>K: the key management survives movements.</summary>
    KeyManagementMobilityCapability = 0x80,
}

/// <summary>The status of a Binding Acknowledgement (RFC 6275, section 6.1.8).</summary>
public enum BindingStatus : byte
{
    /// <summary>Binding Update accepted.</summary>
    Accepted = 0,

    /// <summary>Accepted but prefix discovery necessary.</summary>
    AcceptedPrefixDiscoveryNecessary = 1,

    /// <summary>Reason unspecified.</summary>
    ReasonUnspecified = 128,

    /// <summary>Administratively prohibited.</summary>
    AdministrativelyProhibited = 129,

    /// <summary>Insufficient resources.</summary>
    InsufficientResources = 130,

    /// <summary>Home registration not supported.</summary>
    HomeRegistrationNotSupported = 131,

    /// <summary>Not home subnet.</summary>
    NotHomeSubnet = 132,

    /// <summary>Not home agent for this mobile node.</summary>
    NotHomeAgentForThisMobileNode = 133,

    /// <summary>Duplicate Address Detection failed.</summary>
    DuplicateAddressDetectionFailed = 134,

    /// <summary>Sequence number out of window.</summary>
    SequenceNumberOutOfWindow = 135,

    /// <summary>Expired home nonce index.</summary>
    ExpiredHomeNonceIndex = 136,

    /// <summary>Expired care-of nonce index.</summary>
    ExpiredCareOfNonceIndex = 137,

    /// <summary>Expired nonces.</summary>
    ExpiredNonces = 138,

    /// <summary>Registration type change disallowed.</summary>
    RegistrationTypeChangeDisallowed = 139,

    /// <summary>Invalid care-of address.</summary>
    InvalidCareOfAddress = 174,
}

/// <summary>What a status means.</summary>
public static class BindingStatusExtensions
{
    extension(BindingStatus status)
    {
        /// <summary>Below 128: the update was accepted (RFC 6275, section 6.1.8).</summary>
        public bool IsAccepted => (byte)status < 128;
    }
}
