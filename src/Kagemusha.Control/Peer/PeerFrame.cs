namespace Kagemusha.Control;

/// <summary>
/// The messages between agents on their stream, framed as on the control socket but much shorter. Reading fails with
/// <see cref="InvalidDataException"/> where the message is not of this version, and <see cref="EndOfStreamException"/> where the peer closed before its end.
/// </summary>
public static class PeerFrame
{
    /// <summary>A caller that is not known yet may make the agent keep no more than this.</summary>
    public const int MaximumRequestLength = 4 << 10;

    /// <summary>Hundreds of home addresses fit.</summary>
    public const int MaximumReplyLength = 256 << 10;

    /// <summary>Asks.</summary>
    public static Task WriteAsync(Stream stream, PeerRequest request, CancellationToken cancellation) =>
        ControlFrame.WriteAsync(stream, request, PeerJson.Default.PeerRequest, cancellation, MaximumRequestLength);

    /// <summary>Answers.</summary>
    public static Task WriteAsync(Stream stream, PeerReply reply, CancellationToken cancellation) =>
        ControlFrame.WriteAsync(stream, reply, PeerJson.Default.PeerReply, cancellation, MaximumReplyLength);

    /// <summary>Takes a request.</summary>
    public static Task<PeerRequest> ReadRequestAsync(Stream stream, CancellationToken cancellation) =>
        ControlFrame.ReadAsync(stream, PeerJson.Default.PeerRequest, cancellation, MaximumRequestLength);

    /// <summary>Takes an answer.</summary>
    public static Task<PeerReply> ReadReplyAsync(Stream stream, CancellationToken cancellation) =>
        ControlFrame.ReadAsync(stream, PeerJson.Default.PeerReply, cancellation, MaximumReplyLength);
}
