using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Kagemusha.Control;

/// <summary>128 random bits in a domain's metadata: whoever shows them was given the domain's definition. They are never printed.</summary>
public readonly record struct OneTimeToken
{
    private const int Length = 16;

    private readonly UInt128 _bits;

    private OneTimeToken(ReadOnlySpan<byte> bytes) => _bits = BinaryPrimitives.ReadUInt128BigEndian(bytes);

    /// <summary>A new one.</summary>
    public static OneTimeToken Create() => new(RandomNumberGenerator.GetBytes(Length));

    /// <summary>Reads 32 hexadecimal digits.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out OneTimeToken token)
    {
        Span<byte> bytes = stackalloc byte[Length];
        var isToken = text?.Length == 2 * Length
            && Convert.FromHexString(text, bytes, out _, out var written) == OperationStatus.Done
            && written == Length;
        token = isToken ? new(bytes) : default;
        return isToken;
    }

    /// <summary>Whether it is the same, in a time that tells nothing of how much is.</summary>
    public bool Matches(OneTimeToken other) => CryptographicOperations.FixedTimeEquals(Bytes(), other.Bytes());

    /// <summary>The 32 digits, for the metadata and a peer only.</summary>
    public string Reveal() => Convert.ToHexStringLower(Bytes());

    /// <summary>Nothing of it: records that hold it are printed.</summary>
    public override string ToString() => "(secret)";

    private byte[] Bytes()
    {
        var bytes = new byte[Length];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _bits);
        return bytes;
    }
}
