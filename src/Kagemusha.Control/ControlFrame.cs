using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kagemusha.Control;

/// <summary>
/// One message on the control socket, or between agents: its length as four bytes, most significant first, then as many bytes of JSON.
/// </summary>
internal static class ControlFrame
{
    /// <summary>No domain's XML comes near it; a peer that claims more is not ours.</summary>
    public const int MaximumLength = 4 << 20;

    private const int HeaderLength = 4;

    public static async Task WriteAsync<T>(
        Stream stream, T message, JsonTypeInfo<T> type, CancellationToken cancellation, int maximumLength = MaximumLength)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(message, type);
        if (json.Length > maximumLength)
        {
            throw new InvalidDataException($"a message of {json.Length} bytes is longer than the {maximumLength} that the agent takes");
        }

        var frame = new byte[HeaderLength + json.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, json.Length);
        json.CopyTo(frame, HeaderLength);
        await stream.WriteAsync(frame, cancellation);
    }

    /// <exception cref="EndOfStreamException">The peer closed before a whole message had come.</exception>
    /// <exception cref="InvalidDataException">What came is not a message of ours.</exception>
    public static async Task<T> ReadAsync<T>(
        Stream stream, JsonTypeInfo<T> type, CancellationToken cancellation, int maximumLength = MaximumLength)
    {
        var header = new byte[HeaderLength];
        await stream.ReadExactlyAsync(header, cancellation);
        var length = BinaryPrimitives.ReadUInt32BigEndian(header);
        if (length > maximumLength)
        {
            throw new InvalidDataException($"a message of {length} bytes is longer than {maximumLength}");
        }

        var json = new byte[length];
        await stream.ReadExactlyAsync(json, cancellation);
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new InvalidDataException("the message is empty");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            // Not the exception's own words: they may quote the domain's XML.
            throw new InvalidDataException("the message is not of this version");
        }
    }
}
