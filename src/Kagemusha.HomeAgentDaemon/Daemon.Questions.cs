using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

// What mobile nodes send, and strangers.
internal sealed partial class Daemon
{
    // RFC 6275, sections 6.5 to 6.8.
    private const byte FirstIcmpType = 144;
    private const byte LastIcmpType = 147;

    // Of all interfaces, as above, tunnels too: what a mobile node sends through its own is to be believed no more than elsewhere, but answered.
    private readonly PacketSocket _questions = new(
        0, PacketFilter.DestinationOptionsOrIcmp(FirstIcmpType, LastIcmpType), (ushort)EtherType.Ipv6, withoutLinkHeader: true);

    private readonly AnycastAddresses _anycast;

    private HomeAgentConfiguration Site => _site.Configuration;

    private bool IsOwn(Ipv6Address address) => address == Site.Address || Site.OtherAddresses.Contains(address);

    private async Task ReceiveMobilityAsync(CancellationToken end)
    {
        var buffer = new byte[LargestFrame];
        for (; ; )
        {
            var frame = await _mobility.ReceiveAsync(buffer, end);
            if (frame is { Type: PacketType.Host, IsTruncated: false } && ReadMobility(buffer.AsSpan(0, frame.Length), frame) is { } input)
            {
                _inputs.Writer.TryWrite(input);
            }
        }
    }

    private HomeAgentInput? ReadMobility(ReadOnlySpan<byte> bytes, ReceivedFrame frame)
    {
        if (MobilityPacket.TryParse(bytes, out var packet, out var error))
        {
            LinkLayerAddress? homeLinkSender = frame.InterfaceIndex == _site.Link.Index ? frame.Source : null;
            return IsOwn(packet.Destination) ? new HomeAgentInput.Received(packet, homeLinkSender) : null;
        }

        return error.NeedsParameterProblem && Ipv6Packet.ReadAddresses(bytes) is var (source, destination) && IsOwn(destination)
            ? new HomeAgentInput.Unreadable(source, destination, [.. bytes], error)
            : null;
    }

    private async Task ReceiveQuestionsAsync(CancellationToken end)
    {
        var buffer = new byte[LargestFrame];
        for (; ; )
        {
            var frame = await _questions.ReceiveAsync(buffer, end);
            if (frame.Type == PacketType.Host && ReadQuestion(buffer.AsSpan(0, frame.Length)) is { } input)
            {
                _inputs.Writer.TryWrite(input);
            }
        }
    }

    private HomeAgentInput? ReadQuestion(ReadOnlySpan<byte> bytes)
    {
        if (MobilityIcmpPacket.TryParse(bytes, out var packet, out _))
        {
            return packet.Message is HomeAgentAddressDiscoveryRequest or MobilePrefixSolicitation ? new HomeAgentInput.Asked(packet) : null;
        }

        // Mobility messages come in by the other socket.
        return HomeAddressPacket.TryParse(bytes, out var used, out _) && used.UpperLayer != NextHeader.Mobility && IsOwn(used.Destination)
            ? new HomeAgentInput.HomeAddressUsed(used)
            : null;
    }

    /// <summary>RFC 6275, section 10.5: who asks any home agent on the home link asks at an address that has to be this node's, too.</summary>
    private void ListenForDiscovery(HomeAgentEffect.HomePrefixesChanged changed)
    {
        try
        {
            _anycast.Set([.. changed.Prefixes.Select(prefix => prefix.HomeAgentsAnycast).OfType<Ipv6Address>()]);
        }
        catch (KernelException e)
        {
            Log.Warn($"mobile nodes that look for a home agent may not find this one: {e.Message}");
        }
    }
}
