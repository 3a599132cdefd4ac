using System.Buffers.Binary;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport;

/// <summary>How a move was registered.</summary>
/// <param name="Updates">Binding Updates that a host sent for it until one was accepted: more than one where one was lost.</param>
/// <param name="IsAccepted">Whether one was.</param>
/// <param name="Processing">
/// Nanoseconds from the update that was accepted to its acknowledgement, less those of the host's next echo to the home agent; null where
/// there was no such pair.
/// </param>
internal readonly record struct HomeRegistration(int Updates, bool IsAccepted, long? Processing);

/// <summary>
/// What the hosts and the home agent said to each other, as it left and reached the hosts: the guest's Binding Updates and their
/// acknowledgements, and echoes.
/// </summary>
/// <param name="guest">The guest's home address.</param>
/// <param name="homeAgent">Its home agent.</param>
internal sealed class Signalling(Ipv6Address guest, Ipv6Address homeAgent)
{
    // RFC 4443, section 4
    private const byte EchoRequest = 128;
    private const byte EchoReply = 129;
    private const int Icmpv6 = 58;
    private const int Ipv6Header = 40;
    private const int EchoHeader = 8;

    // An update is repeated with a new number (RFC 6275, section 11.8), and seen on each interface that it passes.
    private readonly Dictionary<ushort, long> _updates = [];
    private readonly Dictionary<ushort, long> _acceptances = [];
    private readonly Dictionary<uint, long> _requests = [];
    private readonly Dictionary<uint, long> _replies = [];

    /// <summary>Takes a packet of a host's capture.</summary>
    public void Add(CapturedPacket captured)
    {
        if (captured.Data.Length <= ProbeDecoder.LinkHeader)
        {
            return;
        }

        var packet = captured.Data.Span[ProbeDecoder.LinkHeader..];
        var outgoing = captured.Data.Span[10] == ProbeDecoder.PACKET_OUTGOING;
        if (TryReadEcho(packet, out var type, out var other, out var number) && other == homeAgent)
        {
            Keep(type == EchoRequest ? _requests : _replies, number, captured.At);
        }
        else if (MobilityPacket.TryParse(packet, out var signal, out _))
        {
            switch (signal.Message)
            {
                case BindingUpdate update when outgoing && (signal.HomeAddressOption ?? signal.Source) == guest:
                    Keep(_updates, update.Sequence, captured.At);
                    break;
                case BindingAcknowledgement answer when !outgoing && (signal.Type2RoutingHeader ?? signal.Destination) == guest
                    && answer.Status.IsAccepted:
                    Keep(_acceptances, answer.Sequence, captured.At);
                    break;
            }
        }
    }

    /// <summary>The first registration of a time. A home agent may accept an earlier update than the last one that was sent.</summary>
    public HomeRegistration Between(long from, long until)
    {
        var updates = _updates.Where(update => update.Value >= from && update.Value < until).ToArray();
        var accepted = updates.Where(update => _acceptances.TryGetValue(update.Key, out var at) && at < until)
            .OrderBy(update => _acceptances[update.Key]).Take(1).ToArray();
        if (accepted is not [var (sequence, sentAt)])
        {
            return new(updates.Length, false, null);
        }

        var acceptedAt = _acceptances[sequence];
        return new(updates.Count(update => update.Value < acceptedAt), true,
            EchoAfter(acceptedAt, until) is { } echo ? Math.Max(0, acceptedAt - sentAt - echo) : null);
    }

    // How long the first echo of a time took.
    private long? EchoAfter(long from, long until) => _requests
        .Where(request => request.Value >= from && request.Value < until && _replies.ContainsKey(request.Key))
        .OrderBy(request => request.Value)
        .Select(request => (long?)(_replies[request.Key] - request.Value)).FirstOrDefault();

    private static void Keep<T>(Dictionary<T, long> times, T key, long at)
        where T : notnull => times[key] = times.TryGetValue(key, out var known) ? Math.Min(known, at) : at;

    // Gives the address that is not the host's, and identifier and sequence number as one.
    private static bool TryReadEcho(ReadOnlySpan<byte> packet, out byte type, out Ipv6Address other, out uint number)
    {
        (type, other, number) = (0, default, 0);
        if (packet.Length < Ipv6Header + EchoHeader || packet[0] >> 4 != 6 || packet[6] != Icmpv6
            || packet[Ipv6Header] is not (EchoRequest or EchoReply))
        {
            return false;
        }

        type = packet[Ipv6Header];
        other = Ipv6Address.Read(packet[(type == EchoRequest ? 24 : 8)..]);
        number = BinaryPrimitives.ReadUInt32BigEndian(packet[(Ipv6Header + 4)..]);
        return true;
    }
}
