using System.Buffers.Binary;
using System.Text.Json.Serialization.Metadata;
using Kagemusha.Control;
using static Kagemusha.Fuzz.BrokenPropertyException;

namespace Kagemusha.Fuzz;

/// <summary>
/// What agents, hook and CLI say to each other: read, or refused by the two documented exceptions; and what was read is read again, as the
/// same, when we write it.
/// </summary>
internal static class MessageTargets
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("control-frame", bytes => Read(bytes, ControlJson.Default.ControlRequest, ControlFrame.MaximumLength)),
        Messages("control-request", ControlJson.Default.ControlRequest, ControlFrame.MaximumLength),
        Messages("control-reply", ControlJson.Default.ControlReply, ControlFrame.MaximumLength),
        Messages("peer-request", PeerJson.Default.PeerRequest, PeerFrame.MaximumRequestLength),
        Messages("peer-reply", PeerJson.Default.PeerReply, PeerFrame.MaximumReplyLength),
    ];

    private static FuzzTarget Messages<T>(string name, JsonTypeInfo<T> type, int maximumLength)
        where T : class =>
        new(name, bytes =>
        {
            var frame = new byte[4 + bytes.Length];
            BinaryPrimitives.WriteInt32BigEndian(frame, bytes.Length);
            bytes.CopyTo(frame, 4);
            if (Read(frame, type, maximumLength) is { } message)
            {
                var written = Write(message, type);
                var again = Read(written, type, int.MaxValue);
                Require(again is not null, "what we write we refuse");
                Require(written.AsSpan().SequenceEqual(Write(again!, type)), "what we write we read as something else");
            }
        });

    private static T? Read<T>(byte[] frame, JsonTypeInfo<T> type, int maximumLength)
        where T : class
    {
        try
        {
            return ControlFrame.ReadAsync(new MemoryStream(frame), type, CancellationToken.None, maximumLength).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            return null;
        }
    }

    private static async Task<byte[]> WriteAsync<T>(T message, JsonTypeInfo<T> type)
    {
        using var stream = new MemoryStream();
        await ControlFrame.WriteAsync(stream, message, type, CancellationToken.None, int.MaxValue);
        return stream.ToArray();
    }

    private static byte[] Write<T>(T message, JsonTypeInfo<T> type) => WriteAsync(message, type).GetAwaiter().GetResult();
}
